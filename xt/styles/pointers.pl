# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Pointers as libguestfs' module reads them.
use strict;
use warnings;
use Sys::Virt;

# Sys::Guestfs add_libvirt_dom style: looks at the object's pointer
my $c   = Sys::Virt->new( uri => $ARGV[0], readonly => 1 );
my $dom = $c->get_domain_by_name('test');
die unless ref $dom && $dom->isa('Sys::Virt::Domain');
my $ptr = ${$dom};
printf "%s %s %d\n", $ptr + 0 > 4096 ? 1 : 0, $ptr == $$dom ? 1 : 0, ref \$ptr eq 'SCALAR';
print $$dom=~ /^[0-9]+$/ ? 1 : 0, "\n";
my $iv = unpack( "J", pack( "J", $$dom ) );
print $iv== $$dom ? 1 : 0, "\n";
my $same = $dom;
undef $dom;
print $$same== $ptr ? 1 : 0, "\n";
my @all = map { $$_ } $c->list_all_domains;
print scalar(@all), "\n";
eval { $$same = 0; };
print $@? "ro\n" : "rw\n";
my $n = eval { $same->get_name };
print defined $n ? "name $n\n" : "no name\n" if 0;
print "done\n";
