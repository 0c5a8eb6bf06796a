# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Networks and their ports.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Throws;
use Sys::Virt;

my $c = Sys::Virt->new( uri => 'test:///default' );

subtest 'networks' => sub {
    my $net = $c->get_network_by_name('default');
    is( $net->get_bridge_name,                                      'virbr0',  'bridge' );
    is( $c->get_network_by_uuid( $net->get_uuid )->get_name,        'default', 'by raw UUID' );
    is( $c->get_network_by_uuid( $net->get_uuid_string )->get_name, 'default', 'by UUID as a string' );
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
    throws( 'undefine',  qr/not found/i,                  sub { $c->get_network_by_name('defined') } );
    throws( 'bad flags', qr/flags is out of range/,       sub { $net->update( 0, 0, 0,     '<x/>', -1 ) } );
    throws( 'bad index', qr/parentIndex is out of range/, sub { $net->update( 0, 0, 2**31, '<x/>' ) } );
    throws(
        'no connection',
        qr/\Aconnection parameter is required at/,
        sub { Sys::Virt::Network->_new( name => 'x' ) }
    );
    throws(
        'no name',
        qr/\Aaddress, id or uuid parameters are required at/,
        sub { Sys::Virt::Network->_new( connection => $c ) }
    );
    my @leases = eval { $net->get_dhcp_leases };
    ok( $@ ? $@->code == 3 : @leases == 0, 'no leases' );

    if ( $net->can('get_metadata') && $c->get_library_version < 9_007_000 ) {
        throws(
            'a newer function',
            qr/virNetworkGetMetadata needs libvirt 9.7.0, found \d/,
            sub { $net->get_metadata(0) }
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
    my $parameters = eval { $port->get_parameters };
    ok( $parameters ? ref $parameters eq 'HASH' : $@->code == 3, 'parameters, if there are any' );
    $port->delete;
    is( scalar( @ports = $net->list_all_ports ), 0, 'deleted' );
};

done_testing;
