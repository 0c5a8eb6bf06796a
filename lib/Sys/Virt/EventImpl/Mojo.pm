# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::EventImpl::Mojo;

use 5.016;
use strict;
use warnings;

use Mojo::IOLoop               ();
use Sys::Virt::Async::Loops    ();
use Sys::Virt::EventImpl::Loop ();

our @ISA = ('Sys::Virt::EventImpl::Loop');

sub default_loop { return Mojo::IOLoop->singleton }

sub watch_io {
    my ( $self, $handle, $read, $write, $code ) = @_;
    Sys::Virt::Async::Loops::wake_for_signals();
    $self->loop->reactor->io( $handle => $code )->watch( $handle, $read, $write );
    return $handle;
}

sub watch_time {
    my ( $self, $seconds, $code ) = @_;
    return $self->loop->reactor->timer( $seconds => $code );
}

sub unwatch_io {
    my ( $self, $watcher ) = @_;
    $self->loop->reactor->remove($watcher);
    return;
}
*unwatch_time = \&unwatch_io;

1;
