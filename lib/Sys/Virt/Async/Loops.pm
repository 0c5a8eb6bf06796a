# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Async::Loops;

# The supported event loops, and their notification when a call has ended: all event loops that are loaded watch the core's
# descriptor. An event loop that ends when it has nothing to watch does so only while calls are pending.

use 5.016;
use strict;
use warnings;

use Carp        ();
use Time::HiRes ();

our @CARP_NOT = qw(Sys::Virt::Async Sys::Virt::Future);

# How long to run an event loop that runs no signal handlers, in seconds; from which time on a timer is left out, because some loops
# cannot count that far.
use constant { PATIENCE => 0.1, NEVER => 2_000_000 };

my ( @joined, @due, $handle, $pid, $asleep, $brief );

# In the order in which `get` tries to run them: how to detect the event loop, to watch a handle, to stop watching, and to run
# one iteration, which returns false if that is impossible now. `timer` runs code once, after some seconds, and returns a
# function that stops it. `brief` event loops watch only while calls are pending.
my @loops = (
    {
        name  => 'IO::Async::Loop',
        here  => sub { $INC{'IO/Async/Loop.pm'} && IO::Async::Loop->new },
        watch => sub {
            my ($loop) = @_;
            $loop->watch_io( handle => $handle, on_read_ready => \&dispatch );
            my $watched = $handle;
            return sub { $loop->unwatch_io( handle => $watched, on_read_ready => 1 ) };
        },
        timer => sub {
            my ( $loop, $seconds, $code ) = @_;
            my $id = $loop->watch_time( after => $seconds, code => $code );
            return sub { $loop->unwatch_time($id) };
        },
        turn => sub { $_[0]->loop_once; return 1 },
    },
    {
        name  => 'Mojo::IOLoop',
        brief => 1,
        here  => sub { $INC{'Mojo/IOLoop.pm'} && Mojo::IOLoop->singleton },
        watch => sub {
            my ($loop) = @_;
            $loop->reactor->io( $handle => \&dispatch )->watch( $handle, 1, 0 );
            my $watched = $handle;
            return sub { $loop->reactor->remove($watched) };
        },
        timer => sub {
            my ( $loop, $seconds, $code ) = @_;
            my $id = $loop->timer( $seconds => sub { $code->() } );
            return sub { $loop->remove($id) };
        },
        turn => sub {
            my ($loop) = @_;
            return if $loop->is_running;
            my $timer = $loop->timer( PATIENCE, sub { } );
            $loop->one_tick;
            $loop->remove($timer);
            return 1;
        },
    },
    {
        name  => 'AnyEvent',
        here  => sub { $INC{'AnyEvent.pm'} && 'AnyEvent' },
        watch => sub {
            my $watcher = AnyEvent->io( fh => $handle, poll => 'r', cb => \&dispatch );
            return sub { undef $watcher };
        },
        timer => sub {
            my ( undef, $seconds, $code ) = @_;
            AnyEvent->now_update;    # a call may have taken long
            my $watcher = AnyEvent->timer( after => $seconds, cb => $code );
            return sub { undef $watcher };
        },
        turn => sub {
            return if $AnyEvent::CondVar::Base::WAITING;    # it would throw
            my $over  = AnyEvent->condvar;
            my $timer = AnyEvent->timer( after => PATIENCE, cb => sub { $over->send } );
            $_[1]->_when_ready( sub { $over->send } );
            $over->recv;
            return 1;
        },
    },
    {
        name  => 'EV',
        brief => 1,
        here  => sub { $INC{'EV.pm'} && 'EV' },
        watch => sub {
            wake_for_signals();
            my $watcher = EV::io( fileno $handle, EV::READ(), \&dispatch );
            return sub { undef $watcher };
        },
        timer => sub {
            my ( undef, $seconds, $code ) = @_;
            EV::now_update();
            my $watcher = EV::timer( $seconds, 0, $code );
            return sub { undef $watcher };
        },

  # Mojolicious does not expect to be run within its own callback: it would call watchers that it has removed.
        turn => sub {
            return
                   if $INC{'Mojo/Reactor/EV.pm'}
                && Mojo::IOLoop->is_running
                && Mojo::IOLoop->singleton->reactor->isa('Mojo::Reactor::EV');
            my $timer = EV::timer( PATIENCE, 0, sub { } );
            EV::run( EV::RUN_ONCE() );
            return 1;
        },
    },
    {
        name  => 'Glib',
        here  => sub { $INC{'Glib.pm'} && 'Glib' },
        watch => sub {
            return glib_watch( fileno $handle, ['in'], \&dispatch );
        },
        timer => sub {
            my ( undef, $seconds, $code ) = @_;
            my $id = Glib::Timeout->add( int( 1 + 1000 * $seconds ), sub { $code->(); return 0 } );
            return sub { Glib::Source->remove($id) };
        },
        turn => sub {
            my $id = Glib::Timeout->add( 1000 * PATIENCE, sub { return 1 } );
            Glib::MainContext->default->iteration(1);
            Glib::Source->remove($id);
            return 1;
        },
    },
    {
        name  => 'POE',
        brief => 1,
        here  => sub { $INC{'POE/Kernel.pm'} && $POE::Kernel::poe_kernel },
        watch => sub {
            my ($kernel) = @_;
            my $watched  = $handle;
            my $session  = POE::Session->create(
                inline_states => {
                    _start => sub { $kernel->detach_myself; $kernel->select_read( $watched, 'ready' ) },
                    ready  => sub {
                        eval { dispatch(); 1 } or warn $@;
                    },    ## no critic (RequireCarping)
                    stop => sub { $kernel->select_read($watched) },
                }
            )->ID;
            return sub { $kernel->call( $session, 'stop' ) };
        },
        timer => sub {
            my ( $kernel, $seconds, $code ) = @_;
            my $id;
            my $session = POE::Session->create(
                inline_states => {
                    _start => sub { $kernel->detach_myself; $id = $kernel->delay_set( fired => $seconds ) },
                    fired  => sub {
                        eval { $code->(); 1 } or warn $@;
                    },    ## no critic (RequireCarping)
                    stop => sub { $kernel->alarm_remove($id) },
                }
            )->ID;
            return sub { $kernel->call( $session, 'stop' ) };
        },
    },
    {
        name  => q(libvirt's),
        here  => sub { Sys::Virt::Event::_has_default() },
        watch => sub {
            my $id = Sys::Virt::Event::add_handle( fileno $handle,
                Sys::Virt::Event::HANDLE_READABLE(), \&dispatch );
            return sub { Sys::Virt::Event::remove_handle($id) };
        },
        timer => sub {
            my ( undef, $seconds, $code ) = @_;
            my $id = Sys::Virt::Event::add_timeout( int( 1 + 1000 * $seconds ), $code );
            return sub { Sys::Virt::Event::remove_timeout($id) };
        },

        # It runs no signal handlers while it waits, so it is run for short times.
        turn => sub {
            our $running;
            return if $running;
            local $running = 1;
            select_descriptor(PATIENCE);
            my $now = Sys::Virt::Event::add_timeout( 0, sub { } );
            Sys::Virt::Event::run_default();
            Sys::Virt::Event::remove_timeout($now);
            return 1;
        },
    },
);

my $libvirts = $loops[-1];

# Glib removes a source whose callback dies, and reports the exception: so there has to be another source. Returns a function that
# removes it.
sub glib_watch {
    my ( $fd, $conditions, $code ) = @_;
    my ( $id, $watch );
    $watch = sub {
        $id = Glib::IO->add_watch(
            $fd,
            $conditions,
            sub {
                return 1 if eval { $code->(); 1 };
                my $error = $@;
                $watch->() if $watch;
                local $SIG{__DIE__} = undef;    # which has seen it already
                die $error;                     ## no critic (RequireCarping)
            }
        );
    };
    $watch->();
    return sub { Glib::Source->remove($id) if $watch; undef $watch };
}

# A signal wakes EV, but perl runs its handler only when EV calls Perl code: which this does, as EV's manual advises.
my $checker;

sub wake_for_signals {
    return if $checker || !$INC{'EV.pm'};
    $checker = EV::check( sub { } );
    $checker->keepalive(0);
    return;
}

# Called with each call, so it is fast when nothing has changed.
sub join_all {
    return        if Sys::Virt::Async::_joined();
    start_again() if defined $pid && $pid != $$;
    $pid    = $$;
    $asleep = 0;
    for my $kind (@loops) {
        next if grep { $_->{kind} == $kind && !$_->{named} } @joined;
        my $loop = $kind->{here}->() or next;
        next if grep { $_->{loop} eq $loop } @joined;
        join_one( { kind => $kind, loop => $loop } );
    }
    watch();
    Sys::Virt::Async::_joined(1);
    return;
}

sub watch {
    if ( !$handle ) {
        open $handle, '<&', Sys::Virt::Async::_fileno()
            or die "cannot duplicate the descriptor for calls: $!\n";
    }
    for (@joined) {
        $_->{stop} //= $_->{kind}{watch}->( $_->{loop} );
        $brief = 1 if $_->{kind}{brief};
    }
    return;
}

# An event loop that cannot be found by itself.
sub join_named {
    my ($loop) = @_;
    my ($kind) = grep {
        ref $loop && eval { $loop->isa( $_->{name} ) }
        } @loops
        or Carp::croak('join takes an IO::Async::Loop or a Mojo::IOLoop');
    $pid //= $$;
    return if grep { $_->{loop} eq $loop } @joined;
    join_one( { kind => $kind, loop => $loop, named => 1 } );
    watch();
    return;
}

sub join_one {
    my ($joined) = @_;
    push @joined, $joined;
    my $now = Time::HiRes::time();
    start_timer( $_, $joined, $_->{at} > $now ? $_->{at} - $now : 0 ) for @due;
    return;
}

# A child process after fork has its own descriptor, and so has a thread.
sub start_again {
    for (@joined) {
        my $stop = delete $_->{stop} or next;
        eval { $stop->() };
    }
    undef $handle;
    Sys::Virt::Async::_joined(0);
    return;
}

sub CLONE {
    @joined = @due = ();
    undef $_ for $handle, $pid;
    return;
}

sub dispatch {
    if ( defined $pid && $pid != $$ ) {
        start_again();
        $pid = $$;
        watch();
    }
    my $count = Sys::Virt::Async::_dispatch();
    Sys::Virt::Stream::Transfer::report_all() if $Sys::Virt::Stream::Transfer::watched;
    doze()                                    if $brief && !$asleep;
    return $count;
}

# No calls are pending: event loops that end when there is nothing to watch may end. A call that has just ended counts as
# pending, because it still has to be settled.
sub doze {
    my ( undef, undef, undef, $unsettled ) = Sys::Virt::Async::_pending();
    return if $unsettled;
    for ( grep { $_->{kind}{brief} && $_->{stop} } @joined ) {
        $asleep = 1;
        Sys::Virt::Async::_joined(0);
        my $stop = delete $_->{stop};
        $stop->();
    }
    return;
}

sub select_descriptor {
    my ($seconds) = @_;
    vec( my $bits = q{}, Sys::Virt::Async::_fileno(), 1 ) = 1;
    select $bits, undef, undef, $seconds;    # a signal interrupts it, and perl runs the handler
    return;
}

# --- Our own timers: in every joined event loop, and without an event loop for the caller of `turn`.

# Runs the code once, after so many seconds. The timer that it returns is for `stop_timer`.
sub after {
    my ( $seconds, $code ) = @_;
    my $timer = { at => Time::HiRes::time() + $seconds, code => $code };
    join_all();
    return $timer if $seconds > NEVER;
    push @due, $timer;
    start_timer( $timer, $_, $seconds ) for @joined;
    return $timer;
}

sub start_timer {
    my ( $timer, $joined, $seconds ) = @_;
    my ( $stop, $fired );
    $stop = $joined->{kind}{timer}->(
        $joined->{loop},
        $seconds,
        sub {
            return    if $fired++;
            $stop->() if $joined->{kind} == $libvirts;    # which would continue
            undef $stop;
            run_timer($timer);
        }
    );
    push @{ $timer->{stop} }, sub { $stop->() if $stop && !$fired++; undef $stop };
    return;
}

sub stop_timer {
    my ($timer) = @_;
    @due = grep { $_ != $timer } @due;
    delete $timer->{code};
    $_->() for @{ delete $timer->{stop} // [] };
    return;
}

# If its code dies, the event loop gets the exception, as with callbacks of futures.
sub run_timer {
    my ($timer) = @_;
    my $code = $timer->{code} or return;
    stop_timer($timer);
    Sys::Virt::Future::_guarded($code);
    Sys::Virt::Future::_run_callbacks();
    return;
}

# Seconds until the next timer, undef if there is none.
sub next_timer {
    my ($first) = sort { $a->{at} <=> $b->{at} } @due or return;
    my $seconds = $first->{at} - Time::HiRes::time();
    return $seconds > 0 ? $seconds : 0;
}

sub run_timers {
    my $now  = Time::HiRes::time();
    my @over = grep { $_->{at} <= $now } @due;
    run_timer($_) for @over;
    return;
}

# Waits for the caller: runs an event loop if possible, or else waits on the descriptor.
sub turn {
    my ($future) = @_;
    Sys::Virt::Async::_joined() or join_all();
    for my $joined (@joined) {
        my $turn = $joined->{kind}{turn} or next;
        return if $turn->( $joined->{loop}, $future );
    }
    my ( undef, undef, undef, $unsettled ) = Sys::Virt::Async::_pending();
    my $seconds = @due ? next_timer() : undef;
    if ( $unsettled || defined $seconds ) {
        select_descriptor($seconds);
        run_timers() if @due;
        return;
    }
    if ( !dispatch() && !$future->is_ready ) {
        Carp::croak('the future waits for something that needs an event loop, which cannot be run here');
    }
    return;
}

1;
