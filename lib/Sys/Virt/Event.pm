# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Event;

use 5.016;
use strict;
use warnings;

use Carp         ();
use Scalar::Util ();
use Sys::Virt::EventImpl;

# Event loops that were written for releases before 9.5.0 are subclasses of this class.
our @ISA = qw(Sys::Virt::EventImpl);

# They may call the helpers by this class's name.
*_run_handle_callback_helper  = \&Sys::Virt::EventImpl::_run_handle_callback_helper;
*_run_timeout_callback_helper = \&Sys::Virt::EventImpl::_run_timeout_callback_helper;
*_free_callback_opaque_helper = \&Sys::Virt::EventImpl::_free_callback_opaque_helper;

our $eventimpl;

sub register {
    my ($impl) = @_;
    if ( !Scalar::Util::blessed($impl) || !$impl->isa('Sys::Virt::EventImpl') ) {
        Carp::croak('event implementation must be a subclass of Sys::Virt::EventImpl');
    }
    if ( $impl->isa('Sys::Virt::Event') ) {
        Carp::carp( 'DECPRECATION WARNING: event implementation is a subclass of Sys::Virt::Event,'
                . ' it should be one of Sys::Virt::EventImpl' );
    }

   # libvirt keeps our functions, which call the last registered object, even with ids from an earlier object.
    if ( _has_default() ) {
        Carp::carp(
            q(libvirt's event loop is registered already, and stays: this event implementation is not used));
    }
    elsif ( !$eventimpl ) { _register_impl() }
    elsif ( Scalar::Util::refaddr($eventimpl) != Scalar::Util::refaddr($impl) ) {
        Carp::carp('another event implementation replaces the registered one');
    }
    $eventimpl = $impl;
    return;
}

# In the global destruction, perl may free the event loop before connections that it watches.
sub _is_gone { return !defined $eventimpl && ${^GLOBAL_PHASE} eq 'DESTRUCT' }

# Methods that libvirt calls, by these names. Only the results of add_* are used; the others are called in void context.
sub _add_handle     { return _is_gone() ? -1 : $eventimpl->add_handle(@_) }
sub _update_handle  { return _is_gone() ? 0  : $eventimpl->update_handle(@_) }
sub _remove_handle  { return _is_gone() ? 0  : $eventimpl->remove_handle(@_) }
sub _add_timeout    { return _is_gone() ? -1 : $eventimpl->add_timeout(@_) }
sub _update_timeout { return _is_gone() ? 0  : $eventimpl->update_timeout(@_) }
sub _remove_timeout { return _is_gone() ? 0  : $eventimpl->remove_timeout(@_) }

1;
