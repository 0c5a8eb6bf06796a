# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Scenarios for xt/loops/hostile.t: Sys::Virt::Reconnect.
use 5.016;
use strict;
use warnings;

use POSIX ();
use Scenario;
use Sys::Virt;
use Sys::Virt::Async;
use Sys::Virt::Reconnect;
use Time::HiRes qw(time);

my $lifecycle = Sys::Virt::Domain::EVENT_ID_LIFECYCLE;

sub comeback {
    my ( $uri, %options ) = @_;
    return Sys::Virt::Reconnect->new( uri => $uri, min_delay => 0.05, max_delay => 0.1, %options );
}

# Runs the loop until the code returns true.
sub spin_until {
    my ($code) = @_;
    my $check;
    $check = sub { return finish() if $code->(); after( 0.01, $check ) };
    after( 0, $check );
    return spin();
}

scenario 'killed 3 times, with calls and waits in flight' =>
    "connects 4, disconnects 3\ncalls 15 failed\nwaits 3 failed\nevents 2\n" => sub {
    my $daemon = own_daemon();
    my ( $connects, $disconnects, $events, @calls, @waits ) = (0) x 3;
    my $rc = comeback(
        $daemon->uri,
        on_connect    => sub { $connects++ },
        on_disconnect => sub { $disconnects++ }
    );
    $rc->domain_event_register_any( undef, $lifecycle, sub { $events++ } );
    for my $round ( 1 .. 3 ) {
        print spin_until( sub { $connects == $round } );
        my $conn = $rc->connection;
        my $dom  = $conn->get_domain_by_name('test');
        $daemon->signal('STOP');
        push @calls, map { $conn->async->get_hostname } 1 .. 5;
        push @waits, $dom->async->wait_for_state( Sys::Virt::Domain::STATE_SHUTOFF, timeout => 60 );
        $daemon->stop;
        print spin_until( sub { $disconnects == $round } );
        after( 0.1, sub { $daemon->restart } );
    }
    print spin_until( sub { $connects == 4 } );
    my $dom = $rc->connection->get_domain_by_name('test');
    $dom->suspend;
    $dom->resume;
    print spin_until( sub { $events >= 2 } );
    after( 0.1, \&finish );
    print spin();
    say "connects $connects, disconnects $disconnects";
    say 'calls ', scalar( grep { $_->is_failed } @calls ), ' failed';
    say 'waits ', scalar( grep { $_->is_failed } @waits ), ' failed';
    say "events $events";
    };

scenario 'killed while it connects' => "retried\nconnected\n" => sub {
    my $daemon = own_daemon();
    my ( $connects, $retries ) = ( 0, 0 );
    $daemon->signal('STOP');
    my $rc = comeback( $daemon->uri, on_connect => sub { $connects++ }, on_retry => sub { $retries++ } );
    after( 0.2, sub { $daemon->stop } );
    print spin_until( sub { $retries >= 2 } );
    say 'retried';
    after( 0.2, sub { $daemon->restart } );
    print spin_until( sub { $connects } );
    say 'connected';
};

scenario 'it hangs while it connects, for longer than the limit' => "timeout\nconnected\n" => sub {
    my $daemon = own_daemon();
    my ( $connects, %errors ) = (0);
    $daemon->signal('STOP');
    my $rc = comeback(
        $daemon->uri,
        open_timeout => 0.3,
        on_connect   => sub { $connects++ },
        on_retry     => sub { $errors{ failed( $_[1] ) }++ }
    );
    print spin_until( sub { $errors{OPERATION_TIMEOUT} } );
    say 'timeout';
    $daemon->signal('CONT');
    print spin_until( sub { $connects } );
    say 'connected';
};

for my $where (qw(on_connect on_disconnect event future timer)) {
    for my $what (qw(reconnect close)) {
        my $expected = $what eq 'reconnect' ? "again\nalive\n" : "closed: INVALID_CONN\n";
        scenario "$what in a callback: $where" => $expected => sub {
            my ( $done, $connects, $dom ) = ( 0, 0 );
            my $rc;
            my $act = sub { return if $done++; $rc->$what; return };
            $rc = comeback(
                uri(),
                snapshot   => [],
                on_connect => sub {
                    my ( undef, $conn ) = @_;
                    return $act->() if $where eq 'on_connect' && !$done;
                    return          if $connects++;
                    if ( $where eq 'event' )  { $dom = domain_of($conn); $dom->suspend; $dom->resume }
                    if ( $where eq 'future' ) { $conn->async->get_hostname->on_done($act) }
                    if ( $where eq 'timer' )  { after( 0.01, $act ) }
                    if ( $where eq 'on_disconnect' ) {
                        after( 0.01, sub { $rc->reconnect } );
                    }
                },
                $where eq 'on_disconnect' ? ( on_disconnect => $act ) : ()
            );
            $rc->domain_event_register_any( undef, $lifecycle, $act ) if $where eq 'event';
            print spin_until( sub { $done && ( $what eq 'close' || $rc->is_connected ) } );
            after( 0.2, \&finish );
            print spin();
            if ( $what eq 'close' ) {
                return say 'closed: ', eval { $rc->connection } ? 'not' : failed($@);
            }
            say $rc->is_connected ? 'again' : 'lost';
            say 'alive' if length $rc->connection->get_hostname;
        };
    }
}

scenario 'all callbacks die' => "told 4 or more\nconnected\n" => sub {
    my $daemon = own_daemon();
    my %calls;
    my $rc;
    $rc = comeback(
        $daemon->uri,
        map {
            my $name = $_;
            ( $name => sub { $calls{$name}++; die "in $name\n" } )
        } qw(on_connect on_disconnect on_retry)
    );
    $rc->domain_event_register_any( undef, $lifecycle, sub { $calls{event}++; die "in an event\n" } );
    my @told = spin_until( sub { $calls{on_connect} } );
    push @told, spin_until( sub { $rc->is_connected } );
    my $dom   = $rc->connection->get_domain_by_name('test');
    my @calls = map { $dom->async( ordered => 1 )->$_ } qw(suspend resume);
    push @told, spin_until( sub { ( $calls{event} // 0 ) >= 2 } );
    after( 0.05, sub { $daemon->stop } );
    push @told, spin_until( sub { $calls{on_retry} } );
    $daemon->restart;
    push @told, spin_until( sub { $calls{on_connect} >= 2 } );
    after( 0.05, \&finish );
    push @told, spin();
    my $calls = 0;
    $calls += $_ for values %calls;
    my $told = told( qr/\bin (?:on_|an event)/, @told );
    say $told eq "told $calls" ? 'told 4 or more' : "$told of $calls";
    say $rc->is_connected      ? 'connected'      : 'lost';
};

scenario 'dropped in its own callbacks' => "dropped in on_connect\ndropped in event\ndropped in future\n" =>
    sub {
    for my $where (qw(on_connect event future)) {
        my ( $rc, $over );
        my $drop = sub { undef $rc; $over++ };
        $rc = comeback(
            uri(),
            snapshot   => [],
            on_connect => sub {
                my ( undef, $conn ) = @_;
                return $drop->()                              if $where eq 'on_connect';
                return $conn->async->get_type->on_done($drop) if $where eq 'future';
                my $dom = domain_of($conn);
                $dom->suspend;
            }
        );
        $rc->domain_event_register_any( undef, $lifecycle, sub { $drop->() if $where eq 'event' } );
        print spin_until( sub { $over } );
        after( 0.1, \&finish );
        print spin();
        say "dropped in $where" if !$rc;
    }
    };

scenario 'the connection is awaited within callbacks' => "timer: connected\nevent: connected\n" => sub {
    my $daemon = own_daemon();
    my $over   = 0;
    my $rc     = comeback( $daemon->uri );
    after( 0.01, sub { say 'timer: ', $rc->connection( timeout => 15 ) ? 'connected' : 'no'; $over++ } );
    print spin_until( sub { $over } );
    $rc->domain_event_register_any(
        undef,
        $lifecycle,
        sub {
            return if $over++ != 1;
            my $lost = $rc->connection;
            $daemon->stop;
            eval { $lost->get_hostname }; # which notices the end; so does the call below, if its reply comes late

            # The wait runs only these loops within their callbacks.
            if ( $loop->kind =~ /\A(?:Glib|IOAsync|Libvirt)\z/ ) {
                after( 0.2, sub { $daemon->restart } );
            }
            else { $daemon->restart }
            my $conn = $rc->connection( timeout => 15 );
            say 'event: ', $conn->is_alive && $$conn != $$lost ? 'connected' : 'no';
            $over = 10;
        }
    );
    my $call = $rc->connection->get_domain_by_name('test')->async->suspend;
    $call->on_fail( sub { } );    # its event may come first, and then its daemon is stopped
    print spin_until( sub { $over >= 10 } );
};

scenario 'a fork, and both go on' => "child: connected\nchild 0\nparent: event\n" => sub {
    my $events = 0;
    my $rc     = comeback( uri(), snapshot => [] );
    $rc->domain_event_register_any( undef, $lifecycle, sub { $events++ } );
    print spin_until( sub { $rc->is_connected } );
    my $pid;
    after( 0, sub { $pid = fork // die $!; finish() } );
    print spin();
    if ( !$pid ) {
        $loop->forked;
        my $was = $rc->is_connected ? 1 : 0;
        $rc->connected->on_done( sub { say 'child: connected'; finish() } );
        print spin(5);
        say "child: it used its parent's" if $was;
        POSIX::_exit(0);
    }
    waitpid $pid, 0;
    say "child $?";
    my $dom = domain_of( $rc->connection );
    print spin_until( sub { $events } );
    say 'parent: event';
};

1;
