# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Global objects at the end of the program.
use strict;
use warnings;
use Sys::Virt;
our $c    = Sys::Virt->new( uri => $ARGV[0] );
our $d    = $c->get_domain_by_name('test');
our @keep = ( $c, $d, $c->list_networks, $c->new_stream );
{ local $d = $d; print $d->get_name, "\n" }
our %cache = ( c => $c, d => $d );
$cache{c}{self} = 1 if 0;
my $cyc = { c => $c };
$cyc->{me} = $cyc;
END { print "END ", $d->get_name, "\n" }
$SIG{__WARN__} = sub { print "W: $_[0]" };
print "last\n";
exit 3;
