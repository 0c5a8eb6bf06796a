# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# However many forks led to a process, its child does not close its connection, nor end what its parent transfers. It can use the
# test driver, too.
use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../t/lib";
use POSIX ();
use Patience;
use Session;
use Sys::Virt;
use Sys::Virt::Event;
use Sys::Virt::Reconnect;
use Test::More;
use Time::HiRes ();

my $daemon = Session->new or plan skip_all => 'needs libvirtd (Debian: libvirt-daemon)';

# Opens a connection, which a child lets go; what the connection says then.
sub parent {
    my $conn  = Sys::Virt->new( uri => $daemon->uri );
    my $child = fork // die $!;
    if ( !$child ) {
        undef $conn;
        POSIX::_exit(0);
    }
    waitpid $child, 0;
    return eval { $conn->get_hostname } ? 'open' : "closed: $@";
}

# The same at the end of a chain in which each process forks the next one and ends.
sub chain {
    my ($length) = @_;
    pipe my $out, my $in or die $!;
    my $first = fork // die $!;
    if ( !$first ) {
        close $out;
        for ( 2 .. $length ) {
            my $next = fork // die $!;
            POSIX::_exit(0) if $next;
        }
        syswrite $in, parent();
        POSIX::_exit(0);
    }
    close $in;
    waitpid $first, 0;
    sysread $out, my $said, 200;
    return $said;
}

is( chain($_), 'open', "after $_ forks" ) for 1, 2, 510 .. 513, 1_100;

SKIP: {
    my $conn = eval { Sys::Virt->new( uri => 'storage+unix:///session?socket=' . $daemon->socket ) }
        or skip 'needs libvirt\'s storage driver', 3;
    my $size = 16 << 20;
    my $dir  = $daemon->dir . '/pool';
    mkdir $dir and chmod 0777, $dir or die $!;
    my $pool = $conn->create_storage_pool(
        "<pool type='dir'><name>forks</name><target><path>$dir</path></target></pool>");
    my $volume = $pool->create_volume("<volume><name>v</name><capacity>$size</capacity></volume>");
    open my $null, '>', '/dev/null' or die $!;
    my $download = sub {
        my $stream = $conn->new_stream;
        $volume->download( $stream, 0, 0 );
        return $stream;
    };
    my $leave = sub {
        my $child = fork // die $!;
        exit 0 if !$child;
        waitpid $child, 0;
        return;
    };

    # One that hangs ends with the daemon.
    my $end = POSIX::SigAction->new( sub { $daemon->signal('KILL') } );
    POSIX::sigaction( POSIX::SIGALRM(), $end ) or die $!;
    alarm 60;
    my $told = 0;
    is(
        eval {
            $download->()->receive_to( $null, on_progress => sub { $told++ or $leave->() } );
        } // $@,
        $size,
        'a child that exits in on_progress lets the transfer be'
    );
    my $future = $download->()->async->receive_to($null);
    $leave->();
    is( eval { $future->get }    // $@, $size, '... one that exits while a thread carries the data, too' );
    is( eval { $conn->get_type } // $@, 'storage', '... and the connection' );
    alarm 0;
}

Sys::Virt::Event::register_default();

# The exit status of a child that runs the code.
sub in_child {
    my ($code) = @_;
    my $child = fork // die $!;
    if ( !$child ) {
        alarm 20;
        POSIX::_exit( $code->() // 0 );
    }
    waitpid $child, 0;
    return $?;
}

# How many of two events come.
sub events {
    my ( $conn, $count ) = @_;
    my $dom = $conn->get_domain_by_name('test');
    $dom->suspend;
    $dom->resume;
    my $end   = Time::HiRes::time() + 10;
    my $timer = Sys::Virt::Event::add_timeout( 20, sub { } );
    Sys::Virt::Event::run_default() while $$count < 2 && Time::HiRes::time() < $end;
    Sys::Virt::Event::remove_timeout($timer);
    return $$count;
}

for my $how (qw(close undef DESTROY)) {
    my $conn  = Sys::Virt->new( uri => $daemon->uri );
    my $count = 0;
    $conn->register_close_callback( sub { } );
    $conn->domain_event_register_any( undef, Sys::Virt::Domain::EVENT_ID_LIFECYCLE, sub { $count++ } );
    is( in_child( sub { $how eq 'undef' ? undef $conn : $conn->$how; return } ), 0, "a child: $how" );
    is( events( $conn, \$count ), 2, "... does not end its parent's events" );
}

for my $how (qw(connection reconnect close DESTROY)) {
    my ( $count, $told ) = ( 0, 0 );
    my $rc   = Sys::Virt::Reconnect->new( uri => $daemon->uri, on_disconnect => sub { $told++ } );
    my $conn = $rc->connection;
    $rc->domain_event_register_any( undef, Sys::Virt::Domain::EVENT_ID_LIFECYCLE, sub { $count++ } );
    my $status = in_child(
        sub {
            $how eq 'DESTROY' ? undef $rc : $rc->$how;
            return if $how !~ /connect/;
            my $own = $rc->connection( timeout => 10 );
            return 1 if $own == $conn;
            return $own->get_hostname && events( $own, \$count ) == 2 ? 0 : 2;
        }
    );
    is( $status,         0,     "a child with a Reconnect: $how" );
    is( $rc->connection, $conn, '... its parent keeps the connection' );
    $count = 0;
    is( events( $conn, \$count ), 2, '... and gets events' );
    is( $told,                    0, '... and is told nothing' );
}

# The test driver of this process has locks that all connections share. Calls of the parent are within it all the time.
{
    my $conn   = Sys::Virt->new( uri => 'test:///default' );
    my $domain = $conn->get_domain_by_name('test');
    my $forks  = int( 2_000 / Patience::factor() );
    my $well   = 0;
    for ( 1 .. $forks ) {
        my @futures = map {
            (
                $domain->async->get_info,
                $domain->async->get_xml_description,
                Sys::Virt->async->new( uri => 'test:///default' )
            )
        } 1 .. 6;
        my $status = in_child(
            sub {
                my $own = Sys::Virt->new( uri => 'test:///default' );
                return $own->get_domain_by_name('test')->get_name eq 'test' ? 0 : 1;
            }
        );
        $well++ if !$status && !grep { $_->failure } @futures;
        last    if $status;
    }
    is( $well, $forks, 'children use the test driver, which their parent was using' );
}

# How long a fork takes.
sub delay {
    my $start = Time::HiRes::time();
    my $child = fork // die $!;
    POSIX::_exit(0) if !$child;
    my $took = Time::HiRes::time() - $start;
    waitpid $child, 0;
    return $took;
}

{
    my $conn = Sys::Virt->new( uri => $daemon->uri );
    my $test = Sys::Virt->new( uri => 'test:///default' );
    $daemon->signal('STOP');
    my @futures = ( $conn->async->get_hostname, Sys::Virt->async->new( uri => $daemon->uri ) );
    my @delays  = sort { $a <=> $b } map { delay() } 1 .. 5;
    $daemon->signal('CONT');
    cmp_ok( $delays[0], '<', 0.5, 'a fork does not wait for calls to a daemon' );
    is( ( scalar grep { $_->failure } @futures ), 0, '... which end well' );

    # The child makes no call on the connection, also not a later one of many.
    my $domain = $conn->get_domain_by_name('test');
    my $all    = Sys::Virt::Async->all( { concurrency => 2 }, [ ($domain) x 300 ], 'get_info' );
    my $status = in_child(
        sub {
            my @failed = grep { ref ne 'HASH' && /before a fork/ } $all->get;
            return @failed >= 296 ? 0 : 1;
        }
    );
    is( $status,                                     0,   'the calls of all fail in a child' );
    is( ( scalar grep { ref eq 'HASH' } $all->get ), 300, '... and succeed in the parent' );

    my $file = $daemon->dir . '/auth.xml';
    open my $out, '>', $file or die $!;
    print {$out} '<node><auth><user password="secret">me</user></auth></node>';
    close $out or die $!;
    my @asked;
    my $own = Sys::Virt->new(
        uri      => "test://$file",
        timeout  => 60,
        auth     => 1,
        credlist => [ Sys::Virt::CRED_AUTHNAME(), Sys::Virt::CRED_PASSPHRASE() ],
        callback => sub {
            my ($credentials) = @_;
            push @asked, delay();
            $_->{result} = $_->{type} == Sys::Virt::CRED_AUTHNAME() ? 'me' : 'secret' for @$credentials;
            return 0;
        }
    );
    is( $own->get_type, 'TEST', 'a fork in a callback of a call on a thread' );
    ok( @asked && !( grep { $_ > 0.5 } @asked ), '... does not wait for that call' ) or diag "@asked";
}

done_testing;
