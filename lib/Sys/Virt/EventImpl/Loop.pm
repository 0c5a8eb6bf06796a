# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::EventImpl::Loop;

# The common part of the implementations for existing event loops. A subclass watches a file handle and runs a timer in its
# event loop; this class implements libvirt's rules: ids, the events of a descriptor, removal while a callback runs, and free
# functions that are called later.

use 5.016;
use strict;
use warnings;

use Carp                 ();
use IO::Poll             qw(POLLERR POLLHUP POLLIN POLLNVAL POLLOUT);
use Sys::Virt::Event     ();
use Sys::Virt::EventImpl ();

our @ISA = ('Sys::Virt::EventImpl');

# How often a descriptor is polled that is watched only for a hangup: most event loops cannot wait for that.
use constant HANGUP_INTERVAL => 0.1;
use constant { READ => 1, WRITE => 2 };

my %instance;

sub import {
    my ( $class, @arguments ) = @_;
    Carp::croak("$class exports nothing") if @arguments;
    $class->register                      if $class ne __PACKAGE__;
    return;
}

sub register {
    my ( $class, $loop ) = @_;
    my $self = $instance{$class};
    if ( !$self ) {
        $self = bless { loop => $loop, last => 0, handles => {}, timers => {}, garbage => [], depth => 0 },
            $class;
        Sys::Virt::Event::register($self);
        $instance{$class} = $self;
    }
    elsif ( $loop && $self->loop != $loop ) {
        Carp::croak("$class is registered with another event loop already");
    }
    return $self;
}

# The event loop that was passed to register, or the default one. It is not created before it is needed.
sub loop { return $_[0]{loop} //= $_[0]->default_loop }

# Methods that a subclass provides.
for my $name (qw(default_loop watch_io unwatch_io watch_time unwatch_time)) {
    no strict 'refs';
    *$name = sub { Carp::croak( ref( $_[0] ) . " must provide '$name'" ) };
}

# In the global destruction, perl may have freed the event loop before connections that are watched; EV crashes then. Nothing runs
# it again, so that watches and timers no longer matter.
sub _is_over { return ${^GLOBAL_PHASE} eq 'DESTRUCT' }

# --- Descriptors

sub add_handle {
    my ( $self, $fd, $events, $cb, $opaque, $ff ) = @_;

# A duplicate: the event loop may close it, and may keep one watch for each descriptor, without effect on libvirt's.
    open my $handle, '+<&', $fd or return -1;
    my $id = ++$self->{last};
    my $entry =
        { id => $id, fd => $fd, handle => $handle, mode => 0, cb => $cb, opaque => $opaque, ff => $ff };
    $self->{handles}{$id} = $entry;
    $self->_want( $entry, $events );
    return $id;
}

sub update_handle {
    my ( $self, $id, $events ) = @_;
    my $entry = $self->{handles}{$id} or return;
    $self->_want( $entry, $events );
    return;
}

sub remove_handle {
    my ( $self, $id ) = @_;
    my $entry = delete $self->{handles}{$id} or return -1;
    $self->_watch( $entry, 0 );
    $self->_never($entry);
    close $entry->{handle};
    $self->_discard($entry);
    return 0;
}

sub _mode {
    my ($events) = @_;
    return ( $events & Sys::Virt::Event::HANDLE_READABLE ? READ  : 0 ) |
        ( $events & Sys::Virt::Event::HANDLE_WRITABLE    ? WRITE : 0 );
}

# libvirt disables and enables its watch with each call. So the event loop is only changed for new events; unwanted events are
# dropped when the event loop reports them.
sub _want {
    my ( $self, $entry, $events ) = @_;
    $entry->{events} = $events;
    my $mode = _mode($events);
    if ( $mode & ~$entry->{mode} ) {
        $self->_watch( $entry, $mode );
    }
    elsif ( $events && !$mode ) {
        $self->_once( $entry, HANGUP_INTERVAL, sub { $self->_look($entry) } );
    }
    return;
}

sub _watch {
    my ( $self, $entry, $mode ) = @_;
    return                                        if _is_over();
    $self->unwatch_io( delete $entry->{watcher} ) if exists $entry->{watcher};
    $entry->{watcher} =
        $self->watch_io( $entry->{handle}, $mode & READ, $mode & WRITE, sub { $self->_look($entry) } )
        if $mode;
    $entry->{mode} = $mode;
    return;
}

# The event loop reports that there may be an event; the kernel reports which one.
sub _look {
    my ( $self, $entry ) = @_;
    return if !$self->{handles}{ $entry->{id} };
    my $mode = $entry->{running} ? 0 : _mode( $entry->{events} );
    $self->_watch( $entry, $mode ) if $mode != $entry->{mode};
    return                         if !$entry->{events} || $entry->{running};

    my $mask = ( $mode & READ ? POLLIN : 0 ) | ( $mode & WRITE ? POLLOUT : 0 );
    IO::Poll::_poll( 0, fileno $entry->{handle}, $mask );
    my $events =
        ( $mask & POLLIN                 ? Sys::Virt::Event::HANDLE_READABLE : 0 ) |
        ( $mask & POLLOUT                ? Sys::Virt::Event::HANDLE_WRITABLE : 0 ) |
        ( $mask & ( POLLERR | POLLNVAL ) ? Sys::Virt::Event::HANDLE_ERROR    : 0 ) |
        ( $mask & POLLHUP                ? Sys::Virt::Event::HANDLE_HANGUP   : 0 );
    return $self->_want( $entry, $entry->{events} ) if !$events;
    $self->_run( $entry, _run_handle_callback => @$entry{qw(id fd)}, $events );
    return;
}

# --- Timers

sub add_timeout {
    my ( $self, $frequency, $cb, $opaque, $ff ) = @_;
    my $id    = ++$self->{last};
    my $entry = { id => $id, frequency => $frequency, cb => $cb, opaque => $opaque, ff => $ff };
    $self->{timers}{$id} = $entry;
    $self->_arm($entry);
    return $id;
}

sub update_timeout {
    my ( $self, $id, $frequency ) = @_;
    my $entry = $self->{timers}{$id} or return;
    $self->_never($entry);
    $entry->{frequency} = $frequency;
    $self->_arm($entry);
    return;
}

sub remove_timeout {
    my ( $self, $id ) = @_;
    my $entry = delete $self->{timers}{$id} or return -1;
    $self->_never($entry);
    $self->_discard($entry);
    return 0;
}

# If its callback is running, the timer starts afterwards.
sub _arm {
    my ( $self, $entry ) = @_;
    return if $entry->{frequency} < 0 || $entry->{running};
    $self->_once(
        $entry,
        $entry->{frequency} / 1000,
        sub { $self->_run( $entry, _run_timeout_callback => $entry->{id} ) }
    );
    return;
}

# Runs the code once, because some event loops would run it again if the code runs the event loop.
sub _once {
    my ( $self, $entry, $seconds, $code ) = @_;
    return if exists $entry->{timer} || _is_over();
    my $fired;
    $entry->{timer} = $self->watch_time(
        $seconds,
        sub {
            return if $fired++;
            delete $entry->{timer};
            $code->();
        }
    );
    return;
}

sub _never {
    my ( $self, $entry ) = @_;
    $self->unwatch_time( delete $entry->{timer} ) if exists $entry->{timer} && !_is_over();
    return;
}

# --- Callbacks

# Runs libvirt's callback. The callback may remove its own watch or timer, run the event loop, and throw the exception of a
# callback of the script.
sub _run {
    my ( $self, $entry, $method, @arguments ) = @_;
    $self->{depth}++;
    $entry->{running} = 1;
    my $ok    = eval { $self->$method( @arguments, $entry->{cb}, $entry->{opaque} ); 1 };
    my $error = $@;
    $entry->{running} = 0;
    $self->{depth}--;
    if ( $self->{timers}{ $entry->{id} } ) {
        $self->_arm($entry);
    }
    elsif ( $self->{handles}{ $entry->{id} } ) {
        $self->_want( $entry, $entry->{events} );
    }
    $self->_collect_later;
    if ( !$ok ) {
        local $SIG{__DIE__} = undef;    # which has seen it already
        die $error;
    }
    return;
}

# Removed watches and timers are freed in a later iteration, when no callback of libvirt is running that may still use them.
sub _discard {
    my ( $self, $entry ) = @_;
    return if !defined $entry->{ff};
    push @{ $self->{garbage} }, [ @$entry{qw(ff opaque)} ];
    $self->_collect_later;
    return;
}

sub _collect_later {
    my ($self) = @_;
    return if $self->{depth} || !@{ $self->{garbage} };
    $self->_once(
        $self, 0,
        sub {
            return if $self->{depth};
            $self->_free_callback_opaque(@$_) for splice @{ $self->{garbage} };
        }
    );
    return;
}

1;
