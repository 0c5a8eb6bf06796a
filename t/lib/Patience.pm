# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# TEST_PATIENCE in the environment is a factor for all alarms of all tests, of the scripts that they run too: for emulated
# and busy machines, sanitizers, valgrind. A test that sets an alarm uses this module.
package Patience;
use strict;
use warnings;

use File::Basename ();
use File::Spec     ();

my $factor;

BEGIN {
    $factor = $ENV{TEST_PATIENCE} || 1;
    no warnings 'once';
    *CORE::GLOBAL::alarm = sub { return CORE::alarm( $factor * ( @_ ? $_[0] : $_ ) ) };
}

if ( $factor != 1 && ( $ENV{PERL5OPT} // q{} ) !~ /-MPatience\b/ ) {
    my $here = File::Spec->rel2abs( File::Basename::dirname(__FILE__) );
    $ENV{PERL5LIB} = join q{:}, $here, $ENV{PERL5LIB} // ();
    $ENV{PERL5OPT} = join q{ }, $ENV{PERL5OPT} // (), '-MPatience';
}

# The factor, for tests that wait without an alarm.
sub factor { return $factor }

1;
