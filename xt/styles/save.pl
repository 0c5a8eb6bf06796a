# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Saving and restoring.
# only the original warns: Attempt to free unreferenced scalar
use strict;
use warnings;
use Sys::Virt;
use POSIX qw(strftime);
my $c = Sys::Virt->new( uri => $ARGV[0] );
for my $d ( $c->list_all_domains ) {
    my $xml   = $d->get_xml_description( Sys::Virt::Domain::XML_INACTIVE | Sys::Virt::Domain::XML_SECURE );
    my ($n)   = $xml =~ /<name>(.*?)<\/name>/;
    my @disks = $xml =~ /<source file='([^']+)'/g;
    print "$n: @disks\n";
    eval { $d->save("$ARGV[1]/save"); 1 } or print "save: $@";
    print $d->is_active ? "active" : "saved", " ", -e "$ARGV[1]/save" ? 1 : 0, "\n";
    eval { $c->restore_domain("$ARGV[1]/save"); 1 } or print "restore $@";
    print +( $c->get_domain_by_name($n)->get_state )[0], "\n";
    my $x = eval { $c->get_save_image_xml_description("$ARGV[1]/save") };
    print defined $x ? "xml" : "none " . ( ref $@ ? $@->code : $@ ), "\n";
    eval { $d->managed_save; };
    print ref $@ ? $@->code : "ms " . $d->has_managed_save_image, "\n";
    eval { $d->create };
    print ref $@ ? $@->code : "created", "\n";
    eval { $d->managed_save_remove };
    print ref $@ ? $@->code : "rm", "\n";
    eval { $d->core_dump("$ARGV[1]/core") };
    print ref $@ ? $@->code : "core", "\n";
    eval { $d->save( "$ARGV[1]/s2", undef, undef, 0 ) };
    print ref $@ ? $@->code : "s2", "\n";
    eval { $c->restore_domain( "$ARGV[1]/s2", undef, {}, 0 ) };
    print ref $@ ? $@->code : "r2 $@", "\n";
}
