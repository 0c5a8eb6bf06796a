# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The event loops that scripts run, with one interface, for scenarios that are written once: each is libvirt's loop, too.
#
#   my $loop = EventLoop->new('Mojo');
#   $loop->after( 0.1, sub { $loop->stop } );
#   $loop->run;
package EventLoop;
use strict;
use warnings;

use Time::HiRes ();

# `module` is the event loop, with its Debian `package`; `needs` is a backend, `environment` chooses it. `load` prepares it, `run`
# runs it until `stop`, `turn` for one iteration; `nested` says that a callback may do that. `timer` and `reader` return a function
# that removes them. `forked` makes a child process's loop its own.
my %kinds = (
    Mojo => {
        module   => 'Mojo::IOLoop',
        package  => 'libmojolicious-perl',
        backends => {
            poll => [ undef, MOJO_REACTOR => 'Mojo::Reactor::Poll' ],
            EV   => [ 'EV',  MOJO_REACTOR => 'Mojo::Reactor::EV' ]
        },
        run   => sub { Mojo::IOLoop->start },
        stop  => sub { Mojo::IOLoop->stop },
        timer => sub {
            my $id = Mojo::IOLoop->timer(@_);
            return sub { Mojo::IOLoop->remove($id) }
        },
        reader => sub {
            my ( $handle, $code ) = @_;
            my $reactor = Mojo::IOLoop->singleton->reactor;
            $reactor->io( $handle => $code )->watch( $handle, 1, 0 );
            return sub { $reactor->remove($handle) };
        },
        forked => sub { Mojo::IOLoop->reset },
    },
    IOAsync => {
        module   => 'IO::Async::Loop',
        package  => 'libio-async-perl',
        backends => {
            Poll   => [ undef, IO_ASYNC_LOOP => 'Poll' ],
            Select => [ undef, IO_ASYNC_LOOP => 'Select' ]
        },
        nested => 1,
        run    => sub { IO::Async::Loop->new->run },
        stop   => sub { IO::Async::Loop->new->stop },
        turn   => sub { IO::Async::Loop->new->loop_once(0.05) },
        timer  => sub {
            my ( $seconds, $code ) = @_;
            my $loop = IO::Async::Loop->new;
            my $id   = $loop->watch_time( after => $seconds, code => $code );
            return sub { $loop->unwatch_time($id) };
        },
        reader => sub {
            my ( $handle, $code ) = @_;
            my $loop = IO::Async::Loop->new;
            $loop->watch_io( handle => $handle, on_read_ready => $code );
            return sub { $loop->unwatch_io( handle => $handle, on_read_ready => 1 ) };
        },
        forked => sub { },
    },
    AnyEvent => {
        module   => 'AnyEvent',
        package  => 'libanyevent-perl',
        backends => {
            Perl => [ undef, PERL_ANYEVENT_MODEL => 'Perl' ],
            EV   => [ 'EV',  PERL_ANYEVENT_MODEL => 'EV' ]
        },
        nested => 1,
        run    => sub { our $over = AnyEvent->condvar; $over->recv },
        stop   => sub { our $over->send },
        turn   => sub {
            my $over;
            my $timer = AnyEvent->timer( after => 0.05, cb => sub { $over = 1 } );
            AnyEvent->_poll while !$over;
        },
        timer => sub {
            my ( $seconds, $code ) = @_;
            my $watcher;    # which the callback keeps
            AnyEvent->now_update;
            $watcher = AnyEvent->timer( after => $seconds, cb => sub { undef $watcher; $code->() } );
            return sub { undef $watcher };
        },
        reader => sub {
            my ( $handle, $code ) = @_;
            our %watchers;
            my $watcher = AnyEvent->io( fh => $handle, poll => 'r', cb => $code );
            $watchers{$watcher} = $watcher;
            return sub { delete $watchers{$watcher}; undef $watcher };
        },
        forked => sub { EV::default_loop()->loop_fork if $INC{'EV.pm'} },
    },
    Glib => {
        module   => 'Glib',
        package  => 'libglib-perl',
        backends => { poll => [] },
        nested   => 1,
        run      => sub { our $main_loop = Glib::MainLoop->new; $main_loop->run },
        stop     => sub { our $main_loop->quit },
        turn     => sub {
            my $id = Glib::Timeout->add( 50, sub { 1 } );
            Glib::MainContext->default->iteration(1);
            Glib::Source->remove($id);
        },
        timer => sub {
            my ( $seconds, $code ) = @_;
            my $id;
            $id = Glib::Timeout->add( int( 1000 * $seconds ), sub { undef $id; $code->(); 0 } );
            return sub { Glib::Source->remove($id) if $id };
        },
        reader => sub {
            my ( $handle, $code ) = @_;
            my ( $id, $running, $stopped );
            $id = Glib::IO->add_watch(
                fileno $handle,
                [ 'in', 'hup' ],
                sub {
                    $running = 1;
                    my $ok = eval { $code->(); 1 };
                    $running = 0;
                    return !$stopped if $ok;
                    undef $id;    # Glib removes one that dies
                    die $@;       ## no critic (RequireCarping)
                }
            );
            return sub { $stopped = 1; Glib::Source->remove($id) if $id && !$running };
        },
        forked => sub { },
    },
    POE => {
        module   => 'POE',
        package  => 'libpoe-perl',
        backends => { select => [] },
        nested   => 1,
        load     => sub { POE::Kernel->run },    # a kernel that never ran complains at the end
        run      => sub { our $over = 0; POE::Kernel->run_one_timeslice while !$over },
        stop     => sub { our $over = 1 },
        turn     => sub { POE::Kernel->run_one_timeslice },
        timer    => sub {
            my ( $seconds, $code ) = @_;
            my ( $session, $id );
            $session = POE::Session->create(
                inline_states => {
                    _start => sub { $id = $POE::Kernel::poe_kernel->delay_set( fired => $seconds ) },
                    fired  => sub { guarded($code) },
                    stop   => sub { $POE::Kernel::poe_kernel->alarm_remove($id) },
                }
            )->ID;
            return sub { $POE::Kernel::poe_kernel->call( $session, 'stop' ) };
        },
        reader => sub {
            my ( $handle, $code ) = @_;
            my $session = POE::Session->create(
                inline_states => {
                    _start => sub { $POE::Kernel::poe_kernel->select_read( $handle, 'ready' ) },
                    ready  => sub { guarded($code) },
                    stop   => sub { $POE::Kernel::poe_kernel->select_read($handle) },
                }
            )->ID;
            return sub { $POE::Kernel::poe_kernel->call( $session, 'stop' ) };
        },
        forked => sub { $POE::Kernel::poe_kernel->has_forked },
    },
    Libvirt => {
        backends => { default => [] },
        nested   => 1,
        load     => sub { Sys::Virt::Event::register_default() },
        run      => sub { our $over = 0; Sys::Virt::Event::run_default() while !$over },
        stop     => sub { our $over = 1 },
        turn     => sub {
            my $now = Sys::Virt::Event::add_timeout( 50, sub { } );
            Sys::Virt::Event::run_default();
            Sys::Virt::Event::remove_timeout($now);
        },
        timer => sub {
            my ( $seconds, $code ) = @_;
            my $id;
            my $stop = sub { Sys::Virt::Event::remove_timeout($id) if defined $id; undef $id };
            $id = Sys::Virt::Event::add_timeout( int( 1000 * $seconds ), sub { $stop->(); $code->() } );
            return $stop;
        },
        reader => sub {
            my ( $handle, $code ) = @_;
            my $id =
                Sys::Virt::Event::add_handle( fileno $handle, Sys::Virt::Event::HANDLE_READABLE(), $code );
            return sub { Sys::Virt::Event::remove_handle($id) };
        },
        forked => sub { },
    },
);

# POE ends all sessions when a handler dies.
sub guarded {
    my ($code) = @_;
    eval { $code->(); 1 } or warn $@;    ## no critic (RequireCarping)
    return;
}

sub kinds { my @kinds = sort keys %kinds; return @kinds }

sub installed {
    my ($module) = @_;
    my $file = $module =~ s{::}{/}gr . '.pm';
    return grep { !ref && -e "$_/$file" } @INC;
}

# The names of a kind's backends, and why a kind or a backend cannot run here; undef if it can.
sub backends { my ( $class, $kind ) = @_; my @names = sort keys %{ $kinds{$kind}{backends} }; return @names }

sub missing {
    my ( $class, $kind, $backend ) = @_;
    my ( $module, $package ) = @{ $kinds{$kind} }{qw(module package)};
    return "$module is not installed (Debian: $package)" if $module && !installed($module);
    my ($needs) = @{ $kinds{$kind}{backends}{ $backend // q{} } // [] };
    return "$needs is not installed" if $needs && !installed($needs);
    return;
}

sub environment {
    my ( $class, $kind, $backend ) = @_;
    my ( undef, %environment ) = @{ $kinds{$kind}{backends}{$backend} };
    return %environment;
}

# Loads the event loop, and makes it libvirt's.
sub new {
    my ( $class, $kind ) = @_;
    my $self = bless { %{ $kinds{$kind} }, kind => $kind }, $class;
    eval "use $self->{module}; 1" or die $@             if $self->{module};
    $self->{load}->()                                   if $self->{load};
    eval "use Sys::Virt::EventImpl::$kind; 1" or die $@ if $self->{module};
    return $self;
}

sub kind   { return $_[0]{kind} }
sub nested { return $_[0]{nested} }
sub turn   { return $_[0]{turn}->() }
sub forked { return $_[0]{forked}->() }

# Runs until `stop`; what callbacks die with is returned, however the event loop reports it: it throws, warns, or calls a handler.
sub run {
    my ($self) = @_;
    my @told;
    local $SIG{__WARN__} = sub { push @told, @_ };
    $self->{over} = 0;
    while ( !$self->{over} ) {
        eval { $self->{run}->(); 1 } or push @told, $@;
        push @told, "the loop ended\n" if !$self->{over} && !@told;
    }
    return @told;
}

sub stop {
    my ($self) = @_;
    return if $self->{over}++;
    $self->{stop}->();
    return;
}

sub after {
    my ( $self, $seconds, $code ) = @_;
    return $self->{timer}->( $seconds, $code );
}

sub reader {
    my ( $self, $handle, $code ) = @_;
    return $self->{reader}->( $handle, $code );
}

1;
