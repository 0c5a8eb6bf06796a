# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Domain;

# use warnings is left out as in Sys::Virt.
## no critic (RequireUseWarnings)
use 5.016;

require Sys::Virt;

# The first value of get_job_stats: a number, as the manual has it, that can also be dereferenced, as it could be before.
my $number = sub { ${ $_[0] } };
Sys::Virt::_overload( 'Sys::Virt::Domain::JobType', map { $_ => $number } '0+', q{""}, 'bool' );

1;
