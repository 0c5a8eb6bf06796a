# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Sys::Virt::Reconnect while libvirtd is killed and started again, RECONNECT_ROUNDS times (10 unless given), and another process pauses and
# resumes a guest all the time: after each snapshot no event is lost; no descriptor and no memory is left. Calls in flight, streams, a
# daemon that hangs, and a script without a loop.
use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes ();
use lib         qw(t/lib xt/lib);
use Patience;
use Stack;
use Sys::Virt::Reconnect;
use Throws;

if ( $ENV{STACK_CASE} ) { without_loop(); exit }

my $rounds = $ENV{RECONNECT_ROUNDS} || 10;
my $conn   = Stack::connect('a');
my $guest  = $conn->define_domain( Stack::xml( name => 'main' ) );
$guest->create;
my ( $name, $uuid ) = ( $guest->get_name, $guest->get_uuid_string );
undef $_ for $guest, $conn;

# While the loop runs.
sub daemon {
    my ($action) = @_;
    my $pid = fork // die "fork: $!\n";
    if ( !$pid ) {
        eval { Stack::control( 'daemon', 'a', $action ); 1 } or POSIX::_exit(1);
        POSIX::_exit(0);
    }
    Stack::wait_for( "the daemon: $action", 60, sub { waitpid( $pid, POSIX::WNOHANG() ) == $pid } );
    return;
}

sub descriptors {
    opendir my $folder, '/proc/self/fd' or return 0;
    return scalar grep { /\d/ } readdir $folder;
}

sub memory {
    open my $file, '<', '/proc/self/statm' or return 0;
    my ( undef, $pages ) = split q{ }, <$file>;
    return 4 * $pages;
}

# Pauses and resumes the guest until it is ended, through all restarts.
sub actor {
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    my $stop = 0;
    local $SIG{TERM} = sub { $stop = 1 };
    while ( !$stop ) {
        eval {
            my $dom = Stack::connect('a')->get_domain_by_name($name);
            while ( !$stop ) {
                ( $dom->get_state )[0] == Sys::Virt::Domain::STATE_PAUSED ? $dom->resume : $dom->suspend;
                Time::HiRes::sleep(0.02);
            }
        };
        Time::HiRes::sleep(0.05);
    }
    POSIX::_exit(0);
}

subtest "$rounds restarts" => sub {
    my %is = (
        Sys::Virt::Domain::EVENT_SUSPENDED() => Sys::Virt::Domain::STATE_PAUSED,
        Sys::Virt::Domain::EVENT_RESUMED()   => Sys::Virt::Domain::STATE_RUNNING,
    );
    my ( @seen, @lost, $state, %count );
    my $rc = Sys::Virt::Reconnect->new(
        uri        => Stack::uri('a'),
        min_delay  => 0.1,
        max_delay  => 1,
        on_connect => sub {
            my ( undef, undef, $snapshot ) = @_;
            $count{connect}++;
            my $its = $snapshot->{domain}{$uuid};
            $state = $its && $its->{state};
            @seen  = ("snapshot $state");
        },
        on_disconnect => sub { $count{disconnect}++ },
        on_retry      => sub { $count{retry}++ },
    );
    $rc->domain_event_register_any(
        $uuid,
        Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
        sub {
            my ( undef, undef, $event ) = @_;
            my $new = $is{$event} // return;

 # Only the snapshot may know of the first one already: after that they alternate, or one in between was lost.
            push @lost, "@seen" if $new == $state && @seen > 1;
            $state = $new;
            push @seen, $event;
            $count{event}++;
        }
    );
    my $actor = actor();
    my ( $open, $memory );
    for my $round ( 1 .. $rounds ) {
        my $before = $count{connect} // 0;
        daemon('kill')  if $round > 1;
        daemon('start') if $round > 1;
        Stack::wait_for( "events of round $round",
            60, sub { ( $count{connect} // 0 ) > $before && @seen > 8 } )
            or last;
        next if $round != 3;
        ( $open, $memory ) = ( descriptors(), memory() );
    }
    is( $count{connect},         $rounds,     'connected each time' );
    is( $count{disconnect} // 0, $rounds - 1, '... after it broke' );
    is( "@lost",                 q{},         "no event was lost ($count{event})" );
    kill TERM => $actor;
    waitpid $actor, 0;
    my $real = ( Stack::connect('a')->get_domain_by_name($name)->get_state )[0];
    ok( Stack::wait_for( 'the last event', 10, sub { $state == $real } ), 'and the state is the real one' );
    Stack::wait_for( 'descriptors', 10, sub { descriptors() == $open } );
    is( descriptors(), $open, 'no descriptor is left' );
    cmp_ok( memory() - $memory, '<', 2_000 + 20 * $rounds, 'no memory is left' );
    diag sprintf '%d rounds, %d events, %d retries, %d KiB more', $rounds, $count{event}, $count{retry} // 0,
        memory() - $memory;
    $rc->close;
};

subtest 'calls in flight, streams, a daemon that hangs' => sub {
    my ( @told, $broken );
    my $rc = Sys::Virt::Reconnect->new(
        uri           => Stack::uri('a'),
        min_delay     => 0.1,
        max_delay     => 1,
        keep_alive    => [ 1, 2 ],
        on_disconnect => sub { push @told, 'disconnect'; $broken = $_[1] },
        on_connect    => sub { push @told, 'connect' },
    );
    my $dom    = $rc->domain($uuid);
    my $stream = $rc->connection->new_stream;
    $dom->open_console( $stream, undef, Sys::Virt::Domain::OPEN_CONSOLE_FORCE );
    daemon('freeze');
    my $future = $dom->async->get_xml_description;
    my $wait   = $dom->async->wait_for_state(Sys::Virt::Domain::STATE_CRASHED);
    daemon('kill');
    ok( Stack::wait_for( 'the break', 20, sub { @told == 2 } ), 'the break is noticed' );
    isa_ok( $broken, 'Sys::Virt::Error', '... and told with an error; it' );
    ok( Stack::wait_for( 'the call', 10, sub { $future->is_ready } ), 'a call in flight ends' );
    isa_ok( $future->failure, 'Sys::Virt::Error', '... with an error; it' );
    ok( Stack::wait_for( 'the wait', 10, sub { $wait->is_ready } ), 'a wait ends' );
    isa_ok( $wait->failure, 'Sys::Virt::Error', '... with an error; it' );
    throws 'a stream ends with an error', qr/\Alibvirt error/, sub {
        for ( 1 .. 1000 ) { $stream->recv( my $data, 4096 ) or last }
        $stream->finish;
    };
    throws 'old objects fail', qr/\Alibvirt error/, sub { $dom->get_info };
    daemon('start');
    ok( Stack::wait_for( 'the connection', 20, sub { @told == 3 } ), 'it is back' );
    is( $rc->domain($dom)->get_name, $name, '... with the domain' );
    my $start = Time::HiRes::time();
    daemon('freeze');
    ok( Stack::wait_for( 'the break', 20, sub { @told == 4 } ), 'a daemon that hangs is noticed' );
    like( $broken->message, qr/KEEPALIVE/, '... by keepalive' );
    cmp_ok( Time::HiRes::time() - $start, '<', 8, '... in time' );
    daemon('thaw');
    ok( Stack::wait_for( 'the connection', 30, sub { @told == 5 } ), '... and is back' );
};

subtest 'without a loop' => sub {
    local $ENV{STACK_CASE} = 1;
    my @includes = map { "-I$_" } grep { !ref } @INC;
    open my $pipe, '-|', $^X, @includes, $0, $uuid or die $!;
    my $output = do { local $/ = undef; <$pipe> };
    close $pipe;
    is( $?, 0, 'as a script' ) or diag $output;
    like( $output, qr/^1[.][.]5$/m, '... all of it' );
};

sub without_loop {
    alarm 120;
    my ($its) = @ARGV;
    my $rc    = Sys::Virt::Reconnect->new( uri => Stack::uri('a'), min_delay => 0.1, max_delay => 1 );
    my $dom   = $rc->domain($its);
    ok( $dom, 'a domain' );
    Stack::control( 'daemon', 'a', 'kill' );
    throws 'a call fails', qr/\Alibvirt error/, sub {
        $rc->call( sub { $dom->get_xml_description } );
    };
    ok( !$rc->is_connected, '... which is noticed' );
    throws 'no connection within a second', 'OPERATION_TIMEOUT', sub { $rc->connection( timeout => 1 ) };
    Stack::control( 'daemon', 'a', 'start' );
    is( $rc->domain($dom)->get_uuid_string, $its, 'and it is back' );
    done_testing;
    return;
}

done_testing;
