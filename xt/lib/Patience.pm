# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Loaded before a test, gives its alarms twenty times as long: under valgrind or a sanitizer everything takes its time.
package Patience;
use strict;
use warnings;

BEGIN {
    no warnings 'once';    ## no critic (ProhibitNoWarnings)
    *CORE::GLOBAL::alarm = sub { return CORE::alarm( 20 * $_[0] ) };
}

1;
