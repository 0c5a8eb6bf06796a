# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Pools and volumes.
use strict;
use warnings;
use Sys::Virt;
my $c = Sys::Virt->new( uri => $ARGV[0] );
my $p = $c->get_storage_pool_by_name("default-pool");
$p->refresh(0);
for my $n (qw(a b)) {
    my $v = $p->create_volume(
              "<volume><name>$n.img</name><capacity>1073741824</capacity><allocation>0</allocation>"
            . "<target><format type='raw'/></target></volume>" );
    my $i = $v->get_info;
    print join( ",", $v->get_name, $v->get_key, $v->get_path, map { "$_=$i->{$_}" } sort keys %$i ), "\n";
}
print join( " ", sort map { $_->get_name } $p->list_volumes ), " ", $p->num_of_storage_volumes, " ",
    join( ",", sort $p->list_storage_vol_names(10) ), "\n";
my $v = $c->get_storage_volume_by_path("/default-pool/a.img");
print $v->get_xml_description =~ /<name>a.img/ ? 1 : 0;
my $cl = $p->clone_volume( "<volume><name>c</name><capacity>1</capacity></volume>", $v );
print " ", $cl->get_name, "\n";
eval { $p->get_volume_by_name("zz") };
print $@->code, " ", $@->message, "\n";
eval { $v->resize(5) };
print ref $@ ? $@->code : "r$@", "\n";
eval { $v->wipe };
print ref $@ ? $@->code : "w$@", "\n";
$_->delete(0) for $p->list_volumes;
print scalar( my @x = $p->list_all_volumes ), "\n";
my $pi = $p->get_info;
print join ",", map { "$_=$pi->{$_}" } sort keys %$pi;
print "\n", $p->get_uuid_string, $p->is_active, $p->is_persistent, $p->get_autostart, "\n";
eval { $p->destroy; $p->build(0); };
print "x ", ref $@ ? $@->code : $@, "\n";
$p->create;
$p->set_autostart(1);
print $p->get_autostart, "\n";
