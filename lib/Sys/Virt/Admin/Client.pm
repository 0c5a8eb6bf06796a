# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Admin::Client;

require Sys::Virt;    # true, as a file has to end
