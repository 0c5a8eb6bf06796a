# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::EventImpl;

use 5.016;
use strict;
use warnings;

use Carp ();
use Sys::Virt;

# Methods that an event loop has to provide.
for my $name (qw(add_handle update_handle remove_handle add_timeout update_timeout remove_timeout)) {
    no strict 'refs';
    *$name = sub {
        my ($self) = @_;
        my $class = ref $self || $self;
        Carp::croak("$class must provide an impl of '$name'");
    };
}

# Methods to run libvirt's callbacks. $cb, $opaque and $ff are the arguments of add_*.

sub _run_handle_callback {
    my ( $self, $watch, $fd, $events, $cb, $opaque ) = @_;
    Sys::Virt::EventImpl::_run_handle_callback_helper( $watch, $fd, $events, $cb, $opaque );
    return;
}

sub _run_timeout_callback {
    my ( $self, $timer, $cb, $opaque ) = @_;
    Sys::Virt::EventImpl::_run_timeout_callback_helper( $timer, $cb, $opaque );
    return;
}

sub _free_callback_opaque {
    my ( $self, $ff, $opaque ) = @_;
    Sys::Virt::EventImpl::_free_callback_opaque_helper( $ff, $opaque );
    return;
}

1;
