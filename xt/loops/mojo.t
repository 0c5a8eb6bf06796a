# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use lib 'xt/lib';
use Loops;

Loops::test(
    implementation => 'Sys::Virt::EventImpl::Mojo',
    module         => 'Mojo::IOLoop',
    package        => 'libmojolicious-perl',
    backends       => {
        poll => [ undef, MOJO_REACTOR => 'Mojo::Reactor::Poll' ],
        EV   => [ 'EV',  MOJO_REACTOR => 'Mojo::Reactor::EV' ],
    },

    # It refuses to run within a callback.
    turn => sub {
        return Time::HiRes::sleep(0.02) if Mojo::IOLoop->is_running;
        my $id = Mojo::IOLoop->timer( 0.05 => sub { } );
        Mojo::IOLoop->one_tick;
        Mojo::IOLoop->remove($id);
    },
);
