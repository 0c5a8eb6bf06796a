# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use lib 'xt/lib';
use Loops;

Loops::test(
    implementation => 'Sys::Virt::EventImpl::IOAsync',
    module         => 'IO::Async::Loop',
    package        => 'libio-async-perl',
    backends       => {
        poll   => [ undef, IO_ASYNC_LOOP => 'Poll' ],
        select => [ undef, IO_ASYNC_LOOP => 'Select' ],
    },
    turn => sub { IO::Async::Loop->new->loop_once(0.05) },
);
