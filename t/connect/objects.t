# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The other objects that a connection finds and creates: networks, interfaces, storage, devices, filters, secrets.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Patience;
use Throws;
use Sys::Virt;

local $SIG{ALRM} = sub { die "stuck\n" };
alarm 120;

my $c = Sys::Virt->new( uri => 'test:///default' );

my $length = qr/\AUUID must be either 16 unsigned bytes, or 32\/36 hex characters long at \Q$0/;

# The warnings of the code.
sub warnings_of {
    my ($code) = @_;
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    $code->();
    return @warnings;
}

subtest 'networks' => sub {
    my $n = $c->get_network_by_name('default');
    isa_ok( $n, 'Sys::Virt::Network' );
    is( $c->get_network_by_uuid( $n->get_uuid )->get_name,                   'default', 'by UUID, 16 bytes' );
    is( $c->get_network_by_uuid( $n->get_uuid_string )->get_name,            'default', '... 36 characters' );
    is( $c->get_network_by_uuid( $n->get_uuid_string =~ s/-//gr )->get_name, 'default', '... 32 characters' );
    throws 'no such name',       43,      sub { $c->get_network_by_name('nope') };
    throws 'no such UUID',       43,      sub { $c->get_network_by_uuid( "\0" x 16 ) };
    throws 'UUID of bad length', $length, sub { $c->get_network_by_uuid('x') };

    my $xml = '<network><name>other</name></network>';
    $n = $c->create_network($xml);
    is( $n->is_active,     1, 'create_network starts it' );
    is( $n->is_persistent, 0, '... and it is gone with its end' );
    $n->destroy;
    $n = $c->define_network($xml);
    is( $n->is_active,     0, 'define_network does not start it' );
    is( $n->is_persistent, 1, '... and it stays' );
    $n->undefine;
    throws 'create: XML of something else', 27, sub { $c->create_network('<x/>') };
    throws 'define: XML of something else', 27, sub { $c->define_network('<x/>') };
    throws 'B23: flags out of range', qr/define_network: flags is out of range/,
        sub { $c->define_network( $xml, -1 ) };
    throws 'B20: NUL', qr/xml holds a NUL/, sub { $c->define_network("$xml\0") };

    for my $method (qw(create_network define_network)) {
        throws( "$method with unknown flags", qr/code: [38],/, sub { $c->$method( $xml, 1 << 20 ) } );
        like( $@->code, qr/\A[38]\z/, '... refused by the driver, or libvirt is older than the flags' );
    }
};

subtest 'interfaces' => sub {
    my $i = $c->get_interface_by_name('eth1');
    isa_ok( $i, 'Sys::Virt::Interface' );
    is( $c->get_interface_by_mac( $i->get_mac )->get_name, 'eth1', 'by MAC address' );
    throws 'no such name', 57, sub { $c->get_interface_by_name('nope') };
    my $xml = "<interface type='ethernet' name='eth9'><start mode='onboot'/></interface>";
    is( scalar warnings_of( sub { $i = $c->create_interface($xml) } ),
        0, 'E: create_interface does not warn' );
    is( $i->is_active, 0, '... and defines only, as it always did' );
    $i->undefine;
    $i = $c->define_interface($xml);
    is( $i->get_name, 'eth9', 'define_interface' );
    $i->undefine;
    throws 'unknown flags',         8,  sub { $c->define_interface( $xml, 1 << 20 ) };
    throws 'XML of something else', 27, sub { $c->create_interface('<x/>') };

    $c->interface_change_begin;
    $c->define_interface($xml);
    throws 'a second change', 55, sub { $c->interface_change_begin };
    is_deeply( [ $c->interface_change_rollback ], [], 'interface_change_rollback returns nothing' );
    throws 'and undoes all', 57, sub { $c->get_interface_by_name('eth9') };
    $c->interface_change_begin;
    $c->define_interface($xml);
    $c->interface_change_commit;
    is( $c->get_interface_by_name('eth9')->undefine, undef, 'interface_change_commit' );
    throws 'nothing to commit',   55,                        sub { $c->interface_change_commit };
    throws 'nothing to undo',     55,                        sub { $c->interface_change_rollback };
    throws 'B23: negative flags', qr/flags is out of range/, sub { $c->interface_change_begin(-1) };
};

subtest 'storage' => sub {
    my $p = $c->get_storage_pool_by_name('default-pool');
    isa_ok( $p, 'Sys::Virt::StoragePool' );
    is( $c->get_storage_pool_by_uuid( $p->get_uuid )->get_name,        'default-pool', 'by UUID, 16 bytes' );
    is( $c->get_storage_pool_by_uuid( $p->get_uuid_string )->get_name, 'default-pool', '... 36 characters' );
    throws 'no such name',           49,      sub { $c->get_storage_pool_by_name('nope') };
    throws 'no such UUID',           49,      sub { $c->get_storage_pool_by_uuid( "\0" x 16 ) };
    throws 'UUID of bad length',     $length, sub { $c->get_storage_pool_by_uuid( "\0" x 15 ) };
    throws 'by target, unsupported', 3,       sub { $c->get_storage_pool_by_target_path('/default-pool') };

    my $v = $p->create_volume('<volume><name>vol</name><capacity>1048576</capacity></volume>');
    isa_ok( $c->get_storage_volume_by_key( $v->get_key ), 'Sys::Virt::StorageVol' );
    is( $c->get_storage_volume_by_path( $v->get_path )->get_name, 'vol',          'by path' );
    is( $c->get_storage_pool_by_volume($v)->get_name,             'default-pool', 'the pool of a volume' );
    $v->delete;
    throws 'no such key',  50, sub { $c->get_storage_volume_by_key('nope') };
    throws 'no such path', 50, sub { $c->get_storage_volume_by_path('/nope') };
    throws 'the pool of no volume', qr/vol is not a blessed SV reference/,
        sub { $c->get_storage_pool_by_volume(undef) };
    throws 'the pool of a pool', qr/vol is not a Sys::Virt::StorageVol object/,
        sub { $c->get_storage_pool_by_volume($p) };

    my $xml = "<pool type='dir'><name>other</name><target><path>/other</path></target></pool>";
    $p = $c->create_storage_pool($xml);
    is( $p->is_active, 1, 'create_storage_pool starts it' );
    $p->destroy;
    $p = $c->define_storage_pool($xml);
    is( $p->is_active, 0, 'define_storage_pool does not start it' );
    $p->undefine;
    throws 'E: create_storage_pool passes flags', 8,  sub { $c->create_storage_pool( $xml, 1 << 20 ) };
    throws 'define_storage_pool too',             8,  sub { $c->define_storage_pool( $xml, 1 << 20 ) };
    throws 'XML of something else',               27, sub { $c->create_storage_pool('<x/>') };
    throws 'capabilities, unsupported',           3,  sub { $c->get_storage_pool_capabilities };

    like(
        $c->find_storage_pool_sources( 'netfs', "<source><host name='h'/></source>" ),
        qr/<host name='h'\/>/,
        'find_storage_pool_sources'
    );
    my @warnings = warnings_of(
        sub {
            like( $c->find_storage_pool_sources( 'logical', undef ),
                qr/<sources>/, 'B29: undef is no source at all' );
            is( $c->get_max_vcpus(undef), 32, 'B29: undef is any type' );
        }
    );
    is( "@warnings", q{}, '... without a warning' );
    throws 'an empty source', 35, sub { $c->find_storage_pool_sources( 'logical', q{} ) };
    throws( 'no source where one is needed',
        'INVALID_ARG', sub { $c->find_storage_pool_sources( 'netfs', undef ) } );

SKIP: {
        skip 'no /proc/self/statm here', 1 if !-r '/proc/self/statm';
        my $source = "<source><host name='h'/></source>";
        my $before;
        for my $call ( 1 .. 12_000 ) {
            $before = pages() if $call == 2_000;
            my $sources = $c->find_storage_pool_sources( 'netfs', $source );
        }
        cmp_ok( pages() - $before, '<', 100, 'C6: find_storage_pool_sources does not leak' );
    }
};

# The memory pages that this process has in use.
sub pages {
    open my $statm, '<', '/proc/self/statm' or die "/proc/self/statm: $!";
    return ( split q{ }, readline $statm )[1];
}

subtest 'node devices' => sub {
    isa_ok( $c->get_node_device_by_name('computer'), 'Sys::Virt::NodeDevice' );
    throws 'no such name',            53, sub { $c->get_node_device_by_name('nope') };
    throws 'XML of something else',   27, sub { $c->create_node_device('<x/>') };
    throws 'definition, unsupported', 3,  sub { $c->define_node_device('<x/>') };
    my @warnings = warnings_of(
        sub {
            throws 'by WWN, unsupported', 3, sub { $c->get_node_device_scsihost_by_wwn( 'a', 'b' ) };
        }
    );
    is( "@warnings", q{}, 'E: no warning about flags that were not given' );
    throws 'E: flags out of range', qr/flags is out of range/,
        sub { $c->get_node_device_scsihost_by_wwn( 'a', 'b', -1 ) };
};

subtest 'what the driver does not have' => sub {
    my $uuid = '11111111-2222-3333-4444-555555555555';
    my %call = (
        get_nwfilter_by_name             => ['x'],
        get_nwfilter_by_uuid             => [$uuid],
        define_nwfilter                  => ['<x/>'],
        get_nwfilter_binding_by_port_dev => ['x'],
        create_nwfilter_binding          => ['<x/>'],
        get_secret_by_uuid               => [$uuid],
        get_secret_by_usage              => [ Sys::Virt::Secret::USAGE_TYPE_VOLUME(), 'x' ],
        define_secret                    => ['<x/>'],
    );
    for my $method ( sort keys %call ) {
        throws $method, 3, sub { $c->$method( @{ $call{$method} } ) };
    }
    throws 'define_nwfilter with flags', 3,                    sub { $c->define_nwfilter( '<x/>', 1 ) };
    throws 'raw UUID',                   3,                    sub { $c->get_secret_by_uuid( 'x' x 16 ) };
    throws 'UUID of bad length',         $length,              sub { $c->get_secret_by_uuid('x') };
    throws 'UUID of bad length',         $length,              sub { $c->get_nwfilter_by_uuid('x') };
    throws 'B23: type out of range', qr/type is out of range/, sub { $c->get_secret_by_usage( 2**31, 'x' ) };
};

done_testing;
