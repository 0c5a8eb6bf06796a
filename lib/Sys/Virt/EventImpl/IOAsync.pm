# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::EventImpl::IOAsync;

use 5.016;
use strict;
use warnings;

use IO::Async::Loop            ();
use Sys::Virt::EventImpl::Loop ();

our @ISA = ('Sys::Virt::EventImpl::Loop');

sub default_loop { return IO::Async::Loop->new }    # which is the same object every time

sub watch_io {
    my ( $self, $handle, $read, $write, $code ) = @_;
    my @what = ( $read ? ( on_read_ready => $code ) : (), $write ? ( on_write_ready => $code ) : () );
    $self->loop->watch_io( handle => $handle, @what );
    return [ handle => $handle, @what ];
}

sub unwatch_io {
    my ( $self, $watcher ) = @_;
    $self->loop->unwatch_io(@$watcher);
    return;
}

sub watch_time {
    my ( $self, $seconds, $code ) = @_;
    return $self->loop->watch_time( after => $seconds, code => $code );
}

sub unwatch_time {
    my ( $self, $id ) = @_;
    $self->loop->unwatch_time($id);
    return;
}

1;
