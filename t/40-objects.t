# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Networks, interfaces, storage, node devices, secrets, filters: what the test driver has of them.
use strict;
use warnings;

use Test::More;
use Sys::Virt;

my $c = Sys::Virt->new( uri => 'test:///default' );

sub throws {
    my ( $code, $pattern, $name ) = @_;
    ok( !eval { $code->(); 1 }, $name );
    return like( ref $@ ? $@->message : $@, $pattern, '... and says why' );
}

subtest 'networks' => sub {
    my $net = $c->get_network_by_name('default');
    is( $net->get_bridge_name,                                      'virbr0',  'bridge' );
    is( $c->get_network_by_uuid( $net->get_uuid )->get_name,        'default', 'by raw UUID' );
    is( $c->get_network_by_uuid( $net->get_uuid_string )->get_name, 'default', 'by UUID as text' );
    is( $net->is_active,                                            1,         'active' );
    $net->destroy;
    is( $net->is_active,                                   0, 'not active' );
    is( scalar( my @defined = $c->list_defined_networks ), 1, 'listed as such' );
    $net->create;
    $net->set_autostart(0);
    is( $net->get_autostart,         0,      'autostart' );
    is( $net->get_connect->get_type, 'TEST', 'get_connect' );
    my $new = $c->create_network('<network><name>new</name><bridge name="br9"/></network>');
    is( $new->is_persistent, 0, 'a transient network' );
    is_deeply( [ sort map { $_->get_name } $c->list_all_networks ], [qw(default new)], 'list' );
    $new->destroy;
    my $defined = $c->define_network('<network><name>defined</name></network>');
    is( Sys::Virt::Network->_new( connection => $c, name => 'defined' )->is_active, 0, '_new finds it' );
    $defined->undefine;
    throws( sub { $c->get_network_by_name('defined') },  qr/not found/i,                  'undefine' );
    throws( sub { $net->update( 0, 0, 0, '<x/>', -1 ) }, qr/flags is out of range/,       'bad flags' );
    throws( sub { $net->update( 0, 0, 2**31, '<x/>' ) }, qr/parentIndex is out of range/, 'bad index' );
    throws(
        sub { Sys::Virt::Network->_new( name => 'x' ) },
        qr/\Aconnection parameter is required at/,
        'no connection'
    );
    throws(
        sub { Sys::Virt::Network->_new( connection => $c ) },
        qr/\Aaddress, id or uuid parameters are required at/,
        'no name'
    );
    my @leases = eval { $net->get_dhcp_leases };
    ok( $@ ? $@->code == 3 : @leases == 0, 'no leases' );

    if ( $net->can('get_metadata') && $c->get_library_version < 9_007_000 ) {
        throws(
            sub { $net->get_metadata(0) },
            qr/virNetworkGetMetadata needs libvirt 9.7.0, found \d/,
            'a newer function'
        );
        is( $@->code, Sys::Virt::Error::ERR_NO_SUPPORT(), '... is not supported' );
    }
};

subtest 'network ports' => sub {
    my $net = $c->get_network_by_name('default');
    my $xml =
        '<networkport><owner><uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid><name>o</name></owner></networkport>';
    my $port = eval { $net->create_port($xml) };
    if ( !$port ) {
        is( $@->code, 3, 'not supported by this test driver' );
        return;
    }
    is( $net->get_port_by_uuid( $port->get_uuid )->get_uuid_string, $port->get_uuid_string, 'by UUID' );
    is( scalar( my @ports = $net->list_all_ports ),                 1,                      'list' );
    is( $port->get_network->get_name,                               'default',              'get_network' );
    like( $port->get_xml_description, qr/networkport/, 'XML' );
    ok( !eval { $port->get_parameters; 1 } || 1, 'parameters, if there are any' );
    $port->delete;
    is( scalar( @ports = $net->list_all_ports ), 0, 'deleted' );
};

subtest 'interfaces' => sub {
    my $if = $c->get_interface_by_name('eth1');
    is( $c->get_interface_by_mac( $if->get_mac )->get_name, 'eth1', 'by MAC address' );
    is( $if->is_active,                                     1,      'active' );
    $if->destroy;
    is( $if->is_active, 0, 'destroy' );
    $if->create;
    is( $c->num_of_interfaces, 1, 'number' );
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    my $new = $c->create_interface(
        $if->get_xml_description =~ s/eth1/eth9/r =~ s/aa:bb:cc:dd:ee:ff/aa:bb:cc:dd:ee:01/r );
    is( $new->is_active, 0,   'create_interface defines' );
    is( "@warnings",     q{}, 'E: without a warning' );
    $new->undefine;
    $c->interface_change_begin;
    $c->interface_change_rollback;
    throws( sub { $c->interface_change_commit }, qr/./, 'nothing to commit' );
    throws( sub { Sys::Virt::Interface->_new( connection => $c ) },
        qr/\Aname, mac or xml parameters are required/, '_new' );
};

subtest 'storage' => sub {
    my $pool = $c->get_storage_pool_by_name('default-pool');
    my $info = $pool->get_info;
    is_deeply( [ sort keys %$info ], [qw(allocation available capacity state)], 'info' );
    cmp_ok( $info->{capacity}, '>', 2**32, 'sizes are 64 bits wide' );
    my $vol = $pool->create_volume('<volume><name>one</name><capacity>1048576</capacity></volume>');
    is( $vol->get_info->{capacity},                                 1_048_576,      'capacity' );
    is( $pool->get_volume_by_name('one')->get_key,                  $vol->get_key,  'by name' );
    is( $c->get_storage_volume_by_path( $vol->get_path )->get_name, 'one',          'by path' );
    is( $c->get_storage_volume_by_key( $vol->get_key )->get_name,   'one',          'by key' );
    is( $c->get_storage_pool_by_volume($vol)->get_name,             'default-pool', 'its pool' );
    my $copy = $pool->clone_volume( '<volume><name>two</name><capacity>1048576</capacity></volume>', $vol );
    is( scalar( my @all = $pool->list_volumes ), 2, 'two volumes' );
    is( scalar $pool->list_volumes,              2, 'list_volumes counts in scalar context' );
    is( $pool->num_of_storage_volumes,           2, 'number' );
    is_deeply( [ sort { $a cmp $b } $pool->list_storage_vol_names(9) ], [qw(one two)], 'names' );
    throws( sub { $pool->list_storage_vol_names(-1) }, qr/maxnames is negative/, 'A11: a negative count' );
    throws( sub { $vol->resize(-1) },                  qr/capacity is out of range/, 'B23: a negative size' );
    throws( sub { $vol->download( $vol, 0, 0 ) }, qr/st is not a Sys::Virt::Stream object/,
        'A10: no stream' );
    throws( sub { $vol->upload( undef, 0, 0 ) }, qr/st is not a blessed SV reference/, 'A9: undef' );
    throws(
        sub { $pool->create_volume( '<x/>', 2**33 ) },
        qr/flags is out of range/,
        'E: flags of create_volume'
    );
    throws(
        sub { $pool->clone_volume( '<x/>', 'x' x 3, -1 ) },
        qr/flags is out of range/,
        'E: of clone_volume'
    );
    throws(
        sub { Sys::Virt::StorageVol->_new( name => 'x' ) },
        qr/\Apool parameter is required at/,
        'no pool'
    );
    throws(
        sub { Sys::Virt::StorageVol->_new( connection => $c ) },
        qr/\Aname, key, path or xml parameters/,
        'no name'
    );
    $_->delete for $copy, $vol;
    $pool->destroy;
    is( $pool->is_active, 0, 'destroy' );
    $pool->create;
    my $new =
        $c->define_storage_pool('<pool type="dir"><name>p</name><target><path>/p</path></target></pool>');
    $new->build;
    $new->create(0);
    throws( sub { $c->get_storage_pool_by_target_path('/p') }, qr/not supported/,
        'not by target path, here' );
    $new->destroy;
    $new->undefine;
    throws( sub { $c->get_storage_pool_by_name('p') }, qr/./, 'undefine' );
    is( ref eval { $c->find_storage_pool_sources( 'logical', undef ) } || q{}, q{}, 'B29: no source' );
};

subtest 'node devices' => sub {
    my @all = $c->list_all_node_devices;
    cmp_ok( scalar @all, '>=', 1, 'there are some' );
    my $computer = $c->get_node_device_by_name('computer');
    throws( sub { $computer->get_parent }, qr/no parent/, 'the root has no parent, says the test driver' );
    is_deeply( [ $computer->list_capabilities ], ['system'], 'capabilities' );
    is( scalar( my @system = $c->list_node_devices('system') ), 1, 'of a capability' );
    is( $c->num_of_node_devices('system'),                      1, 'their number' );
    throws( sub { $computer->detach }, qr/./, 'detach is there' );
    throws(
        sub { $computer->dettach },
        qr/\AUsage: Sys::Virt::NodeDevice::dettach\(dev, driversv, flags=0\)/,
        'dettach wants a driver'
    );
    throws( sub { Sys::Virt::NodeDevice->_new( connection => $c ) },
        qr/\Aname parameter is required at/, '_new' );
};

subtest 'what the test driver has not' => sub {
    for my $code (
        sub { $c->list_all_secrets },
        sub { $c->define_secret('<secret/>') },
        sub { $c->get_secret_by_uuid( 'x' x 16 ) },
        sub { $c->list_all_nwfilters },
        sub { $c->define_nwfilter('<filter/>') },
        sub { $c->list_all_nwfilter_bindings },
        sub { $c->get_nwfilter_by_name('x') },
        sub { $c->create_nwfilter_binding('<x/>') },
    ) {
        ok( !eval { $code->(); 1 }, 'fails' );
        is( ref $@, 'Sys::Virt::Error', '... with libvirt\'s error' );
    }
    my $s = 'Sys::Virt::Secret';
    throws(
        sub { $s->_new( connection => $c, usageID => 'x' ) },
        qr/\AusageType parameter must be provided with usageID at/,
        'a secret'
    );
    throws(
        sub { $s->_new( connection => $c, usageType => 1 ) },
        qr/\AusageID parameter must be provided with usageType at/,
        'a secret'
    );
    throws(
        sub { $s->_new( connection => $c ) },
        qr/\AusageID, xml or uuid parameters are required at/,
        'a secret'
    );
    throws(
        sub { Sys::Virt::NWFilterBinding->_new( connection => $c ) },
        qr/\Aportdev or xml parameters are required at/,
        'a binding'
    );
};

done_testing;
