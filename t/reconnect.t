# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Sys::Virt::Reconnect on the test driver, whose connections do not break by themselves: connecting, attempts, time limits, events,
# snapshots, and what is left. A daemon that is killed is in xt/stack/reconnect.t.
use strict;
use warnings;

# Their fractions are 0 for XS.
BEGIN {
    $_->unimport for grep { $INC{"$_.pm"} } qw(bigint bignum);
}

use FindBin      ();
use Scalar::Util ();
use Test::More;
use Time::HiRes ();
use Sys::Virt;
use Sys::Virt::Event;
use Sys::Virt::Reconnect;
use lib "$FindBin::Bin/lib" =~ /(.*)/s;    # untainted, for -T
use Patience;
use Throws;

alarm 60;
my $class = 'Sys::Virt::Reconnect';
my %test  = ( uri => 'test:///default', min_delay => 0.05 );

# Runs libvirt's event loop until the code returns a true value.
sub turn_until {
    my ($code) = @_;
    my $end    = Time::HiRes::time() + 20;
    my $timer  = Sys::Virt::Event::add_timeout( 20, sub { } );
    my $result;
    Sys::Virt::Event::run_default() while !( $result = $code->() ) && Time::HiRes::time() < $end;
    Sys::Virt::Event::remove_timeout($timer);
    return $result;
}

subtest 'without a loop' => sub {
    my @told;
    my $rc = $class->new(
        %test,
        map {
            my $name = $_;
            $name => sub { push @told, $name }
        } qw(on_connect on_disconnect)
    );
    is_deeply( \@told, [], 'new does not wait' );
    my $conn = $rc->connection;
    isa_ok( $conn, 'Sys::Virt', 'the connection' );
    is_deeply( \@told, ['on_connect'], '... is told' );
    ok( $rc->is_connected, '... and is there' );
    is( $rc->connection, $conn, '... stays' );
    my $dom = $rc->domain( $conn->get_domain_by_name('test')->get_uuid_string );
    is( $dom->get_name,                                                  'test',    'a domain by its UUID' );
    is( $rc->domain($dom)->get_name,                                     'test',    '... or by an object' );
    is( $rc->network( $conn->get_network_by_name('default') )->get_name, 'default', 'a network' );
    throws 'one that there is not', 'NO_DOMAIN', sub { $rc->domain( '0' x 32 ) };
    is_deeply( [ $rc->call( sub { ( 1, 2 ) } ) ], [ 1, 2 ], 'a call in list context' );
    is( scalar $rc->call( sub { $_[0]->get_type } ), 'TEST', '... in scalar context' );
    throws '... that fails', qr/\Aby itself/, sub {
        $rc->call( sub { die "by itself\n" } );
    };
    ok( $rc->is_connected, '... which does not touch the connection' );
    $conn->close;    # the only way to break a connection of this driver
    my $next = $rc->connection( timeout => 10 );
    isnt( $next, $conn, 'one that broke is replaced' );
    is_deeply( \@told, [qw(on_connect on_disconnect on_connect)], '... which is told' );
    is( $rc->domain($dom)->get_name, 'test', '... and objects are found again' );
    throws 'a call that breaks it', 'INVALID_CONN', sub {
        $rc->call( sub { $_[0]->close; $_[0]->get_hostname } );
    };
    ok( !$rc->is_connected, '... is noticed' );
    $rc->connection;
    $rc->reconnect;
    ok( !$rc->is_connected, 'reconnect' );
    ok( $rc->connection,    '... connects' );
    is( scalar( grep { $_ eq 'on_connect' } @told ), 4, '... and is told' );
    $rc->close;
    throws 'closed', 'INVALID_CONN', sub { $rc->connection };
};

subtest 'attempts' => sub {
    my ( @retries, @up );
    my $rc = $class->new(
        %test,
        uri        => 'test+unix:///default?socket=/nonexistent',
        attempts   => 4,
        on_retry   => sub { push @retries, $_[2] },
        on_give_up => sub { push @up,      $_[1] }
    );
    my $start = Time::HiRes::time();
    throws 'given up', qr/nonexistent/, sub { $rc->connection };
    is( scalar @retries, 3, '... after all attempts' );
    is( scalar @up,      1, '... which is told' );
    isa_ok( $up[0], 'Sys::Virt::Error', '... with the error; it' );
    cmp_ok( Time::HiRes::time() - $start, '>', 0.15, '... and pauses' );

    for my $number ( 0 .. 2 ) {
        my $whole = 0.05 * 2**$number;
        ok( $retries[$number] >= $whole / 2 && $retries[$number] <= $whole,
            "... pause $number: $retries[$number]" );
    }
    throws '... it stays so', qr/nonexistent/, sub { $rc->connection };
    my %different = map { $rc->delay(20) => 1 } 1 .. 50;
    cmp_ok( scalar keys %different, '>', 30, 'pauses differ' );
    is( scalar( grep { $_ > 60 || $_ < 30 } keys %different ), 0, '... and are limited' );
    $rc    = $class->new( %test, uri => 'test+unix:///default?socket=/nonexistent' );
    $start = Time::HiRes::time();
    throws 'a time limit', 'OPERATION_TIMEOUT', sub { $rc->connection( timeout => 0.3 ) };
    cmp_ok( Time::HiRes::time() - $start, '<', 5, '... holds' );
    $rc = $class->new( %test, uri => 'test+nothing:///' );
    throws 'what cannot be right: no attempt more', 'INVALID_ARG', sub { $rc->connection };
    my $future = $class->new(%test)->connected;
    throws 'dropped before it was there', 'INVALID_CONN', sub { $future->get };
};

subtest 'nobody waits any more' => sub {
    my @warned;
    local $SIG{__WARN__} = sub { push @warned, @_ };
    local $SIG{ALRM}     = sub { die "enough\n" };
    my $nowhere =
        sub { $class->new( %test, uri => 'test+unix:///default?socket=/nonexistent', min_delay => 9 ) };
    for my $limit ( [], [ timeout => 30 ] ) {
        my $rc = $nowhere->();
        Time::HiRes::alarm(0.2);
        throws "a handler that dies: @$limit", qr/\Aenough/, sub { $rc->connection(@$limit) };
        is( scalar @{ $rc->{waiting} }, 0, '... and nothing waits' );
        undef $rc;
        is( Sys::Virt::Async::Loops::next_timer(), undef, '... not even a timer' );
    }
    throws 'a time limit', 'OPERATION_TIMEOUT', sub { $nowhere->()->connection( timeout => 0.1 ) };
    is( join( q{}, @warned ), q{}, 'nothing warns' );
    alarm 60;
};

subtest 'callbacks that end it' => sub {
    my $count = 0;
    my $rc    = $class->new( %test, on_connect => sub { $_[0]->reconnect if ++$count < 3 } );
    is( $rc->connected->get->get_hostname, $rc->connection->get_hostname, 'on_connect reconnects' );
    is( $count,                            3,                             '... as often as it wants' );
    my $future = $class->new( %test, on_connect => sub { $_[0]->close } )->connected;
    throws 'on_connect closes it', 'INVALID_CONN', sub { $future->get };
    $rc = $class->new( %test, on_disconnect => sub { $_[0]->close } );
    $rc->connection;
    $rc->reconnect;
    throws 'on_disconnect closes it', 'INVALID_CONN', sub { $rc->connection };
};

subtest 'numbers that are practically never over' => sub {
    my $rc = $class->new( %test, map { $_ => 9**9**9 } qw(min_delay max_delay open_timeout) );
    isa_ok( $rc->connection( timeout => 9**9**9 ), 'Sys::Virt', 'the connection' );
};

subtest 'mistakes' => sub {
    for my $name (qw(snapshot keep_alive)) {
        throws "no array: $name", qr/$name must be a reference to an array at \Q$0\E/,
            sub { $class->new( $name => 5 ) };
    }
    throws 'half an option', qr/as pairs .* at \Q$0\E/, sub { $class->new('uri') };
    throws 'no sub', qr/on_connect must be a CODE reference at \Q$0\E/,
        sub { $class->new( on_connect => 1 ) };
    throws 'no number', qr/min_delay is a number greater than 0 at \Q$0\E/,
        sub { $class->new( min_delay => 0 ) };
    throws 'no such snapshot', qr/no snapshot of 'secret' at \Q$0\E/,
        sub { $class->new( snapshot => ['secret'] ) };
    my $rc = $class->new(%test);
    throws 'no sub to call', qr/call needs a reference to a sub at \Q$0\E/,   sub { $rc->call(1) };
    throws 'no object',      qr/domain needs a UUID, or an object at \Q$0\E/, sub { $rc->domain };
    throws 'no callback', qr/domain_event_register_any needs a reference to a sub at \Q$0\E/,
        sub { $rc->domain_event_register_any( undef, 0 ) };
};

Sys::Virt::Event::register_default();

subtest 'events and snapshots, in a loop' => sub {
    my ( @told, $snapshot, $begun );
    my $rc = $class->new(
        %test,
        snapshot   => [qw(domain network storage_pool)],
        on_connect => sub {
            my ( $self, $conn, $first ) = @_;
            $snapshot = $first;
            push @told, 'snapshot';
            $conn->get_domain_by_name('test')->suspend if !$begun++;    # its event comes after that
        }
    );
    my $id = $rc->domain_event_register_any(
        undef,
        Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
        sub { my ( $c, $d, $event ) = @_; push @told, $d->get_name . " $event" }
    );
    ok( turn_until( sub { @told == 2 } ), 'connected, by the loop' );
    is_deeply( \@told, [ 'snapshot', 'test 3' ], 'the snapshot comes before events' );
    my ($its) = grep { $_->{name} eq 'test' } values %{ $snapshot->{domain} };
    is( $its->{state}, Sys::Virt::Domain::STATE_RUNNING, '... with states' );
    isa_ok( $its->{object}, 'Sys::Virt::Domain', '... and objects; one' );
    is( ( values %{ $snapshot->{network} } )[0]{active},    1,              '... of networks' );
    is( ( values %{ $snapshot->{storage_pool} } )[0]{name}, 'default-pool', '... and pools' );

    my $uuid = $its->{object}->get_uuid_string;
    my ( @mine, @others );
    my @ids = (
        $rc->domain_event_register_any(
            $its->{object},
            Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
            sub { push @mine, $_[2] }
        ),
        $rc->domain_event_register_any(
            '0' x 36,
            Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
            sub { push @others, $_[2] }
        ),
    );

    for my $round ( 1 .. 3 ) {
        @told = @mine = ();
        $rc->reconnect;
        ok( turn_until( sub { @told == 1 } ), "again: $round" );
        $rc->domain($uuid)->resume;
        $rc->domain($uuid)->suspend;
        ok( turn_until( sub { @mine == 2 } ), '... events come again' );
        is_deeply( \@told,   [ 'snapshot', 'test 4', 'test 3' ], '... once each' );
        is_deeply( \@others, [],                                 '... none of other domains' );
    }
    $rc->domain_event_deregister_any($id);
    @told = @mine = ();
    $rc->domain($uuid)->resume;
    ok( turn_until( sub { @mine == 1 } ), 'one that is registered still' );
    is_deeply( \@told, [], '... one that is not any more' );
    $rc->domain_event_deregister_any($_) for @ids, 4711, undef;
    is_deeply( $rc->{live}, {}, 'none is left' );
    throws 'an event that there is not', qr/./, sub {
        $rc->domain_event_register_any( undef, 9999, sub { } );
    };
    is_deeply( $rc->{callbacks}, {}, '... is not kept' );

    my $ended = 0;
    my $other = $class->new(%test);
    $other->connection;
    $other->domain_event_register_any( undef, Sys::Virt::Domain::EVENT_ID_LIFECYCLE, $_ )
        for ( sub { $ended++; $other->close } ) x 2;
    $rc->domain($uuid)->$_ for qw(suspend resume);
    ok( turn_until( sub { $ended } ), 'a callback closes it' );
    is( $ended, 1, '... and none is called after that' );

    my $late = $rc->domain_event_register_any(
        undef,
        Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
        sub { die "in an event\n" }
    );
    $rc->domain($uuid)->suspend;
    throws 'an exception in a callback goes to the loop', qr/\Ain an event/, sub {
        turn_until( sub { 0 } );
    };
    Scalar::Util::weaken( my $weak = $rc );
    undef $rc;
    is( $weak, undef, 'dropped: it is gone' );
    turn_until( sub { !defined Sys::Virt::Async::Loops::next_timer() } );
    is( Sys::Virt::Async::Loops::next_timer(), undef, '... with its timers' );
};

done_testing;
