# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Loaded first, lets tests believe that this perl has no threads, as Devel::Cover ends a program that uses them.
package Unthreaded;
use strict;
use warnings;

use Config;

tied(%Config)->{useithreads} = undef;

1;
