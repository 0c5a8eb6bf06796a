# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Scenarios for xt/loops/hostile.t: Sys::Virt::Wait.
use 5.016;
use strict;
use warnings;

use Scenario;
use Sys::Virt;
use Sys::Virt::Async;
use Time::HiRes qw(time);

my ( $paused, $off ) = ( Sys::Virt::Domain::STATE_PAUSED, Sys::Virt::Domain::STATE_SHUTOFF );

# Calls of ended waits and what was registered for them are over.
sub quiet {
    my $end = time + 10;
    my $check;
    $check = sub {
        return finish() if !Sys::Virt::Async->pending && !defined Sys::Virt::Async::Loops::next_timer();
        return finish() if time > $end;
        after( 0.01, $check );
    };
    after( 0, $check );
    print spin();
    my $pending = Sys::Virt::Async->pending;
    return
          $pending                                      ? "$pending calls"
        : defined Sys::Virt::Async::Loops::next_timer() ? 'a timer'
        :                                                 'nothing';
}

scenario 'the daemon is killed while waits run' => "5 failed\nnothing is left\n" => sub {
    my $daemon = own_daemon();
    my $conn   = Sys::Virt->new( uri => $daemon->uri );
    my $dom    = domain_of($conn);
    my @waits  = (
        ( map { $dom->async->wait_for_state( $off, timeout => 60 ) } 1 .. 2 ),
        $dom->async->wait_for_address( type => Sys::Virt::IP_ADDR_TYPE_IPV6 ),
        $dom->async->wait_for_state( $off, interval => 0.05 ),
        $conn->async( timeout => 60 )->ensure_domain( $dom, 'running' )
            ->then( sub { $dom->async->wait_for_state($off) } ),
    );
    my $left = @waits;
    for my $wait (@waits) {
        $wait->on_ready( sub { finish() if !--$left } );
    }
    after( 0.3, sub { $daemon->stop } );
    print spin();
    say scalar( grep { $_->is_failed } @waits ), ' failed';
    say quiet(),                                 ' is left';
};

scenario 'the daemon hangs while waits run, and they have limits' => "late 0\nnothing is left\n" => sub {
    my $daemon = own_daemon();
    my $conn   = Sys::Virt->new( uri => $daemon->uri );
    my $dom    = domain_of($conn);
    $conn->async->get_hostname->on_done( sub { finish() } );
    print spin();
    $daemon->signal('STOP');
    my ( $start, $left, $late ) = ( time, 5, 0 );
    for my $limit ( 0.1, 0.2, 0.3, 0.4, 0.5 ) {
        $dom->async->wait_for_state( $off, timeout => $limit )->on_fail(
            sub {
                my ($error) = @_;
                my $took = time - $start;
                $late++
                    if $took < $limit - 0.01
                    || $took > $limit + 0.5 * Patience::factor()
                    || failed($error) ne 'OPERATION_TIMEOUT';
                finish() if !--$left;
            }
        );
    }
    print spin();
    say "late $late";
    $daemon->signal('CONT');
    say quiet(), ' is left';
};

scenario 'a wait is canceled: in a timer, an event callback, a future, its own callback' =>
    "timer: OPERATION_ABORTED\nevent: OPERATION_ABORTED\nfuture: OPERATION_ABORTED\nnothing is left\n" =>
    sub {
    my $conn = Sys::Virt->new( uri => uri() );
    for my $where (qw(timer event future)) {
        my $dom    = domain_of($conn);
        my $wait   = $dom->async->wait_for_state( $off, timeout => 60 );
        my $cancel = sub { $wait->cancel; $wait->cancel };
        $wait->on_fail( sub { my ($error) = @_; $wait->cancel; say "$where: ", failed($error); finish() } );
        if ( $where eq 'timer' )  { after( 0.1, $cancel ) }
        if ( $where eq 'future' ) { $dom->async->get_info->on_done($cancel) }
        if ( $where eq 'event' ) {
            $conn->domain_event_register_any( $dom, Sys::Virt::Domain::EVENT_ID_LIFECYCLE, $cancel );
            $dom->suspend;
        }
        print spin();
    }
    say quiet(), ' is left';
    };

scenario 'a callback of a wait dies' => "told 1\nprogress: told 1\nstart: in start\nnothing is left\n" =>
    sub {
    my $conn = Sys::Virt->new( uri => uri() );
    my $dom  = domain_of($conn);
    my $wait = $dom->async->wait_for_state( $paused, timeout => 20 );
    $wait->on_done( sub { after( 0.05, \&finish ); die "in a wait\n" } );
    my $call = $dom->async->suspend;
    say told( qr/in a wait/, spin() );
    $call = $dom->async( on_progress => sub { die "in progress\n" } )->resume;
    $call->on_ready( sub { after( 0.2, \&finish ) } );
    say 'progress: ', told( qr/in progress/, spin() );
    $dom->async->wait_for_job( start => sub { die "in start\n" } )
        ->on_fail(
        sub { print 'start: ', $_[0] =~ /in start/ ? "in start\n" : failed( $_[0] ) . "\n"; finish() } );
    print spin();
    say quiet(), ' is left';
    };

scenario 'waits whose futures are dropped' => "ended: 1\nnothing is left\n" => sub {
    my $conn  = Sys::Virt->new( uri => uri() );
    my $dom   = domain_of($conn);
    my $ended = 0;
    $dom->async->wait_for_state( $paused, timeout => 20 )->on_done( sub { $ended++; finish() } );
    $dom->async->wait_for_state( $off,    timeout => 0.2 )->catch( sub { } );
    my $future = $dom->async->wait_for_state( $paused, timeout => 20 );
    undef $future;
    after( 0.3, sub { $dom->async->suspend } );
    print spin();
    say "ended: $ended";
    say quiet(), ' is left';
};

scenario '100 waits at once' => "100\nnothing is left\n" => sub {
    my $conn = Sys::Virt->new( uri => uri() );
    my $dom  = domain_of($conn);
    my $done = 0;
    for ( 1 .. 100 ) {
        $dom->async->wait_for_state( $paused, timeout => 30 )->on_done( sub { finish() if ++$done == 100 } );
    }
    after( 0.1, sub { $dom->async->suspend } );
    print spin(25);
    say $done;
    say quiet(), ' is left';
};

scenario 'blocking waits within callbacks' => "future: 3\ntimer: OPERATION_TIMEOUT\n" => sub {
    my $conn = Sys::Virt->new( uri => uri() );
    my $dom  = domain_of($conn);
    $dom->async->suspend->on_done(
        sub { say 'future: ', scalar $dom->wait_for_state( $paused, timeout => 5 ); finish() } );
    print spin();
    after(
        0.01,
        sub {
            eval { $dom->wait_for_state( $off, timeout => 0.2 ); 1 } or say 'timer: ', failed($@);
            finish();
        }
    );
    print spin();
};

1;
