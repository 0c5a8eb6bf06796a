# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Scenarios for xt/loops/hostile.t: processes, signals, a second event implementation, and the end of a script.
use 5.016;
use strict;
use warnings;

use POSIX ();
use Patience;
use Scenario;
use Sys::Virt;
use Sys::Virt::Reconnect;
use Time::HiRes qw(time);

my $lifecycle = Sys::Virt::Domain::EVENT_ID_LIFECYCLE;

# Everything that may be active at the end, on a daemon that does not answer.
sub activity {
    my ($daemon) = @_;
    my $conn     = Sys::Virt->new( uri => $daemon->uri );
    my $dom      = domain_of($conn);
    $conn->register_close_callback( sub { say 'closed' } );
    $conn->set_keep_alive( 5, 3 );
    $conn->domain_event_register_any( $dom, $lifecycle, sub { say 'event' } );
    my $rc     = Sys::Virt::Reconnect->new( uri => $daemon->uri );
    my $stream = $conn->new_stream;
    $dom->screenshot( $stream, 0 );
    my $handle  = $stream->handle;
    my @reading = reader( $handle, sub { } );
    $rc->connection;
    $daemon->signal('STOP');
    my @calls = map { $conn->async->get_hostname } 1 .. 10;
    my $wait  = $dom->async->wait_for_state( Sys::Virt::Domain::STATE_SHUTOFF, timeout => 60 );
    return ( $conn, $dom, $rc, $stream, $handle, \@reading, \@calls, $wait );
}

for my $how ( 'runs off its end', 'exits within a callback', 'dies', 'exits within an event callback' ) {
    my $status = $how =~ /exits/ ? 3 : $how eq 'dies' ? 255 : 0;
    my $output = $how eq 'dies'  ? "active\nat the end\n" : "active\n";
    scenario "a script with calls, waits and handles $how" => [ $output, $status ] => sub {
        my $daemon = own_daemon();
        our @active = activity($daemon);    # which global destruction frees
        say 'active';
        if ( $how eq 'exits within a callback' ) {
            after( 0.05, sub { exit 3 } );
            print spin();
        }
        if ( $how eq 'exits within an event callback' ) {
            $daemon->signal('CONT');
            our $conn = Sys::Virt->new( uri => uri() );
            our $dom  = domain_of($conn);
            $conn->domain_event_register_any( $dom, $lifecycle, sub { exit 3 } );
            my $call = $dom->async->suspend;
            print spin();
        }
        after( 0.05, \&finish );
        print spin();
        local $! = 0;    # which would be the status
        die "at the end\n" if $how eq 'dies';
    };
}

scenario 'the connection ends before and after what uses it' => "before\nafter\n" => sub {
    for my $order (qw(before after)) {
        my $conn = Sys::Virt->new( uri => uri() );
        my $dom  = domain_of($conn);
        my $wait = $dom->async->wait_for_state( Sys::Virt::Domain::STATE_SHUTOFF, timeout => 60 );
        my $call = $conn->async->get_hostname;
        $conn->domain_event_register_any( $dom, $lifecycle, sub { say 'event' } );
        if   ( $order eq 'before' ) { undef $conn;   undef $dom; $wait->cancel }
        else                        { $wait->cancel; undef $dom; undef $conn }
        after( 0.1, sub { say $order; finish() } );
        print spin();
    }
};

scenario 'an event loop of its own is joined, and dropped with a call in flight' =>
    "own: answered\nmain: answered\n" => sub {
    my $daemon = own_daemon();
    my $conn   = Sys::Virt->new( uri => $daemon->uri );
    if ( $loop->kind eq 'Mojo' ) {
        my $own = Mojo::IOLoop->new;
        Sys::Virt::Async->join($own);
        $conn->async->get_hostname->on_done( sub { say 'own: answered'; $own->stop } );
        $own->start;
        $daemon->signal('STOP');
        my $call = $conn->async->get_hostname;
        undef $own;
    }
    else {    # the others have one for all
        $conn->async->get_hostname->on_done( sub { say 'own: answered'; finish() } );
        print spin();
        $daemon->signal('STOP');
    }
    my $call = $conn->async->get_hostname->on_done( sub { say 'main: answered'; finish() } );
    after( 0.1, sub { $daemon->signal('CONT') } );
    print spin();
    };

scenario 'a fork within a callback, whose child ends' => "child 0\nanswered\nevents 2\n" => sub {
    my $daemon = own_daemon();
    my $conn   = Sys::Virt->new( uri => $daemon->uri );
    my $dom    = domain_of($conn);
    my $events = 0;
    $conn->domain_event_register_any( $dom, $lifecycle, sub { finish() if ++$events == 2 } );
    $daemon->signal('STOP');
    my $call = $conn->async->get_hostname;
    my $wait = $dom->async->wait_for_state( Sys::Virt::Domain::STATE_SHUTOFF, timeout => 60 );
    after(
        0.05,
        sub {
            my $pid = fork // die $!;
            exit 0 if !$pid;    # with its global destruction
            waitpid $pid, 0;
            say "child $?";
            $daemon->signal('CONT');
            finish();
        }
    );
    print spin();
    $call->on_done( sub { say 'answered'; finish() } );
    print spin();
    my @calls = map { $dom->async( ordered => 1 )->$_ } qw(suspend resume);
    print spin();
    say "events $events";
    $wait->cancel;
};

scenario 'a fork within a callback, whose child goes on with the loop' =>
    "child: guest\nchild: the parent's call failed\nchild: event\nchild 0\nparent: answered\n" => sub {
    my $daemon = own_daemon();
    my $conn   = Sys::Virt->new( uri => $daemon->uri );
    $daemon->signal('STOP');
    my $call = $conn->async->get_hostname;
    my $pid;
    after( 0.05, sub { $pid = fork // die $!; finish() } );
    print spin();
    if ( !$pid ) {
        $loop->forked;
        my $own = Sys::Virt->new( uri => uri() );
        my $dom = domain_of($own);
        $dom->async->get_name->on_done( sub { say 'child: ', $_[0] =~ s/-.*//r; finish() } );
        print spin(5);
        say q(child: the parent's call ), defined $call->failure ? 'failed' : 'succeeded';
        $own->domain_event_register_any( $dom, $lifecycle, sub { say 'child: event'; finish() } );
        my $suspend = $dom->async->suspend;
        print spin(5);
        POSIX::_exit(0);
    }
    waitpid $pid, 0;
    say "child $?";
    $daemon->signal('CONT');
    $call->on_done( sub { say 'parent: answered'; finish() } );
    print spin();
    };

scenario 'signals while the loop waits' => "TERM INT CHLD USR1\nsoon\nanswered\n" => sub {
    my $daemon = own_daemon();
    my $conn   = Sys::Virt->new( uri => $daemon->uri );
    $daemon->signal('STOP');
    my $start = time;
    my ( %at, $pid );
    local @SIG{qw(TERM INT USR1)} = ( sub { $at{ $_[0] } //= time - $start } ) x 3;
    local $SIG{CHLD} = sub { $at{CHLD} //= time - $start; waitpid $pid, POSIX::WNOHANG() if $pid };
    my $call = $conn->async->get_hostname->on_done( sub { finish() } );
    $pid = fork // die $!;

    if ( !$pid ) {
        for my $signal (qw(TERM INT USR1)) {
            Time::HiRes::sleep(0.1);
            kill $signal => getppid;
        }
        POSIX::_exit(0);
    }
    after( 1.5, sub { $daemon->signal('CONT') } );
    print spin();
    say join q{ }, grep { defined $at{$_} } qw(TERM INT CHLD USR1);
    say +( sort { $b <=> $a } values %at )[0] < 1.3 ? 'soon' : "late: @{[ %at ]}";
    say 'answered' if $call->is_done;
};

# Sends USR1 when the loop has slept for a while, and tells when: to the handler, which returns how late it is.
sub sender {
    my ($count) = @_;
    pipe my $read, my $write or die $!;
    my $pid = fork // die $!;
    if ( !$pid ) {
        for ( 1 .. $count ) {
            Time::HiRes::sleep(0.4);
            syswrite $write, pack 'd', time;
            kill USR1 => getppid;
        }
        POSIX::_exit(0);
    }
    return sub { sysread $read, my $sent, 8; return time - unpack 'd', $sent };
}

for my $sleeping ( 'nothing else happens', 'a call hangs' ) {
    scenario "a signal wakes the loop while $sleeping" => "3 soon\nexceptions told\nanswered\n" => sub {
        my $daemon = own_daemon();
        my $conn   = Sys::Virt->new( uri => $daemon->uri );
        $conn->domain_event_register_any( undef, $lifecycle, sub { say 'event' } );
        my $call;
        if ( $sleeping =~ /call/ ) {
            $daemon->signal('STOP');
            $call = $conn->async->get_hostname;
        }
        still();

        # IO::Async's Poll resumes its wait even if the handler has stopped it.
        pipe my $read, my $write or die $!;
        my $stop   = reader( $read, sub { sysread $read, my $byte, 1 } );
        my $finish = sub { finish(); syswrite $write, q{.} if $loop->kind eq 'IOAsync' };
        my ( $soon, $handled, $late ) = ( 0, 0, sender(3) );
        {
            local $SIG{USR1} = sub {
                $soon++     if $late->() < 0.3 * Patience::factor();
                $finish->() if ++$handled == 3;
            };
            print spin();
        }
        say "$soon soon";

        # Glib's loop cannot go on.
        my $expected = my $dies = $loop->kind eq 'Glib' ? 0 : 2;
        $late = sender( $dies + 1 );
        {
            local $SIG{USR1} = sub {
                my $seconds = $late->();
                die "in a handler\n" if $seconds < 0.3 * Patience::factor() && $dies-- > 0;
                $finish->();
            };
            my $told = told( qr/in a handler/, spin() );
            say $told eq "told $expected" ? 'exceptions told' : $told;
        }
        $daemon->signal('CONT');
        $call = ( $call // $conn->async->get_hostname )->on_done( sub { finish() } );
        print spin()   if !$call->is_done;
        say 'answered' if $call->is_done;
    };
}

scenario 'a handler of a signal dies' => "told 1\nanswered\n" => sub {
    my $daemon = own_daemon();
    my $conn   = Sys::Virt->new( uri => $daemon->uri );
    $daemon->signal('STOP');
    local $SIG{USR1} = sub { die "in a handler\n" };
    my $call = $conn->async->get_hostname->on_done( sub { finish() } );
    my $pid  = fork // die $!;
    if ( !$pid ) {
        Time::HiRes::sleep(0.2);
        kill USR1 => getppid;
        Time::HiRes::sleep(0.2);
        $daemon->signal('CONT');
        POSIX::_exit(0);
    }
    say told( qr/in a handler/, spin() );
    say 'answered' if $call->is_done;
};

scenario 'a second event loop' =>
    "warned: it is said\nthe first one stays, or the second one replaces it\n" => sub {
    {

        package My::Loop;
        require Sys::Virt::EventImpl;
        our @ISA = ('Sys::Virt::EventImpl');
    }
    my @warned;
    local $SIG{__WARN__} = sub { push @warned, @_ };
    my $default = $loop->kind eq 'Libvirt';
    my $first   = $Sys::Virt::Event::eventimpl;
    Sys::Virt::Event::register( bless {}, 'My::Loop' );
    my $said =
        $default
        ? qr/\Alibvirt's event loop is registered already, and stays: this event implementation is not used at /
        : qr/\Aanother event implementation replaces the registered one at /;
    say 'warned: ', @warned == 1 && $warned[0] =~ $said ? 'it is said' : "@warned";
    $Sys::Virt::Event::eventimpl = $first;
    Sys::Virt::Event::register_default();
    say @warned == ( $default ? 1 : 2 )
        && ( $default || $warned[1] =~ /libvirt's event loop is not used at .*process.pl/ )
        ? 'the first one stays, or the second one replaces it'
        : "@warned";
    my $dom = domain_of( Sys::Virt->new( uri => uri() ) );
    $dom->get_connect->domain_event_register_any( $dom, $lifecycle, sub { finish() } );
    my $call = $dom->async->suspend;
    print spin();
    eval { Sys::Virt::Event::run_default(); 1 }
        or $default
        or failed($@) eq 'OPERATION_INVALID'
        or say "run_default: $@";
    };

1;
