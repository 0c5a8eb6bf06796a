# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Daemons that are killed, callbacks that die, close, wait and fork, signals, and the end, in every event loop. The scenarios are
# in the programs beside this file.
#
#   prove -b xt/loops/hostile.t :: Mojo,POE 'pattern of names'
use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../../t/lib";
use Scenario;

my ( $kinds, $pattern ) = ( @ARGV, q{}, q{} );
Scenario::run_all( [ map { "$FindBin::Bin/$_.pl" } qw(calls comeback handles process waiting) ],
    [ split /,/, $kinds ], qr{$pattern} );
