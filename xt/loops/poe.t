# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use lib 'xt/lib';
use Loops;

# A kernel that never ran complains at the end.
if ( @ARGV && eval { require POE; 1 } ) {
    POE->import;
    POE::Kernel->run;
}

my $session;
Loops::test(
    implementation => 'Sys::Virt::EventImpl::POE',
    module         => 'POE',
    package        => 'libpoe-perl',
    backends       => {
        select => [],
        poll   => [ 'POE::Loop::IO_Poll', POE_EVENT_LOOP => 'POE::Loop::IO_Poll' ],
    },
    turn => sub {
        $session //= POE::Session->create(
            inline_states => {
                _start => sub { $POE::Kernel::poe_kernel->delay( tick => 0.05 ) },
                tick   => sub { $POE::Kernel::poe_kernel->delay( tick => 0.05 ) },
            }
        );
        POE::Kernel->run_one_timeslice;
    },
);
