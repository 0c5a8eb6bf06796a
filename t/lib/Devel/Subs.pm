# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A debugger that prints the name of each sub that is called, XSUBs and what perl calls by itself included:
# perl -d:Subs ... | grep DESTROY
package Devel::Subs;
use strict;
use warnings;

package DB;    ## no critic (ProhibitMultiplePackages)

our $sub;

sub DB { return }

sub sub {    ## no critic (ProhibitBuiltinHomonyms)
    print "$sub\n" if $sub =~ /::DESTROY\z/;
    no strict 'refs';
    return &$sub;
}

1;
