# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A module of another perl is refused with perl's own message. Perl compares versions in the module's first function, so
# nothing that only one perl has may be needed before: neither its functions nor its variables. tools/suites and tools/other-perl
# show the message, with other perls.
use strict;
use warnings;

use Test::More tests => 3;

my $so = 'blib/arch/auto/Sys/Virt/Virt.so';

my @dynamic = qx{readelf --dynamic $so};
is( $?,                                                  0, 'readelf' );
is( scalar( grep { /BIND_NOW|FLAGS_1.*NOW/ } @dynamic ), 0, 'functions are bound when they are called' );

my @needed = grep { / U PL_/ } qx{nm --dynamic --undefined-only $so};
is( "@needed", q{}, 'all variables of perl may be missing' );
