# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::EventImpl::Glib;

use 5.016;
use strict;
use warnings;

use Glib                       ();
use Sys::Virt::Async::Loops    ();
use Sys::Virt::EventImpl::Loop ();

our @ISA = ('Sys::Virt::EventImpl::Loop');

sub default_loop { return 'Glib' }

# The main context is Glib's default, which Gtk runs too.
sub watch_io {
    my ( $self, $handle, $read, $write, $code ) = @_;
    return Sys::Virt::Async::Loops::glib_watch( fileno $handle,
        [ 'hup', 'err', $read ? 'in' : (), $write ? 'out' : () ], $code );
}

sub watch_time {
    my ( $self, $seconds, $code ) = @_;
    return Glib::Timeout->add( int( $seconds * 1000 ), sub { $code->(); return 0 } );
}

sub unwatch_io {
    my ( $self, $stop ) = @_;
    $stop->();
    return;
}

sub unwatch_time {
    my ( $self, $id ) = @_;
    Glib::Source->remove($id);
    return;
}

1;
