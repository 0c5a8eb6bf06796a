# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use lib 'xt/lib';
use Loops;

Loops::test(
    implementation => 'Sys::Virt::EventImpl::Glib',
    module         => 'Glib',
    package        => 'libglib-perl',
    backends       => { Glib => [] },
    turn           => sub {
        my $id = Glib::Timeout->add( 50, sub { 1 } );
        Glib::MainContext->default->iteration(1);
        Glib::Source->remove($id);
    },
);
