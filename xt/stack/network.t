# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Networks, their ports and leases, filters and bindings, secrets, node devices, and interfaces of the host.
use strict;
use warnings;

use Test::More;
use lib qw(t/lib xt/lib);
use Stack;
use Throws;

my $conn = Stack::connect('a');
my @events;
for my $kind (qw(network secret node_device)) {
    my $register = "${kind}_event_register_any";
    $conn->$register( undef, 0, sub { push @events, [ $kind, @_[ 1 .. $#_ ] ] } );
    $conn->$register( undef, 1, sub { push @events, [ "$kind 1", @_[ 1 .. $#_ ] ] } ) if $kind ne 'network';
}

# An event of that kind whose object answers the method with that text.
sub event {
    my ( $kind, $method, $text, $code, $name ) = @_;
    my $find = sub {
        grep { $_->[0] eq $kind && $_->[1]->$method eq $text && ( !defined $code || $_->[2] == $code ) }
            @events;
    };
    return ok( Stack::wait_for( "$kind $text", 20, $find ), $name ) || diag explain \@events;
}

my $network_xml = <<'XML';
<network><name>network-nat</name><bridge name='svbr0' stp='off'/><forward mode='nat'/>
<ip address='192.168.99.1' netmask='255.255.255.0'><dhcp><range start='192.168.99.10' end='192.168.99.20'/></dhcp></ip></network>
XML

subtest 'a network' => sub {
    my $net = $conn->define_network($network_xml);
    event( 'network', 'get_name', 'network-nat', Sys::Virt::Network::EVENT_DEFINED, 'event: defined' );
    is_deeply( [ $net->is_active, $net->is_persistent, $net->get_autostart ], [ 0, 1, 0 ], 'defined' );
    $net->create;
    event( 'network', 'get_name', 'network-nat', Sys::Virt::Network::EVENT_STARTED, 'event: started' );
    is( $net->get_bridge_name, 'svbr0', 'its bridge' );
    $net->set_autostart(1);
    is( $net->get_autostart,                                           1,             'autostart' );
    is( $conn->get_network_by_uuid( $net->get_uuid )->get_name,        'network-nat', 'by UUID' );
    is( $conn->get_network_by_uuid( $net->get_uuid_string )->get_name, 'network-nat', 'by its text' );
    my ( $live, $config ) =
        ( Sys::Virt::Network::UPDATE_AFFECT_LIVE, Sys::Virt::Network::UPDATE_AFFECT_CONFIG );
    $net->update(
        Sys::Virt::Network::UPDATE_COMMAND_ADD_LAST,
        Sys::Virt::Network::SECTION_IP_DHCP_HOST,
        -1,
        "<host mac='52:54:00:11:22:33' name='known' ip='192.168.99.15'/>",
        $live | $config
    );
    like( $net->get_xml_description, qr/192[.]168[.]99[.]15/, 'a host is added while it runs' );
    is_deeply( [ $net->get_dhcp_leases ], [], 'no leases' );
    Stack::same(
        'network', undef, q{my $n = $conn->get_network_by_name('network-nat');
        map { $n->$_ } qw(get_xml_description get_bridge_name is_active is_persistent get_autostart get_uuid_string get_dhcp_leases)}
    );
    my $guest = Stack::boot(
        $conn,
        name    => 'guest',
        agent   => 1,
        devices =>
            "<interface type='network'><mac address='52:54:00:11:22:33'/><source network='network-nat'/><model type='virtio'/></interface>"
    );
    my $lease;
    ok( Stack::wait_for( 'a lease', 40, sub { ($lease) = $net->get_dhcp_leases } ), 'a guest has a lease' );
    is( $lease->{ipaddr}, '192.168.99.15',              '... of the address that is its own' );
    is( $lease->{mac},    '52:54:00:11:22:33',          '... by its MAC address' );
    is( $lease->{type},   Sys::Virt::IP_ADDR_TYPE_IPV4, '... of that kind' );
    is( $lease->{prefix}, 24,                           '... prefix' );
    is( $lease->{iface},  'svbr0',                      '... bridge' );
    Stack::same( 'leases', undef, q{$conn->get_network_by_name('network-nat')->get_dhcp_leases} );
    Stack::same( 'leases of one',
        undef, q{$conn->get_network_by_name('network-nat')->get_dhcp_leases('52:54:00:11:22:33')} );

    my @ports = $net->list_all_ports;
    is( scalar @ports, 1, 'one port' );
    my $port = $net->get_port_by_uuid( $ports[0]->get_uuid_string );
    is( $port->get_uuid, $ports[0]->get_uuid, '... found by its UUID' );
    like( $port->get_xml_description, qr/52:54:00:11:22:33/, '... of that guest' );
    is_deeply( $port->get_parameters, {}, '... no limit' );
    Stack::same(
        'port', undef, q{map { $_->get_uuid_string, $_->get_xml_description, $_->get_parameters }
        $conn->get_network_by_name('network-nat')->list_all_ports}
    );
    my $set = eval { $port->set_parameters( { Sys::Virt::NetworkPort::BANDWIDTH_OUT_AVERAGE => 100 } ); 1 };
    like( $set ? q{} : $@, qr/\A\z|Child process \(\S*tc /, 'a limit, if the kernel can' );
    $guest->destroy;
    is( scalar( my @none = $net->list_all_ports ), 0, 'no port any more' );
    my $created =
        $net->create_port( "<networkport><uuid>7b5c8a70-1111-2222-3333-444455556677</uuid>"
            . "<owner><name>mine</name><uuid>7b5c8a70-1111-2222-3333-444455556666</uuid></owner>"
            . "<mac address='52:54:00:44:55:66'/><group>g</group></networkport>" );
    like( $created->get_xml_description, qr/52:54:00:44:55:66/, 'a port by hand' );

    # No device hangs on it, so libvirt only takes a note.
    my %limit = (
        Sys::Virt::NetworkPort::BANDWIDTH_IN_AVERAGE  => 4_000_000_000,
        Sys::Virt::NetworkPort::BANDWIDTH_OUT_AVERAGE => 100,
        Sys::Virt::NetworkPort::BANDWIDTH_OUT_BURST   => 7,
    );
    Stack::lives( 'B36: limits', sub { $created->set_parameters( \%limit ) } );
    my $got = $created->get_parameters;
    is_deeply( { map { $_ => $got->{$_} } keys %limit }, \%limit, '... are set' ) || diag explain $got;
    throws( 'an unknown key', qr/weight/, sub { $created->set_parameters( { weight => 1 } ) } );
    $created->delete;
    throws( '... deleted', 'NO_NETWORK_PORT', sub { $net->get_port_by_uuid( $created->get_uuid ) } );
    $net->destroy;
    event( 'network', 'get_name', 'network-nat', Sys::Virt::Network::EVENT_STOPPED, 'event: stopped' );
    $net->undefine;
    event( 'network', 'get_name', 'network-nat', Sys::Virt::Network::EVENT_UNDEFINED, 'event: undefined' );
    my $brief = $conn->create_network("<network><name>network-brief</name><bridge name='svbr1'/></network>");
    is_deeply( [ $brief->is_active, $brief->is_persistent ], [ 1, 0 ], 'a transient one' );
    $brief->destroy;
};

subtest 'filters' => sub {
    my $filter = $conn->define_nwfilter(
        "<filter name='network-f' chain='root'><rule action='drop' direction='in'><tcp dstportstart='23'/></rule></filter>"
    );
    is( $filter->get_name,                                          'network-f', 'defined' );
    is( $conn->get_nwfilter_by_uuid( $filter->get_uuid )->get_name, 'network-f', 'by UUID' );
    my @names = map { $_->get_name } $conn->list_all_nwfilters;
    ok( ( grep { $_ eq 'clean-traffic' } @names ), 'those of the distribution' );
    is( $conn->num_of_nwfilters, scalar @names, '... counted' );
    my $guest = Stack::boot(
        $conn,
        name    => 'filtered',
        devices =>
            "<interface type='network'><source network='default'/><model type='virtio'/><filterref filter='network-f'/></interface>"
    );
    my @bindings = $conn->list_all_nwfilter_bindings;
    is( scalar @bindings, 1, 'a guest with a filter: a binding' );
    my $device = $bindings[0]->get_port_dev;
    like( $device, qr/\Avnet\d+\z/, '... of its device' );
    is( $bindings[0]->get_filter_name, 'network-f', '... to the filter' );
    like( $conn->get_nwfilter_binding_by_port_dev($device)->get_xml_description,
        qr/network-filtered/, '... for the guest' );
    Stack::same( 'bindings', undef,
        'map { $_->get_port_dev, $_->get_filter_name, $_->get_xml_description } $conn->list_all_nwfilter_bindings'
    );
    throws( 'a filter in use', 'OPERATION_INVALID', sub { $filter->undefine } );
    $bindings[0]->delete;
    is( scalar( my @left = $conn->list_all_nwfilter_bindings ), 0, 'binding deleted' );
    my $again = $conn->create_nwfilter_binding(
              "<filterbinding><owner><name>x</name><uuid>7b5c8a70-1111-2222-3333-444455556666</uuid></owner>"
            . "<portdev name='$device'/><mac address='52:54:00:00:00:99'/><filterref filter='network-f'/></filterbinding>"
    );
    is( $again->get_port_dev, $device, '... and made by hand' );
    $again->delete;
    $guest->destroy;
    $filter->undefine;
    throws( 'gone', 'NO_NWFILTER', sub { $conn->get_nwfilter_by_name('network-f') } );
};

subtest 'secrets' => sub {
    my $xml = sub {
        my ($private) = @_;
        return
            "<secret ephemeral='no' private='$private'><usage type='volume'><volume>network-$private</volume></usage></secret>";
    };
    my $secret = $conn->define_secret( $xml->('no') );
    my $uuid   = $secret->get_uuid_string;
    event( 'secret', 'get_uuid_string', $uuid, Sys::Virt::Secret::EVENT_DEFINED, 'event: defined' );
    throws( 'no value yet', 'NO_SECRET', sub { $secret->get_value } );
    my $value = join q{}, map { chr } 0 .. 255;
    $secret->set_value($value);
    event( 'secret 1', 'get_uuid_string', $uuid, undef, 'event: value changed' );
    is( $secret->get_value, $value, 'all bytes there and back' );
    is( $conn->get_secret_by_usage( Sys::Virt::Secret::USAGE_TYPE_VOLUME, 'network-no' )->get_uuid_string,
        $uuid, 'by what it is for' );
    is( $secret->get_usage_type, Sys::Virt::Secret::USAGE_TYPE_VOLUME, '... its type' );
    Stack::same(
        'secrets', undef,
        'map { my $s = $_; ( map { $s->$_ } qw(get_uuid_string get_usage_id get_usage_type get_xml_description) ),
            unpack "H*", $s->get_value } $conn->list_all_secrets'
    );
    my $private = $conn->define_secret( $xml->('yes') );
    $private->set_value('hidden');
    throws( 'a private one', qr/private/, sub { $private->get_value } );
    is( $conn->num_of_secrets, 2, 'two' );
    my $long = 'x' x 60_000;
    $secret->set_value($long);
    is( length $secret->get_value, 60_000, 'a long one' );
    throws( 'too long', qr/./, sub { $secret->set_value( 'x' x 200_000 ) } );
    $_->undefine for $secret, $private;
    event( 'secret', 'get_uuid_string', $uuid, Sys::Virt::Secret::EVENT_UNDEFINED, 'event: undefined' );
};

subtest 'node devices, interfaces' => sub {
    my @devices = $conn->list_all_node_devices;
SKIP: {
        @devices or skip 'the daemon lists no devices, for want of udev', 3;
        is( $conn->num_of_node_devices(undef), scalar @devices, 'devices, counted' );
        my ($net) = $conn->list_all_node_devices(Sys::Virt::NodeDevice::LIST_CAP_NET);
        is( $conn->get_node_device_by_name( $net->get_name )->get_xml_description,
            $net->get_xml_description, 'one by its name' )
            if $net;
        Stack::same(
            'node devices',
            undef,
            'map { $_->get_name, $_->get_parent, [ $_->list_capabilities ], $_->get_xml_description } $conn->list_all_node_devices'
        );
    }
    my ($root) = grep { $_->get_name eq 'computer' } @devices;
    is_deeply( [ $root->get_parent ], [undef], 'the root of the tree has no parent: undef, in a list too' )
        if $root;
    throws( 'no device', 'NO_NODE_DEVICE', sub { $conn->get_node_device_by_name('none_0') } );
    throws( 'no such HBA', qr/./,
        sub { $conn->create_node_device('<device><parent>none</parent></device>') } );
    my @interfaces = eval { $conn->list_all_interfaces };
    my $error      = $@;
    if ( $error eq q{} ) {
        ok( ( grep { $_->get_name eq 'lo' } @interfaces ), 'interfaces of the host' )
            || diag explain \@interfaces;
    }
    else { is( $error->code, Sys::Virt::Error::ERR_NO_SUPPORT, 'no driver of interfaces' ) }
    Stack::same( 'interfaces', undef,
        'map { $_->get_name, $_->get_mac, $_->is_active, $_->get_xml_description } $conn->list_all_interfaces'
    ) if @interfaces;
};

done_testing;
