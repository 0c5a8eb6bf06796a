# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Waiting for a domain on the test driver: with events of libvirt's loop, and without a loop. Jobs and real guests are in
# xt/stack/wait.t.
use strict;
use warnings;

BEGIN {
    $_->unimport for grep { $INC{"$_.pm"} } qw(bigint bignum);
}    # whose fractions are 0 for XS

use FindBin ();
use Test::More;
use Time::HiRes ();
use Sys::Virt;
use Sys::Virt::Event;
use lib "$FindBin::Bin/lib" =~ /(.*)/s;    # untainted, for -T
use Patience;
use Throws;

alarm 120;
my ( $running, $paused, $off ) = map { Sys::Virt::Domain->can("STATE_$_")->() } qw(RUNNING PAUSED SHUTOFF);

# Waits until a wait in the background has made its first check.
sub begun {
    while ( Sys::Virt::Async->pending ) {
        Sys::Virt::Async->dispatch;
        Time::HiRes::sleep(0.01);
    }
    return;
}

for my $loop ( 'no loop', q(libvirt's loop) ) {
    Sys::Virt::Event::register_default() if $loop ne 'no loop';
    my $conn = Sys::Virt->new( uri => 'test:///default' );
    my $dom  = $conn->get_domain_by_name('test');

    subtest "$loop: states" => sub {
        is_deeply( [ $dom->wait_for_state($running) ], [ $dom->get_state ], 'what is so already' );
        my $future = $dom->async->wait_for_state( [ $paused, $off ], timeout => 20 );
        ok( !$future->is_ready, 'one that comes' );
        $dom->suspend;
        is( scalar $future->get, $paused, '... has come' );
        $future = $dom->async->wait_for_state( $running, timeout => 9**9**9 );
        $dom->resume;
        is( scalar $future->get, $running, 'a time limit that is practically never over' );
        $dom->suspend;
        throws 'a time limit', 'OPERATION_TIMEOUT', sub { $dom->wait_for_state( $running, timeout => 0.2 ) };
        is( $@->message, 'wait_for_state of test: not within 0.2 s', '... says so' );
        throws '... of async', 'OPERATION_TIMEOUT',
            sub { $dom->async( timeout => 0.2 )->wait_for_state($running)->get };
        $future = $dom->async->wait_for_state($running);
        begun();
        $dom->destroy;
        throws 'one that died', 'OPERATION_INVALID', sub { $future->get };
        like( $@->message, qr/\Await_for_state of test: the domain is not running: /, '... says so' );
        $future = $dom->async->wait_for_state($running);
        $dom->create;
        is( scalar $future->get, $running, 'one that was off may start' );
        my $xml =
            "<domain type='test'><name>brief</name><memory>9999</memory><os><type>hvm</type></os></domain>";
        my $brief = $conn->create_domain($xml);
        $future = $brief->async->wait_for_state($off);
        $brief->destroy;
        is( scalar $future->get, $off, 'a transient domain that is gone is off' );
        $brief  = $conn->create_domain($xml);
        $future = $brief->async->wait_for_state($paused);
        begun();
        is( scalar $brief->wait_for_state($running), $running, 'it runs' );
        $brief->destroy;
        throws '... but did not pause', 'OPERATION_INVALID', sub { $future->get };
        $future = $dom->async->wait_for_state($off);
        $future->cancel;
        throws 'canceled', 'OPERATION_ABORTED', sub { $future->get };
        return if $loop eq 'no loop';
        $future = $dom->async->wait_for_state( $paused, interval => 60 );
        begun();    # it registers when the daemon has answered
        $dom->suspend;
        $dom->resume;
        is_deeply( [ $future->get ], [ $paused, 0 ], 'a state that did not last' );
    };

    subtest "$loop: a fork during a wait" => sub {
        my $future = $dom->async->wait_for_state( $off, interval => 60 );
        begun();
        my $pid = fork // die $!;
        if ( !$pid ) {
            my $calls = 0;
            no warnings 'redefine';
            local *Sys::Virt::domain_event_deregister_any = sub { $calls++ };
            alarm 20;
            $future->cancel;
            begun();
            require POSIX;
            POSIX::_exit($calls);
        }
        waitpid $pid, 0;
        is( $?, 0, 'a child that cancels it leaves the registration to its parent' );
        $future->cancel;
    };

    subtest "$loop: agent, addresses" => sub {
        is_deeply( [ $dom->wait_for_agent( timeout => 5 ) ], [], 'an agent' );
        my @all = $dom->addresses;
        cmp_ok( scalar @all, '>=', 1, 'addresses' );
        is( join( q{,}, sort keys %{ $all[0] } ), 'addr,hwaddr,name,prefix,source,type', '... are hashes' );
        my @found = $dom->wait_for_address( timeout => 5 );
        $_->{source} = $all[0]{source} for @found;    # whichever was first
        is_deeply( \@found, \@all, '... the same when they are waited for' );
        my @six = $dom->addresses( type => Sys::Virt::IP_ADDR_TYPE_IPV6 );
        is_deeply( \@six, [], '... of one type' );
        my $future = $dom->async->wait_for_address( type => Sys::Virt::IP_ADDR_TYPE_IPV6 );
        my $agent  = $dom->async->wait_for_agent;
        $agent->await;
        $dom->destroy;
        throws 'none, when the domain dies',      'OPERATION_INVALID', sub { $future->get };
        throws '... and none of one that is off', 'OPERATION_INVALID', sub { $dom->wait_for_address };
        throws '... also without waiting',        'OPERATION_INVALID', sub { $dom->addresses };
        throws 'no agent of one that is off',     'OPERATION_INVALID', sub { $dom->wait_for_agent };
        $dom->create;
    };

    subtest "$loop: signals" => sub {
        local $SIG{ALRM} = sub { die "enough\n" };
        alarm 1;
        throws 'a handler that dies ends a wait', qr/\Aenough/, sub { $dom->wait_for_state($paused) };
        alarm 120;

        # The call of its last check may still run, and the one before events are unregistered.
        begun();
        my @calls;
        no warnings 'redefine';
        my $start = \&Sys::Virt::Async::_start;
        local *Sys::Virt::Async::_start = sub { push @calls, $_[0]{name}; goto &$start };
        is( Sys::Virt::Async::Loops::next_timer(), undef, '... no timer is left' );
        $dom->suspend;
        $dom->resume;
        $conn->async->get_type->get for 1 .. 20;    # the loop runs
        is( "@calls", join( q{ }, ('get_type') x 20 ), '... and no event makes it go on' );
    };
}

subtest 'what a driver lacks, and mistakes' => sub {
    my $conn = Sys::Virt->new( uri => 'test:///default' );
    my $dom  = $conn->get_domain_by_name('test');
    throws 'jobs',          'NO_SUPPORT',    sub { $dom->wait_for_job };
    throws 'jobs of disks', 'NO_SUPPORT',    sub { $dom->wait_for_block_job('vda') };
    throws 'start may die', qr/\Anot today/, sub {
        $dom->wait_for_block_job( 'vda', start => sub { die "not today\n" } );
    };
    throws 'an option that there is not', qr/wait_for_agent has no option 'patience' at \Q$0\E/,
        sub { $dom->wait_for_agent( patience => 1 ) };
    throws '... also without blocking', qr/wait_for_agent has no option 'patience' at \Q$0\E/,
        sub { $dom->async->wait_for_agent( patience => 1 ) };
    throws 'no state', qr/needs a state.* at \Q$0\E/,            sub { $dom->wait_for_state('on') };
    throws 'no limit', qr/timeout must be a number.* at \Q$0\E/, sub { $dom->wait_for_agent( timeout => 0 ) };
    throws 'no interval', qr/interval is a number.* at \Q$0\E/,
        sub { $dom->wait_for_agent( interval => 'x' ) };
    throws 'no disk', qr/needs the name of a disk.* at \Q$0\E/, sub { $dom->wait_for_block_job };
    throws 'no such end', qr/until is "ready" or "end" at \Q$0\E/,
        sub { $dom->wait_for_block_job( 'vda', until => 'x' ) };
    throws 'no sources', qr/sources must be a reference.* at \Q$0\E/, sub { $dom->addresses( sources => 1 ) };

    for my $type (qw(ipv6 7 -1 0.5)) {
        throws "no type: $type", qr/$_: type is Sys::Virt::IP_ADDR_TYPE_IPV4 or \S+IPV6 at \Q$0\E/,
            sub { $dom->$_( type => $type ) }
            for qw(addresses wait_for_address);
    }
    throws 'no callback', qr/on_progress must be a CODE reference at \Q$0\E/,
        sub { $dom->wait_for_job( on_progress => 1 ) };
    throws '... of async', qr/on_progress must be a CODE reference at \Q$0\E/,
        sub { $dom->async( on_progress => 1 ) };
    throws '... which is for domains', qr/async has no option 'on_progress' at \Q$0\E/, sub {
        $conn->async( on_progress => sub { } );
    };

    # Also for a call that is not a job, and a driver without jobs, the last report is 100.
    my @seen;
    $dom->async( on_progress => sub { push @seen, $_[0] } )->suspend->get;
    is_deeply( \@seen, [100], 'progress of a call that is done at once' );
    throws 'progress of a call that fails', 'INTERNAL_ERROR', sub {
        $dom->async( on_progress => sub { push @seen, $_[0] } )->suspend->get;
    };
    is_deeply( \@seen, [100], '... does not reach 100 %' );
    is( Sys::Virt::Async::Loops::next_timer(), undef, '... no timer is left' );

    {

        package My::Domain;
        our @ISA = ('Sys::Virt::Domain');
        sub wait_for_agent { return "mine: $_[1]" }
    }
    is( ( bless {}, 'My::Domain' )->wait_for_agent(5),
        'mine: 5', 'a subclass may have methods of these names' );
};

subtest 'whatever is passed' => sub {
    my $conn = Sys::Virt->new( uri => 'test:///default' );
    my $dom  = $conn->get_domain_by_name('test');
    my @things =
        ( undef, q{}, 0, -1, 1e300, 'nan', "a\0b", [], {}, [ [] ], sub { }, \'x', $conn, $dom, *STDOUT );
    my ( $calls, @bad ) = 0;
    local $SIG{__WARN__} = sub { };
    for my $name ( map { "wait_for_$_" } qw(state address agent job block_job) ) {
        for my $thing (@things) {
            for my $arguments (
                [$thing],
                [ 1, $thing ],
                map { [ 1, $_ => $thing ], [ $_ => $thing ] }
                qw(timeout interval sources type local on_progress start until)
            ) {
                $calls++;
                my $future = eval { $dom->async( timeout => 0.001 )->$name(@$arguments) } or next;
                $future->cancel;
            }
        }
    }
    for my $name (qw(ensure_domain ensure_network ensure_storage_pool)) {
        for my $thing (@things) {
            for my $arguments (
                [$thing],
                [ 'x', $thing ],
                map { [ 'x', 'running', $_ => $thing ] } qw(xml timeout force build dry_run)
            ) {
                $calls++;
                my $future = eval { $conn->async( timeout => 0.001 )->$name(@$arguments) } or next;
                $future->cancel;
            }
        }
    }
    cmp_ok( $calls, '>', 1_000, "$calls calls" );
    begun();
    is( $dom->is_active, 1, '... are refused, or do nothing' );
};

done_testing;
