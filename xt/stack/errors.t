# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The errors that the manual's entries name are those that a real libvirt throws.
use strict;
use warnings;

use Test::More;
use lib qw(t/lib xt/lib);
use Stack;
use Throws;

my $conn = Stack::connect('a');
my $ro   = Stack::connect( 'a', readonly => 1 );
my $uuid = '00000000-0000-0000-0000-00000000cafe';

sub simple { my ($name) = @_; return Stack::xml( name => $name ) }

my $off  = $conn->define_domain( simple('off') );
my $disk = Stack::image( 'on.qcow2', 'qcow2', '16M' );
my $on   = $conn->define_domain(
    Stack::xml(
        name  => 'on',
        agent => 1,
        disks => [
                  "<disk type='file'><driver name='qemu' type='qcow2'/><source file='$disk'/>"
                . "<target dev='vda' bus='virtio'/></disk>"
        ],
    )
);
$on->create( Sys::Virt::Domain::START_PAUSED() );

throws( "$_->[0]: $_->[1]", $_->[1], $_->[2] )
    for [ 'new', 'SYSTEM_ERROR', sub { Sys::Virt->new( uri => 'qemu+unix:///system?socket=/nowhere' ) } ],
    [ 'new', 'NO_CONNECT', sub { Sys::Virt->new( uri => Stack::uri('a') =~ s/\Aqemu/none/r ) } ],
    [ 'get_domain_by_name',       'NO_DOMAIN',       sub { $conn->get_domain_by_name('errors-none') } ],
    [ 'get_domain_by_id',         'NO_DOMAIN',       sub { $conn->get_domain_by_id( 2**31 - 1 ) } ],
    [ 'get_domain_by_uuid',       'NO_DOMAIN',       sub { $conn->get_domain_by_uuid($uuid) } ],
    [ 'get_network_by_name',      'NO_NETWORK',      sub { $conn->get_network_by_name('errors-none') } ],
    [ 'get_network_by_uuid',      'NO_NETWORK',      sub { $conn->get_network_by_uuid($uuid) } ],
    [ 'get_storage_pool_by_name', 'NO_STORAGE_POOL', sub { $conn->get_storage_pool_by_name('errors-none') } ],
    [ 'get_storage_pool_by_uuid', 'NO_STORAGE_POOL', sub { $conn->get_storage_pool_by_uuid($uuid) } ],
    [
    'get_storage_pool_by_target', 'NO_STORAGE_POOL',
    sub { $conn->get_storage_pool_by_target_path('/errors') }
    ],
    [ 'get_storage_volume_by_key',  'NO_STORAGE_VOL', sub { $conn->get_storage_volume_by_key('/errors') } ],
    [ 'get_storage_volume_by_path', 'NO_STORAGE_VOL', sub { $conn->get_storage_volume_by_path('/errors') } ],
    [ 'get_nwfilter_by_name',       'NO_NWFILTER',    sub { $conn->get_nwfilter_by_name('errors-none') } ],
    [ 'get_nwfilter_by_uuid',       'NO_NWFILTER',    sub { $conn->get_nwfilter_by_uuid($uuid) } ],
    [ 'get_nwfilter_binding', 'NO_NWFILTER_BINDING',
    sub { $conn->get_nwfilter_binding_by_port_dev('none') } ],
    [ 'get_secret_by_uuid',      'NO_SECRET',      sub { $conn->get_secret_by_uuid($uuid) } ],
    [ 'get_secret_by_usage',     'NO_SECRET',      sub { $conn->get_secret_by_usage( 2, 'errors-none' ) } ],
    [ 'get_interface_by_name',   'NO_INTERFACE',   sub { $conn->get_interface_by_name('errors-none') } ],
    [ 'get_interface_by_mac',    'NO_INTERFACE',   sub { $conn->get_interface_by_mac('02:00:00:00:00:01') } ],
    [ 'get_node_device_by_name', 'NO_NODE_DEVICE', sub { $conn->get_node_device_by_name('errors-none') } ],
    [
    'get_port_by_uuid', 'NO_NETWORK_PORT',
    sub { $conn->get_network_by_name('default')->get_port_by_uuid($uuid) }
    ],
    [ 'create_domain', 'OPERATION_INVALID', sub { $conn->create_domain( $on->get_xml_description ) } ],
    [
    'create_domain', 'OPERATION_FAILED',
    sub { $conn->create_domain( simple('on') =~ s/(<name>)/<uuid>$uuid<\/uuid>$1/r ) }
    ],
    [
    'define_domain', 'OPERATION_FAILED',
    sub { $conn->define_domain( simple('on') =~ s/(<name>)/<uuid>$uuid<\/uuid>$1/r ) }
    ],
    [ 'define_domain',  'XML_ERROR',    sub { $conn->define_domain('<network/>') } ],
    [ 'restore_domain', 'SYSTEM_ERROR', sub { $conn->restore_domain('/errors') } ],
    [
    'create_network', 'OPERATION_FAILED',
    sub { $conn->create_network("<network><name>default</name><uuid>$uuid</uuid></network>") }
    ],
    [ 'Network::create',        'OPERATION_INVALID', sub { $conn->get_network_by_name('default')->create } ],
    [ 'Network::destroy',       'OPERATION_INVALID', sub { network()->destroy } ],
    [ 'create',                 'OPERATION_INVALID', sub { $on->create } ],
    [ 'destroy',                'OPERATION_INVALID', sub { $off->destroy } ],
    [ 'shutdown',               'OPERATION_INVALID', sub { $off->shutdown } ],
    [ 'managed_save',           'OPERATION_INVALID', sub { $off->managed_save } ],
    [ 'rename while it runs',   'OPERATION_INVALID', sub { $on->rename('errors-other') } ],
    [ 'rename to a taken name', 'OPERATION_INVALID', sub { $off->rename('errors-on') } ],
    [ 'set_autostart',          'OPERATION_INVALID', sub { transient()->set_autostart(1) } ],
    [ 'attach_device',          'OPERATION_INVALID', sub { $off->attach_device( device(), 1 ) } ],
    [ 'detach_device',          'DEVICE_MISSING',    sub { $on->detach_device( device(), 1 ) } ],
    [ 'set_memory while it is off', 'OPERATION_INVALID',    sub { $off->set_memory( 64 * 1024, 1 ) } ],
    [ 'set_memory to too much',     'INVALID_ARG',          sub { $on->set_memory( 2**30, 1 ) } ],
    [ 'abort_job',                  'OPERATION_INVALID',    sub { $on->abort_job } ],
    [ 'abort_block_job',            'INVALID_ARG',          sub { $on->abort_block_job('vdz') } ],
    [ 'backup_get_xml_description', 'NO_DOMAIN_BACKUP',     sub { $on->backup_get_xml_description } ],
    [ 'get_metadata',               'NO_DOMAIN_METADATA',   sub { $on->get_metadata(0) } ],
    [ 'get_snapshot_by_name',       'NO_DOMAIN_SNAPSHOT',   sub { $on->get_snapshot_by_name('none') } ],
    [ 'current_snapshot',           'NO_DOMAIN_SNAPSHOT',   sub { $on->current_snapshot } ],
    [ 'get_checkpoint_by_name',     'NO_DOMAIN_CHECKPOINT', sub { $on->get_checkpoint_by_name('none') } ],
    [ 'get_cpu_stats of the host',  'INVALID_ARG',          sub { $conn->get_node_cpu_stats(9_999) } ],
    [ 'a read-only connection', 'OPERATIONED_DENIED', sub { $ro->get_domain_by_name('errors-on')->destroy } ],
    [ 'an unknown flag',        'INVALID_ARG',        sub { $conn->list_all_domains( 1 << 30 ) } ];

sub device { return "<disk type='file'><source file='$disk'/><target dev='vdz' bus='virtio'/></disk>" }

sub transient {
    return $conn->create_domain( simple('transient'), Sys::Virt::Domain::START_PAUSED() );
}

sub network {
    return $conn->define_network("<network><name>errors-net</name></network>");
}

# Volumes, pools and secrets.
my $folder = Stack::file('pool');
mkdir $folder or die $!;
my $pool = $conn->define_storage_pool(
    "<pool type='dir'><name>errors-pool</name><target><path>$folder</path></target></pool>");
throws( 'StoragePool::destroy', 'OPERATION_INVALID', sub { $pool->destroy } );
$pool->create;
throws( 'StoragePool::create',   'OPERATION_INVALID', sub { $pool->create } );
throws( 'StoragePool::undefine', 'OPERATION_INVALID', sub { $pool->undefine } );
throws( 'get_volume_by_name',    'NO_STORAGE_VOL',    sub { $pool->get_volume_by_name('none') } );
my $volume = '<volume><name>one</name><capacity>1</capacity></volume>';
$pool->create_volume($volume);
throws( 'create_volume', 'STORAGE_VOL_EXIST', sub { $pool->create_volume($volume) } );

for my $private (qw(no yes)) {
    my $secret = $conn->define_secret( "<secret ephemeral='yes' private='$private'>"
            . "<usage type='ceph'><name>errors-$private</name></usage></secret>" );
    throws( 'get_value of no value', 'NO_SECRET', sub { $secret->get_value } ) if $private eq 'no';
    $secret->set_value('x');
    throws( 'get_value of a private secret', 'INVALID_SECRET', sub { $secret->get_value } )
        if $private eq 'yes';
    $secret->undefine;
}

# A console has one user at a time.
$on->resume;
throws( 'fs_freeze', 'AGENT_UNRESPONSIVE', sub { $on->fs_freeze(undef) } );
my $first = $conn->new_stream;
$on->open_console( $first, undef );
throws( 'open_console', 'OPERATION_FAILED', sub { $on->open_console( $conn->new_stream, undef ) } );
$first->abort;

# A connection has one sub for its end.
$conn->register_close_callback( sub { } );
throws(
    'register_close_callback',
    'OPERATION_INVALID',
    sub {
        $conn->register_close_callback( sub { } );
    }
);
$conn->unregister_close_callback;

# Files and metadata that undefine would lose.
$on->managed_save;
throws( 'undefine', 'OPERATION_INVALID', sub { $on->undefine } );
$on->managed_save_remove;

done_testing;
