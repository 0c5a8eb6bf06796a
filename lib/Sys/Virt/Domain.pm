# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Domain;

use 5.016;
use strict;
use warnings;

use Sys::Virt;

# The first value of get_job_stats: a number, as the manual has it, that can also be dereferenced, as it could be before.
package Sys::Virt::Domain::JobType {
    use overload
        '0+'     => sub { ${ $_[0] } },
        q{""}    => sub { ${ $_[0] } },
        bool     => sub { ${ $_[0] } },
        fallback => 1;
}

1;
