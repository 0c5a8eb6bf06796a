# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::NWFilter;

use 5.016;

use Sys::Virt;

1;
