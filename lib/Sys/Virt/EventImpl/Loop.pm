# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::EventImpl::Loop;

# What the implementations for existing loops share. A subclass says how its loop watches a file handle and runs a timer;
# this class keeps libvirt's rules: ids, what a descriptor is watched for, removal while a callback runs, free functions that
# are called later.

use 5.016;
use strict;
use warnings;

use Carp                 ();
use IO::Poll             qw(POLLERR POLLHUP POLLIN POLLNVAL POLLOUT);
use Sys::Virt::Event     ();
use Sys::Virt::EventImpl ();

our @ISA = ('Sys::Virt::EventImpl');

# How often a descriptor that is watched for its end alone is looked at: most loops cannot wait for that.
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
        Carp::croak("$class is registered with another loop already");
    }
    return $self;
}

# The loop that it was registered with, or the default of its kind. It is not made before it is needed.
sub loop { return $_[0]{loop} //= $_[0]->default_loop }

# What a subclass provides.
for my $name (qw(default_loop watch_io unwatch_io watch_time unwatch_time)) {
    no strict 'refs';
    *$name = sub { Carp::croak( ref( $_[0] ) . " must provide '$name'" ) };
}

# --- Descriptors

sub add_handle {
    my ( $self, $fd, $events, $cb, $opaque, $ff ) = @_;

# A duplicate: the loop may close it and keep one watch for each descriptor, and libvirt's own stays as it is.
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

# libvirt turns its watch off and on again with each call that it makes. So the loop is told only of what it does not watch
# for yet; what is not wanted any more is noticed when the loop says that it happened.
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
    $self->unwatch_io( delete $entry->{watcher} ) if exists $entry->{watcher};
    $entry->{watcher} =
        $self->watch_io( $entry->{handle}, $mode & READ, $mode & WRITE, sub { $self->_look($entry) } )
        if $mode;
    $entry->{mode} = $mode;
    return;
}

# The loop says that something may have happened; the kernel says what.
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

# One whose callback runs starts when that is over.
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

# Runs the code once, for some loops would again when it turns them.
sub _once {
    my ( $self, $entry, $seconds, $code ) = @_;
    return if exists $entry->{timer};
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
    $self->unwatch_time( delete $entry->{timer} ) if exists $entry->{timer};
    return;
}

# --- Callbacks

# Runs libvirt's callback. It may remove what it belongs to, turn the loop again, and throw what a callback of the script's
# died with.
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

# What is removed is freed in a later turn, when no callback of libvirt's runs that may still use it.
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
