# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Scenarios for xt/loops/hostile.t: calls that do not block, and their futures.
use 5.016;
use strict;
use warnings;

use Scenario;
use Sys::Virt;
use Sys::Virt::Async;
use Time::HiRes qw(time);

my $lifecycle = Sys::Virt::Domain::EVENT_ID_LIFECYCLE;

scenario 'the daemon is killed with calls in flight' => "20 failed: SYSTEM_ERROR\nagain\n" => sub {
    my $daemon = own_daemon();
    my $conn   = Sys::Virt->new( uri => $daemon->uri );
    $daemon->signal('STOP');
    my @calls = map { $conn->async->get_hostname } 1 .. 20;
    my $left  = @calls;
    my %codes;
    for my $call (@calls) {
        $call->on_ready( sub { finish() if !--$left } );
    }
    after( 0.1, sub { $daemon->stop } );
    print spin();
    $codes{ failed( $_->failure ) }++ for @calls;
    say join q{ }, map { "$codes{$_} failed: $_" } sort keys %codes;
    $daemon->restart;
    Sys::Virt->async->new( uri => $daemon->uri )->on_done( sub { say 'again'; finish() } );
    print spin();
};

scenario 'the loop is stopped and started again with calls in flight' => "stopped 5\n10 done\n" => sub {
    my $daemon = own_daemon();
    my $conn   = Sys::Virt->new( uri => $daemon->uri );
    $daemon->signal('STOP');
    my ( $done, $stopped ) = ( 0, 0 );
    for ( 1 .. 10 ) {
        $conn->async->get_hostname->on_done( sub { finish() if ++$done == 10 } );
    }
    for ( 1 .. 5 ) {
        after( 0.02, sub { $stopped++; finish() } );
        print spin();
    }
    say "stopped $stopped";
    $daemon->signal('CONT');
    print spin() if $done < 10;
    say "$done done";
};

scenario 'waiting within callbacks: timer, future, event' =>
    "timer: guest\nfuture: guest\nevent: guest\n20 in callbacks of callbacks\n" => sub {
    my $conn = Sys::Virt->new( uri => uri() );
    my $dom  = domain_of($conn);
    after( 0.01, sub { say 'timer: ', $dom->async->get_name->get =~ s{-.*}{}r; finish() } );
    print spin();
    $dom->async->get_name->on_done( sub { say 'future: ', $dom->async->get_name->get =~ s{-.*}{}r; finish() }
    );
    print spin();
    my $event;
    $event = $conn->domain_event_register_any(
        $dom,
        $lifecycle,
        sub {
            $conn->domain_event_deregister_any($event);
            say 'event: ', $dom->async->get_name->get =~ s{-.*}{}r;
            finish();
        }
    );
    my $future = $dom->async->suspend;
    print spin();
    $future->get;
    $dom->resume;

    # Each waits for the next one within its callback.
    my $depth = 0;
    my $next;
    $next = sub {
        return if ++$depth >= 20;
        after( 0, $next );
        $dom->async->get_name->get =~ s{-.*}{}r;
    };
    after( 0, sub { $next->(); after( 0.3, \&finish ) } );
    print spin();
    say "$depth in callbacks of callbacks";
    };

scenario 'the loop is run within a callback' => "nested\n" => sub {
    my $dom = domain_of( Sys::Virt->new( uri => uri() ) );
    after(
        0.01,
        sub {
            my $name;
            my $future = $dom->async->get_name->on_done( sub { $name = shift } );
            my $end    = time + 5;
            if ( $loop->nested ) { $loop->turn while !defined $name && time < $end }
            else                 { $future->await }
            say defined $name ? 'nested' : 'no answer';
            finish();
        }
    );
    print spin();
};

scenario 'timers are on time while a call hangs' => "in time\nanswered\n" => sub {
    my $daemon = own_daemon();
    my $conn   = Sys::Virt->new( uri => $daemon->uri );
    $daemon->signal('STOP');
    my $start = time;
    my $took;
    my $call = $conn->async->get_hostname->on_done( sub { $took = time - $start; finish() } );
    after( 2, sub { $daemon->signal('CONT') } );
    print spin();
    my ( $count, $longest ) = ticks($start);
    say $count >= 40 && $longest < 0.5 ? 'in time' : "$count ticks in $took s, once after $longest s";
    warn sprintf "%s: %d ticks in 2 s, latest after %.1f ms\n", $loop->kind, $count, 1000 * $longest
        if $ENV{SCENARIO_TIMES};
    say $took > 1.9 ? 'answered' : "after $took";
};

scenario 'time limits end calls in time, in their order' => "300\n200\n100\nlate 0\nnone waits\n" => sub {
    my $daemon = own_daemon();
    my $conn   = Sys::Virt->new( uri => $daemon->uri );
    $daemon->signal('STOP');
    my ( $start, $late, $left ) = ( time, 0, 3 );
    my @order;
    for my $limit ( 0.3, 0.2, 0.1 ) {
        $conn->async( timeout => $limit )->get_hostname->on_fail(
            sub {
                my ($error) = @_;
                my $took = time - $start;
                unshift @order, failed($error) eq 'OPERATION_TIMEOUT' ? 1000 * $limit : failed($error);
                $late++  if $took < $limit - 0.01 || $took > $limit + 0.5 * Patience::factor();
                finish() if !--$left;
            }
        );
    }
    print spin();
    say for @order;
    say "late $late";
    $daemon->signal('CONT');
    say Sys::Virt::Async->pending ? 'some wait' : 'none waits';
};

scenario 'futures that are dropped' => "told 1\ndone\n" => sub {
    my $conn = Sys::Virt->new( uri => uri() );
    $conn->async->get_hostname for 1 .. 20;
    $conn->async->get_domain_by_name('none');
    my $future = $conn->async->get_type;
    undef $future;
    after( 0.3, \&finish );
    say told( qr/get_domain_by_name failed, and nothing handled the error/, spin() );
    $conn->async->get_hostname->on_done( sub { say 'done'; finish() } );
    print spin();
};

scenario 'calls are canceled in callbacks' => "canceled: OPERATION_ABORTED\nothers: 8\n" => sub {
    my $daemon = own_daemon();
    my $conn   = Sys::Virt->new( uri => $daemon->uri );
    $daemon->signal('STOP');
    my @calls = map { $conn->async->get_hostname } 1 .. 10;
    my ( $done, $cause ) = 0;
    $calls[3]->on_fail( sub { $cause = failed( $_[0] ); $calls[5]->cancel } );
    for my $call (@calls) {
        $call->on_done( sub { finish() if ++$done == 8 } );
    }
    after( 0.05, sub { $calls[3]->cancel; $daemon->signal('CONT') } );
    print spin();
    say "canceled: $cause";
    say "others: $done";
};

scenario 'a callback of a future dies' => "told 1\nothers: 5\nchain: in a chain\n" => sub {
    my $conn   = Sys::Virt->new( uri => uri() );
    my $others = 0;
    my @calls  = map { $conn->async->get_hostname } 1 .. 5;
    $calls[0]->on_done( sub { die "in a future\n" } );
    for my $call (@calls) {
        $call->on_done( sub { $others++ } );
    }
    my ( $chain, $left ) = ( undef, @calls + 1 );
    $_->on_ready( sub { after( 0.05, \&finish ) if !--$left } )
        for @calls,
        $conn->async->get_hostname->then( sub { die "in a chain\n" } )
        ->catch( sub { $chain = $_[0]; return } );
    say told( qr/in a future/, spin() );
    say "others: $others";
    print "chain: $chain";
};

scenario 'callbacks of an event, a timer and a handle die' => "told 6\n4 events, 3 times, 3 reads\n" => sub {
    my $conn = Sys::Virt->new( uri => uri() );
    my $dom  = domain_of($conn);
    my ( $events, $times, $reads ) = (0) x 3;
    my $event =
        $conn->domain_event_register_any( $dom, $lifecycle, sub { die "in an event\n" if ++$events % 2 } );
    my $timer = Sys::Virt::Event::add_timeout( 10, sub { die "in a timer\n" if ++$times % 2 } );
    pipe my $read, my $write or die $!;
    my $watch = Sys::Virt::Event::add_handle(
        fileno $read,
        Sys::Virt::Event::HANDLE_READABLE,
        sub { sysread $read, my $byte, 1; die "in a handle\n" if ++$reads % 2 }
    );
    syswrite $write, 'xxx';
    my @calls = map { $dom->async( ordered => 1 )->$_ } qw(suspend resume suspend resume);
    my $check;
    $check = sub {
        Sys::Virt::Event::update_timeout( $timer, -1 ) if $times == 3;
        return after( 0.005, $check )                  if $events < 4 || $times < 3 || $reads < 3;
        finish();
    };
    after( 0, $check );
    say told( qr/in an event|in a timer|in a handle/, spin() );
    say "$events events, $times times, $reads reads";
    $conn->domain_event_deregister_any($event);
    $_->get for @calls;
};

scenario 'a report of progress dies' => "told 3\nall 3\n" => sub {
    my $conn = Sys::Virt->new( uri => uri() );
    my $all  = Sys::Virt::Async->all(
        { on_progress => sub { die "in progress\n" } },
        [ ($conn) x 3 ],
        'get_hostname'
    );
    $all->on_ready( sub { after( 0.05, \&finish ) } );
    say told( qr/in progress/, spin() );
    say 'all ', scalar @{ [ $all->get ] };
};

scenario '300 calls, of which each makes another' => "600\n" => sub {
    my $conn  = Sys::Virt->new( uri => uri() );
    my $count = 0;
    for ( 1 .. 300 ) {
        $conn->async->get_hostname->on_done(
            sub {
                $count++;
                $conn->async->get_type->on_done( sub { finish() if ++$count == 600 } );
            }
        );
    }
    print spin();
    say $count;
};

scenario 'a connection is closed in callbacks' =>
    "in a future: INVALID_CONN\nin an event: INVALID_CONN\nin a timer: INVALID_CONN\n" => sub {
    for my $where (qw(future event timer)) {
        my $conn  = Sys::Virt->new( uri => uri() );
        my $dom   = domain_of($conn);
        my $close = sub { $conn->close; finish() };
        $conn->register_close_callback( sub { say 'the close callback ran' } );
        if ( $where eq 'future' ) { $dom->async->get_info->on_done($close) }
        if ( $where eq 'timer' )  { after( 0.01, $close ) }
        if ( $where eq 'event' ) {
            $conn->domain_event_register_any( $dom, $lifecycle, $close );
            $dom->suspend;
            $dom->resume;
        }
        print spin();
        say +( $where eq 'event' ? 'in an ' : 'in a ' ) . "$where: ",
            eval { $conn->get_hostname } // failed($@);
    }
    };

1;
