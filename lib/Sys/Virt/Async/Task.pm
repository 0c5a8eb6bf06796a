# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Async::Task;

# A task of several calls and waits, which ends in one future: the base of Sys::Virt::Wait and Sys::Virt::Ensure. The
# callbacks of its calls and timers keep it alive until its future is ready.

use 5.016;
use strict;
use warnings;

use Sys::Virt::Async        ();
use Sys::Virt::Async::Loops ();
use Sys::Virt::Future       ();

# `what` is for messages; `timeout`, in seconds, may be undef.
sub new {
    my ( $class, %self ) = @_;
    my $self = bless { %self, process => $$, timers => {}, future => Sys::Virt::Future->new }, $class;
    $self->{future}->_on_cancel( sub { $self->end } );
    $self->after( $self->{timeout}, sub { $self->time_out } ) if defined $self->{timeout};
    return $self;
}

sub future  { return $_[0]{future} }
sub is_over { return !$_[0]{future} }

sub time_out {
    my ($self) = @_;
    return $self->fail( error( OPERATION_TIMEOUT => "$self->{what}: not within $self->{timeout} s" ) );
}

# An exception like libvirt's, by the name of its code.
sub error {
    my ( $name, $message ) = @_;
    return Sys::Virt::Future::_error( Sys::Virt::Error->can("ERR_$name")->(), $message );
}

sub has_code {
    my ( $error, @names ) = @_;
    return if !ref $error || !$error->isa('Sys::Virt::Error');
    my $code = $error->code;
    return grep { $code == Sys::Virt::Error->can("ERR_$_")->() } @names;
}

sub done {
    my ( $self, @values ) = @_;
    return $self->settle( 1, @values );
}

sub fail {
    my ( $self, $error ) = @_;
    return $self->settle( 0, $error );
}

sub settle {
    my ( $self, $ok, @values ) = @_;
    my $future = $self->{future} or return;
    $self->end;
    $future->_resolve( $ok, @values );
    return;
}

# A subclass adds its own cleanup.
sub end {
    my ($self) = @_;
    delete $self->{future};
    Sys::Virt::Async::Loops::stop_timer($_) for values %{ delete $self->{timers} // {} };
    return;
}

# Runs the code after some seconds, unless the task has ended by then; if the code dies, its exception is the result. Returns a
# key for `not_after`.
sub after {
    my ( $self, $seconds, $code ) = @_;
    my $key   = ++$self->{last_timer};
    my $timer = Sys::Virt::Async::Loops::after(
        $seconds,
        sub {
            delete $self->{timers}{$key};
            $self->guard($code);
        }
    );
    $self->{timers}{$key} = $timer;
    return $key;
}

sub not_after {
    my ( $self, $key ) = @_;
    my $timer = delete $self->{timers}{$key} or return;
    Sys::Virt::Async::Loops::stop_timer($timer);
    return;
}

# Makes a call; the code gets its error, or undef and its values.
sub call {
    my ( $self, $code, $object, $method, @arguments ) = @_;
    return $self->fail(
        error( OPERATION_INVALID => "$self->{what} began before a fork, in the parent process" ) )
        if $self->{process} != $$;
    my $future = eval { $object->async->$method(@arguments) } or return $self->fail($@);
    return $self->follow( $future, $code );
}

sub follow {
    my ( $self, $future, $code ) = @_;
    $future->on_ready(
        sub {
            my ($f) = @_;
            my $error = $f->failure;
            $self->guard( $code, $error, defined $error ? () : $f->result ) if !$self->is_over;
        }
    );
    return;
}

sub guard {
    my ( $self, $code, @arguments ) = @_;
    eval { $code->(@arguments); 1 } or $self->fail($@);
    return;
}

# Runs a callback of the script; its exception is the result.
sub tell {
    my ( $self, $code, @arguments ) = @_;
    return if !$code || $self->is_over;
    return $self->guard( $code, @arguments );
}

1;
