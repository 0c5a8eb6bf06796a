# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Error;

# The class is in the shared object.
## no critic (RequireUseStrict RequireUseWarnings)
require Sys::Virt;

1;
