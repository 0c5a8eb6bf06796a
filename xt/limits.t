# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Small stacks of threads, a full disk, and, with LIMITS_HUGE in the environment, strings of more than 4 GiB, which take 13 GiB of
# memory: each call throws or succeeds, and the connection can be used afterwards.
use strict;
use warnings;

use Config;
use File::Spec ();
use File::Temp ();
use FindBin    ();
use POSIX      ();
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../t/lib";
use Patience;
use Session;
use Sys::Virt;
use Test::More;

local $SIG{ALRM} = sub { die "a call hangs\n" };

# How a call ends: the errno in the exception, or its message.
sub thrown {
    my ($code) = @_;
    return 'nothing' if eval { $code->(); 1 };
    return ref $@ && ( $@->int1 // -1 ) > 0 ? $@->int1 : "$@";
}

# Run as "limits.t --disk URI DIR", where DIR has little room.
sub full_disk {
    my ( $uri, $dir ) = @_;
    alarm 60;
    my $conn     = Sys::Virt->new( uri => $uri );
    my $volume   = $conn->get_storage_pool_by_name('limits')->get_volume_by_name('v');
    my $download = sub {
        my $stream = $conn->new_stream;
        $volume->download( $stream, 0, 0 );
        return $stream;
    };
    my $number = 0;
    my $file   = sub {
        unlink glob "$dir/*";
        open my $out, '>:raw', "$dir/copy@{[ $number++ ]}" or die $!;
        return $out;
    };
    my $no_space = POSIX::ENOSPC();
    is( thrown( sub { $download->()->receive_to( $file->() ) } ), $no_space, 'receive_to' );
    is( thrown( sub { $download->()->receive_to( $file->(), timeout => 30 ) } ),
        $no_space, '... with a time limit' );
    is( thrown( sub { $download->()->async->receive_to( $file->() )->get } ), $no_space, '... async' );
    my @futures = map { $download->()->async->receive_to( $file->() ) } 1 .. 4;
    is(
        join(
            q{ },
            map {
                my $future = $_;
                thrown( sub { $future->get } )
            } @futures
        ),
        join( q{ }, ($no_space) x 4 ),
        '... several'
    );
    for my $way ( 'recv_all', 'recv', 'handle' ) {
        my ( $stream, $out ) = ( $download->(), $file->() );
        my $write = sub { my ($data) = @_; syswrite( $out, $data ) // die 0 + $!, "\n"; length $data };
        my %copy  = (
            recv_all => sub {
                $stream->recv_all( sub { $write->( $_[1] ) } );
            },
            recv   => sub { $write->($_) while $stream->recv( $_, 262_120 ) > 0 },
            handle => sub {
                my $in = $stream->handle( timeout => 30 );
                while ( sysread $in, my $data, 100_000 ) { $write->($data) }
            },
        );
        like( thrown( $copy{$way} ), qr/\A$no_space\n/, "$way, whose script writes" );
        eval { $stream->abort } if $way ne 'handle';
    }
    is( $conn->get_type, 'storage', 'the connection lives' );
    is(
        $download->()->receive_to(
            do { open my $null, '>', '/dev/null' or die $!; $null }
        ),
        16 << 20,
        '... and the next download succeeds'
    );
    return;
}

sub tasks {
    my ($conn)  = @_;
    my $domain  = $conn->get_domain_by_name('test');
    my $picture = sub { my $stream = $conn->new_stream; $domain->screenshot( $stream, 0 ); return $stream };
    open my $null, '>', '/dev/null' or die $!;
    $conn->get_capabilities;
    $domain->get_xml_description;
    $conn->get_all_domain_stats(0);
    $conn->list_all_node_devices;
    $domain->get_scheduler_parameters;
    eval { $conn->define_domain('<domain>');           1 } and die 'defined';
    eval { $conn->get_domain_by_name( 'x' x 100_000 ); 1 } and die 'found';
    $domain->async->get_info->get;
    $picture->()->recv_all( sub { length $_[1] } );
    $picture->()->receive_to($null);
    $picture->()->async->receive_to($null)->get;
    my $in  = $picture->()->handle;
    my $all = do { local $/ = undef; <$in> };
    return close $in ? 'done' : "close: $!";
}

# Run as "limits.t --stack".
sub small_stacks {
    alarm 60;
    require threads;
    for my $size ( 64, 128, 256 ) {
        my $thread = threads->create( { stack_size => $size << 10 },
            sub { tasks( Sys::Virt->new( uri => 'test:///default' ) ) } );
        is( $thread->join, 'done', "a stack of $size KiB" );
    }
    return;
}

# Run as "limits.t --huge".
sub huge {
    alarm 300;
    my $conn   = Sys::Virt->new( uri => 'test:///default' );
    my $domain = $conn->get_domain_by_name('test');
    my $size   = 2**32 + 5;
    my $much   = 'x' x $size;                               # of a variable, or perl makes it when it compiles
    my $stream = $conn->new_stream;
    $domain->screenshot( $stream, 0 );
    my %call = (
        'a name'        => sub { $conn->get_domain_by_name($much) },
        'a UUID'        => sub { $conn->get_domain_by_uuid($much) },
        'a UUID string' => sub { $conn->get_domain_by_uuid_string($much) },
        'a CPU map'     => sub { $domain->pin_vcpu( 0, $much ) },
        'data'          => sub { $stream->send( $much, length $much ) },
    );

    for my $name ( sort keys %call ) {
        isnt( thrown( $call{$name} ), 'nothing', "$name of more than 4 GiB throws" );
    }
    is( $domain->get_name, 'test', 'the connection lives' );
    return;
}

my %part = ( '--disk' => \&full_disk, '--stack' => \&small_stacks, '--huge' => \&huge );
if (@ARGV) {
    my ( $part, @arguments ) = @ARGV;
    $part{$part}->(@arguments);
    done_testing;
    exit;
}

# Runs a part in a process of its own, started by a command.
my @includes = map { '-I' . File::Spec->rel2abs($_) } grep { !ref } @INC;

sub part {
    my ( $name, $start, @arguments ) = @_;
    open my $pipe, '-|', @$start, $^X, @includes, $0, @arguments or die $!;
    my $text = do { local $/ = undef; <$pipe> };
    close $pipe;
    is( $?, 0, $name ) or diag $text;
    like( $text, qr/^1[.][.]\d/m, '... all of it' );
    return;
}

subtest 'small stacks' => sub {
    plan skip_all => 'a perl without threads' if !$Config{useithreads};
    part( 'threads', [], '--stack' );
};

subtest 'a full disk' => sub {
    my $daemon = Session->new or plan skip_all => 'needs libvirtd (Debian: libvirt-daemon)';
    my $uri    = 'storage+unix:///session?socket=' . $daemon->socket;
    my $conn   = eval { Sys::Virt->new( uri => $uri ) } or plan skip_all => "needs libvirt's storage driver";
    my $where  = $daemon->dir . '/pool';
    mkdir $where and chmod 0777, $where or die $!;
    my $pool = $conn->create_storage_pool(
        "<pool type='dir'><name>limits</name><target><path>$where</path></target></pool>");
    $pool->create_volume('<volume><name>v</name><capacity unit="MiB">16</capacity></volume>');
    my $small = File::Temp->newdir;
    my $mount = "mount -t tmpfs -o size=2m none '$small'";
    plan skip_all => 'only root can mount a small disk' if system "unshare -m sh -c \"$mount\" 2>/dev/null";
    part( 'downloads', [ qw(unshare -m sh -c), "$mount && exec \"\$0\" \"\$@\"" ], '--disk', $uri, $small );
};

subtest 'more than 4 GiB' => sub {
    plan skip_all => 'LIMITS_HUGE is not set' if !$ENV{LIMITS_HUGE};
    plan skip_all => 'numbers of 32 bits'     if $Config{ptrsize} < 8;
    part( 'strings', [ qw(sh -c), 'ulimit -v 14000000; exec "$0" "$@"' ], '--huge' );
};

done_testing;
