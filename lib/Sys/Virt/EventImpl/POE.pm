# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::EventImpl::POE;

use 5.016;
use strict;
use warnings;

use Fcntl qw(F_GETFL F_SETFL);
use POE;
use Sys::Virt::EventImpl::Loop ();

our @ISA = ('Sys::Virt::EventImpl::Loop');

sub default_loop { return 'POE::Kernel' }

# Watches belong to a session: to our own, whichever session is running. It ends when the kernel has nothing else to do, and is
# started again.
sub _session {
    my ($self) = @_;
    return $self->{session} //= POE::Session->create(
        inline_states => {
            _start => sub { $_[KERNEL]->alias_set(__PACKAGE__); $_[KERNEL]->detach_myself },
            _stop  => sub { undef $self->{session} },
            within => sub { return $_[ARG0]->() },
            ready  => sub { _guarded( $_[ARG2] ) },
            fired  => sub { _guarded( $_[ARG0] ) },
        }
    )->ID;
}

# An exception would end the session, and with it the kernel.
sub _guarded {
    my ($code) = @_;
    eval { $code->(); 1 } or warn $@;    ## no critic (RequireCarping)
    return;
}

sub _within {
    my ( $self, $code ) = @_;
    return $poe_kernel->call( $self->_session, within => $code );
}

sub watch_io {
    my ( $self, $handle, $read, $write, $code ) = @_;
    $self->_within(
        sub {
            my $flags = fcntl $handle, F_GETFL, 0;
            $poe_kernel->select_read( $handle, ready => $code )  if $read;
            $poe_kernel->select_write( $handle, ready => $code ) if $write;
            fcntl $handle, F_SETFL,
                $flags;    # POE makes it non-blocking, and with it the original of the duplicate
        }
    );
    return $handle;
}

sub unwatch_io {
    my ( $self, $handle ) = @_;
    $self->_within( sub { $poe_kernel->select($handle) } );
    return;
}

sub watch_time {
    my ( $self, $seconds, $code ) = @_;
    return $self->_within( sub { $poe_kernel->delay_set( fired => $seconds, $code ) } );
}

sub unwatch_time {
    my ( $self, $id ) = @_;
    $self->_within( sub { $poe_kernel->alarm_remove($id) } );
    return;
}

1;
