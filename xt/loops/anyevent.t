# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use lib 'xt/lib';
use Loops;

Loops::test(
    implementation => 'Sys::Virt::EventImpl::AnyEvent',
    module         => 'AnyEvent',
    package        => 'libanyevent-perl',
    backends       => {
        Perl => [ undef, PERL_ANYEVENT_MODEL => 'Perl' ],
        EV   => [ 'EV',  PERL_ANYEVENT_MODEL => 'EV' ],
    },

    # Not condvars: those refuse to wait within a wait.
    turn => sub {
        my $over;
        my $timer = AnyEvent->timer( after => 0.05, cb => sub { $over = 1 } );
        AnyEvent->_poll while !$over;
    },
);
