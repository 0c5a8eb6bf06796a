# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Whole transfers over a daemon: send_from and receive_to, with holes, progress, time limits, and broken off.
use strict;
use warnings;

use Test::More;
use Time::HiRes ();
use lib         qw(t/lib xt/lib);
use Stack;
use Throws;

my $conn = Stack::connect('a');
my $mib  = 2**20;
my $up   = Sys::Virt::StorageVol::VOL_UPLOAD_SPARSE_STREAM();
my $down = Sys::Virt::StorageVol::VOL_DOWNLOAD_SPARSE_STREAM();

my $pool_dir = Stack::file('pool');
mkdir $pool_dir or die $!;
my $pool = $conn->create_storage_pool(
    "<pool type='dir'><name>transfer-pool</name><target><path>$pool_dir</path></target></pool>");

sub volume {
    my ( $name, $size ) = @_;
    return $pool->create_volume(
              "<volume><name>$name</name><capacity>$size</capacity><allocation>0</allocation>"
            . "<target><format type='raw'/></target></volume>" );
}

# A file of that many MiB, of which each that is a multiple of `step` has data.
sub data {
    my ( $name, $size, $step ) = @_;
    open my $out, '>:raw', Stack::file($name) or die $!;
    for ( my $n = $step ; $n < $size ; $n += $step ) {
        sysseek $out, $n * $mib, 0 or die $!;
        syswrite( $out, pack( 'N', $n ) x ( $mib / 4 ) ) == $mib or die $!;
    }
    truncate $out, $size * $mib or die $!;
    close $out or die $!;
    return Stack::file($name);
}

sub source   { my ($name) = @_; open my $in,  '<:raw',  $name or die "$name: $!"; return $in }
sub target   { my ($name) = @_; open my $out, '+>:raw', $name or die "$name: $!"; return $out }
sub upload   { my ( $vol, @more ) = @_; my $st = $conn->new_stream; $vol->upload( $st, @more ); return $st }
sub download { my ( $vol, @more ) = @_; my $st = $conn->new_stream; $vol->download( $st, @more ); return $st }
sub same     { my (@files) = @_; return system( 'cmp', '-s', @files ) == 0 }
sub blocks   { my ($name)  = @_; return ( stat $name )[12] * 512 }

my $gib    = data( 'gib', 1024, 16 );
my $volume = volume( 'gib', 1024 * $mib );
my $path   = $volume->get_path;
my $copy   = Stack::file('copy');

subtest '1 GiB with holes' => sub {
    my @progress;
    my $sent = upload( $volume, 0, 1024 * $mib, $up )
        ->send_from( source($gib), on_progress => sub { push @progress, [@_] } );
    is( $sent, 1024 * $mib, 'all is sent' );
    ok( same( $gib, $path ), '... bit by bit' );
    cmp_ok( blocks($path), '<', 100 * $mib, '... with holes' );
    is_deeply( $progress[-1], [ 1024 * $mib, 1024 * $mib ], '... and progress' );
    is( download( $volume, 0, 0, $down )->receive_to( target($copy) ), 1024 * $mib, 'all comes back' );
    ok( same( $gib, $copy ), '... bit by bit' );
    cmp_ok( blocks($copy), '<', 100 * $mib, '... with holes' );

    # Into a file that has data where there are holes.
    my $old = target($copy);
    syswrite $old, 'x' x $mib for 1 .. 40;
    sysseek $old, 0, 0;
    is( download( $volume, 0, 0, $down )->receive_to( $old, timeout => 60 ), 1024 * $mib, 'over other data' );
    ok( same( $gib, $copy ), '... bit by bit' );
    pipe my $reader, my $writer or die $!;
    my $pid = fork // die "fork: $!";
    if ( !$pid ) { close $writer; open STDIN, '<&', $reader; exec 'cmp', '-s', '-', $gib }
    close $reader;
    is( download( $volume, 0, 0, $down )->receive_to($writer), 1024 * $mib, 'to a pipe' );
    close $writer;
    waitpid $pid, 0;
    is( $?, 0, '... bit by bit' );
};

subtest '1 GiB, interrupted at ten points' => sub {
    my @ways = (
        [ 'a sub that dies', [ on_progress => sub { die "here\n" } ], qr/\Ahere\n/ ],
        [ 'cancel',          sub { $_[0]->cancel },                   qr/was canceled/ ],
        [ 'abort',           sub { $_[1]->abort },                    qr/was stopped|stream/ ],
    );
    for my $point ( 1 .. 10 ) {
        my ( $what, $how, $error ) = @{ $ways[ $point % @ways ] };
        my $limit = $point * 100 * $mib;
        my $st    = upload( $volume, 0, 0, $up );
        my $last  = 0;
        my $future;
        my $interrupt = sub {
            my ($done) = @_;
            $last = $done;
            return if $done < $limit;
            ref $how eq 'CODE' ? $how->( $future, $st ) : $how->[1]->();
        };

        # Slow enough for reports of progress in between.
        pipe my $reader, my $writer or die $!;
        my $pid = fork // die "fork: $!";
        if ( !$pid ) {
            close $reader;
            my $in = source($gib);
            while ( sysread $in, my $part, 10 * $mib ) { syswrite $writer, $part; Time::HiRes::sleep(0.02) }
            require POSIX;
            POSIX::_exit(0);
        }
        close $writer;
        $future = $st->async->send_from( $reader, on_progress => $interrupt );
        throws( "point $point, after $limit bytes: $what", $error, sub { $future->get } );
        cmp_ok( $last, '<', 1024 * $mib, '... in the middle of the transfer' );
        close $reader;
        kill 'KILL', $pid;
        waitpid $pid, 0;
        Stack::wait_for(
            'the end of the stream',
            20,
            sub {
                eval { $st->recv( my $x, 1 ) };
                "$@" !~ /uses/;
            }
        );
        throws( '... and the stream has ended', qr/./, sub { $st->send( 'x', 1 ) } );
    }
    is( upload( $volume, 0, 0, $up )->send_from( source($gib) ), 1024 * $mib, 'then all of it' );
    ok( same( $gib, $path ), '... bit by bit' );
};

subtest 'without holes, by descriptor, in parts, without blocking' => sub {
    my $file  = data( 'plain', 40, 3 );
    my $plain = volume( 'plain', 40 * $mib );
    my $in    = source($file);
    is( upload( $plain, 0, 0 )->send_from( fileno $in ), 40 * $mib, 'by descriptor' );
    ok( same( $file, $plain->get_path ), '... bit by bit' );
    sysseek $in, 10 * $mib, 0;
    is( upload( $plain, 0, 7 * $mib )->send_from($in), 7 * $mib,  'as much as the stream was opened for' );
    is( sysseek( $in, 0, 1 ),                          17 * $mib, '... and the file stands behind it' );
    is( upload( $plain, 0, 0 )->send_from( source($file), sparse => 0, length => 5 ),
        5, 'as much as is asked' );
    my $other = volume( 'other', 40 * $mib );
    my $both  = sub {
        return $_[0]->async->send_from( source($file) ), $_[1]->async->send_from( source($file) );
    };
    is_deeply(
        [ map { $_->get } $both->( upload( $plain, 0, 0 ), upload( $other, 0, 0, $up ) ) ],
        [ ( 40 * $mib ) x 2 ],
        'two at the same time'
    );
    ok( same( $file, $_->get_path ), '... bit by bit' ) for $plain, $other;
    throws(
        'holes into a stream without',
        qr/not opened for holes/,
        sub { upload( $plain, 0, 0 )->send_from( $in, sparse => 1 ) }
    );
    throws(
        'a file that is too short',
        qr/ended after \d+ of \d+ bytes/,
        sub { upload( $plain, 0, 50 * $mib )->send_from( source($file) ) }
    );
    throws(
        'a volume that is too short',
        qr/ended after \d+ of \d+ bytes/,
        sub { download( $plain, 0, 50 * $mib )->receive_to( target($copy) ) }
    );
    is( $conn->is_alive, 1, 'the connection lives' );
};

subtest 'time limits and signals' => sub {
    my $plain = $pool->get_volume_by_name('plain');
    pipe my $reader, my $writer or die $!;
    my $start = Time::HiRes::time();
    throws( 'a pipe without an end',
        68, sub { upload( $plain, 0, 0 )->send_from( $reader, timeout => 0.5 ) } );
    like( $@->message, qr/send_from has not ended in time/, '... by its name' );
    cmp_ok( Time::HiRes::time() - $start, '<', 5, '... in time' );
    $start = Time::HiRes::time();
    throws( 'without blocking',
        68, sub { upload( $plain, 0, 0 )->async( timeout => 0.5 )->send_from($reader)->get } );

    for my $how ( [], [ timeout => 60 ] ) {
        local $SIG{ALRM} = sub { die "alarm\n" };
        Time::HiRes::alarm(0.5);
        throws( "a handler that dies (@$how)",
            qr/\Aalarm\n/, sub { upload( $plain, 0, 0 )->send_from( $reader, @$how ) } );
    }
    cmp_ok( Time::HiRes::time() - $start, '<', 10, '... at once' );
    is( $conn->is_alive, 1, 'the connection lives' );
};

subtest 'the daemon goes' => sub {
    my $other = Stack::connect('b');
    my $dir   = Stack::file('pool-b');
    mkdir $dir or die $!;
    my $far = $other->create_storage_pool(
        "<pool type='dir'><name>transfer-b</name><target><path>$dir</path></target></pool>");
    my $vol = $far->create_volume( "<volume><name>v</name><capacity>$mib</capacity><allocation>0</allocation>"
            . "<target><format type='raw'/></target></volume>" );
    pipe my $reader, my $writer or die $!;
    my $st = $other->new_stream;
    $vol->upload( $st, 0, 0 );
    my $fh = $other->new_stream;
    $vol->upload( $fh, 0, 0 );
    my $handle  = $fh->handle;
    my $future  = $st->async->send_from($reader);
    my $reading = $other->new_stream;
    $vol->download( $reading, 0, 0 );
    Stack::control( 'daemon', 'b', 'kill' );
    syswrite $writer, 'x' x 60_000;
    close $writer;
    throws( 'a transfer fails', qr/./, sub { $future->get } );
    throws( 'another, too',     qr/./, sub { $reading->receive_to( target($copy) ) } );
    my $printed = print {$handle} 'x' x 1000;
    ok( !close $handle, 'a handle cannot be closed with success' );
    is( $! + 0, Errno::EIO(), '... which says so' );
    isa_ok( $fh->handle_error, 'Sys::Virt::Error', '... and' );
    undef $_ for $st, $fh, $reading, $vol, $far, $other;
    Stack::control( 'daemon', 'b', 'start' );
};

$_->delete for $pool->list_all_volumes;
$pool->destroy;
done_testing;
