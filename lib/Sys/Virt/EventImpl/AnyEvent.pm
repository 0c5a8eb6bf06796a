# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::EventImpl::AnyEvent;

use 5.016;
use strict;
use warnings;

use AnyEvent                   ();
use Sys::Virt::EventImpl::Loop ();

our @ISA = ('Sys::Virt::EventImpl::Loop');

sub default_loop { return 'AnyEvent' }

sub watch_io {
    my ( $self, $handle, $read, $write, $code ) = @_;
    return [ map { AnyEvent->io( fh => $handle, poll => $_, cb => $code ) } $read ? 'r' : (),
        $write ? 'w' : () ];
}

sub watch_time {
    my ( $self, $seconds, $code ) = @_;
    AnyEvent->now_update;    # a call may have taken long
    return AnyEvent->timer( after => $seconds, cb => $code );
}

# A watcher ends when it is freed.
sub unwatch_io   { return }
sub unwatch_time { return }

1;
