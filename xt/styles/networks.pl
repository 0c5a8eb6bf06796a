# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Networks and interfaces.
use strict;
use warnings;
use Sys::Virt;
my $c = Sys::Virt->new( uri => $ARGV[0] );
my $n = $c->define_network(
    "<network><name>priv</name><uuid>c7a5fdbd-cdaf-9455-926a-d65c16db1809</uuid>
<bridge name='br9'/>
<ip address='10.0.0.1' netmask='255.255.255.0'><dhcp><range start='10.0.0.2' end='10.0.0.9'/></dhcp></ip></network>"
);
$n->create;
print $n->get_name, $n->get_bridge_name, $n->is_active, $n->is_persistent, "\n";
print join( " ", sort $c->list_network_names(9) ), "|", join( " ", $c->list_defined_network_names(9) ), "\n";
eval {
    $n->update(
        Sys::Virt::Network::UPDATE_COMMAND_ADD_LAST,
        Sys::Virt::Network::SECTION_IP_DHCP_HOST,
        -1, "<host mac='52:54:00:00:00:01' ip='10.0.0.3'/>", 0
    );
};
print ref $@ ? $@->code : "ok$@", "\n";
my @l = eval { $n->get_dhcp_leases };
print scalar(@l), " ", ref $@ ? $@->code : "", "\n";
@l = eval { $n->get_dhcp_leases("52:54:00:00:00:01") };
print ref $@                            ? $@->code : scalar(@l), "\n";
print $n->get_xml_description =~ /priv/ ? "y"      : "n",        "\n";
$n->destroy;
$n->undefine;
eval { $c->get_network_by_name("priv") };
print $@->code, "\n";
eval { $c->get_network_by_uuid("c7a5fdbd-cdaf-9455-926a-d65c16db1809") };
print $@->code,                                                                          "\n";
print $c->get_network_by_uuid( $c->get_network_by_name('default')->get_uuid )->get_name, "\n";
my $i = $c->get_interface_by_name("eth1");
print $i->get_mac, " ", $i->is_active, " ", $i->get_name, "\n";
eval { $i->destroy; print $i->is_active; $i->create; print $i->is_active; };
print "$@\n";
$c->interface_change_begin;
$c->define_interface(
    "<interface type='ethernet' name='eth2'><start mode='none'/><mac address='aa:bb:cc:dd:ee:01'/></interface>"
);
print scalar( () = $c->list_defined_interfaces ), "\n";
$c->interface_change_rollback;
print scalar( () = $c->list_defined_interfaces ), "\n";
