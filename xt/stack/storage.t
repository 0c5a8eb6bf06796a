# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Storage pools of the kinds that need no service elsewhere (dir, fs, logical, disk), and their volumes.
use strict;
use warnings;

use Test::More;
use lib qw(t/lib xt/lib);
use Stack;
use Throws;

my $conn = Stack::connect('a');
my ( @events, @loops );
my $any = $conn->storage_pool_event_register_any(
    undef,
    Sys::Virt::StoragePool::EVENT_ID_LIFECYCLE,
    sub { push @events, [ $_[1]->get_name, @_[ 2, 3 ] ] }
);
my $refreshed = 0;
$conn->storage_pool_event_register_any(
    undef,
    Sys::Virt::StoragePool::EVENT_ID_REFRESH,
    sub { $refreshed++ }
);

sub event {
    my ( $pool, $name ) = @_;
    my $code = Sys::Virt::StoragePool->can("EVENT_$name")->();
    my $find = sub {
        grep { $_->[0] eq $pool && $_->[1] == $code } @events;
    };
    return ok( Stack::wait_for( "$pool $name", 20, $find ), "$pool: event $name" ) || diag explain \@events;
}

# A file system has a folder of its own.
sub names {
    return [ grep { $_ ne 'lost+found' } sort map { ref $_ ? $_->get_name : $_ } @_ ];
}

# Creates, grows, copies and deletes volumes in a running pool.
sub volumes {
    my ( $pool, $format, $size ) = @_;
    my $target = $format ? "<target><format type='$format'/></target>" : q{};
    my $xml =
        sub { my ($name) = @_; return "<volume><name>$name</name><capacity>$size</capacity>$target</volume>" };
    my $one = $pool->create_volume( $xml->('one') );
    is( $one->get_name, 'one', 'a volume' );
    my $info = $one->get_info;
    cmp_ok( $info->{capacity}, '>=', $size, '... of its size' );
    like( $one->get_path, qr{\A/.*/one\z}, '... at its path' );
    is( $conn->get_storage_volume_by_path( $one->get_path )->get_name, 'one', '... found by it' );
    is( $conn->get_storage_volume_by_key( $one->get_key )->get_name,   'one', '... and by its key' );
    is( $conn->get_storage_pool_by_volume($one)->get_name,             $pool->get_name, 'its pool' );
    like( $one->get_xml_description, qr{<name>one</name>}, 'its XML' );
    my $stream = $conn->new_stream;
    $one->upload( $stream, 0, 11 );
    $stream->send( 'bytes in it', 11 );
    $stream->finish;

    if ( $format && $format eq 'raw' || !$format ) {
        my $two = $pool->clone_volume( $xml->('two'), $one );
        is( $two->get_name,          'two',         'a copy' );
        is( read_volume( $two, 11 ), 'bytes in it', '... with the same bytes' );
        $two->wipe;
        is( read_volume( $two, 11 ), "\0" x 11, '... wiped' );
        $two->delete;
    }
    $pool->refresh;
    is_deeply( names( $pool->list_all_volumes ), ['one'], 'one in the list' );
    is_deeply( names( $pool->list_volumes ),     ['one'], '... in the old way' );
    my @names = $pool->list_storage_vol_names(9);
    is( $pool->num_of_storage_volumes, scalar @names, '... counted' );
    is_deeply( names( $pool->list_storage_vol_names(5) ), ['one'], '... by name' );
    is( $pool->get_volume_by_name('one')->get_key, $one->get_key, '... found' );
    Stack::same(
        $pool->get_name . ': pool and volume',
        undef,
        sprintf q{my $p = $conn->get_storage_pool_by_name('%s'); my $v = $p->get_volume_by_name('one');
            ( $p->get_info, $p->get_xml_description, $v->get_info, $v->get_key, $v->get_path, $v->get_xml_description )},
        $pool->get_name
    );
    return $one;
}

sub read_volume {
    my ( $volume, $length ) = @_;
    my $stream = $conn->new_stream;
    $volume->download( $stream, 0, $length );
    my $text = q{};
    $stream->recv_all( sub { $text .= $_[1]; $_[2] } );
    $stream->finish;
    return $text;
}

# A loop device over a file, for both namespaces (there is no udev to make its partitions' nodes).
sub loop {
    my ( $name, $size ) = @_;
    my $file = Stack::image( $name, 'raw', $size );
    chomp( my $device = Stack::command( 'losetup', '--find', '--show', '--partscan', $file ) );
    push @loops, $device;
    return $device;
}

subtest 'dir' => sub {
    my $path = Stack::file('dir');
    my $pool = $conn->define_storage_pool(
        "<pool type='dir'><name>storage-dir</name><target><path>$path</path></target></pool>");
    event( 'storage-dir', 'DEFINED' );
    is( $pool->is_active,     0, 'defined, not running' );
    is( $pool->is_persistent, 1, 'persistent' );
    $pool->build;
    ok( -d $path, 'built' );
    $pool->create;
    event( 'storage-dir', 'STARTED' );
    is( $pool->get_autostart, 0, 'no autostart' );
    $pool->set_autostart(1);
    is( $pool->get_autostart, 1, 'autostart' );
    $pool->set_autostart(0);
    is( $conn->get_storage_pool_by_target_path($path)->get_name,      'storage-dir', 'by its path' );
    is( $conn->get_storage_pool_by_uuid( $pool->get_uuid )->get_name, 'storage-dir', 'by its UUID' );
    my $info = $pool->get_info;
    is( $info->{state}, Sys::Virt::StoragePool::STATE_RUNNING, 'running' );
    cmp_ok( $info->{capacity},  '>',  2**30,             'capacity' );
    cmp_ok( $info->{available}, '<=', $info->{capacity}, 'available' );
    my $one = volumes( $pool, 'raw', 2**20 );
    $one->resize( 3 * 2**20 );
    is( $one->get_info->{capacity}, 3 * 2**20, 'larger' );
    $one->resize( 2**20, Sys::Virt::StorageVol::RESIZE_DELTA );
    is( $one->get_info->{capacity}, 4 * 2**20, '... by so much' );
    $one->resize( 2**20, Sys::Virt::StorageVol::RESIZE_SHRINK );
    is( $one->get_info->{capacity}, 2**20, 'smaller' );
    $one->wipe_pattern(Sys::Virt::StorageVol::WIPE_ALG_ZERO);
    is( read_volume( $one, 11 ),                                         "\0" x 11, 'wiped with zeros' );
    is( $one->get_info(Sys::Virt::StorageVol::GET_PHYSICAL)->{physical}, 2**20,     'physical size' )
        if defined $one->get_info(Sys::Virt::StorageVol::GET_PHYSICAL)->{physical};
    $one->delete;
    my $overlay = $pool->create_volume( '<volume><name>q</name><capacity>8388608</capacity>'
            . "<target><format type='qcow2'/></target></volume>" );
    is( $overlay->get_info->{capacity}, 8388608, 'a qcow2 volume' );
    my $clone = $pool->clone_volume(
        '<volume><name>r</name><capacity>8388608</capacity>'
            . "<target><format type='raw'/></target></volume>",
        $overlay
    );
    is( -s $clone->get_path, 8388608, '... copied to raw' );
    $_->delete for $overlay, $clone;
    my $before = $refreshed;
    $pool->refresh;
    ok( Stack::wait_for( 'refresh', 20, sub { $refreshed > $before } ), 'event: refreshed' );
    throws( 'no volume', 'NO_STORAGE_VOL', sub { $pool->get_volume_by_name('none') } );
    $pool->destroy;
    event( 'storage-dir', 'STOPPED' );
    $pool->delete;
    ok( !-d $path, 'deleted' );
    event( 'storage-dir', 'DELETED' );
    $pool->undefine;
    event( 'storage-dir', 'UNDEFINED' );
    throws( 'gone', 'NO_STORAGE_POOL', sub { $conn->get_storage_pool_by_name('storage-dir') } );
};

subtest 'fs' => sub {
    my $device = loop( 'fs', '64M' );
    my $path   = Stack::file('mount');
    my $pool =
        $conn->define_storage_pool( "<pool type='fs'><name>storage-fs</name><source><device path='$device'/>"
            . "<format type='ext4'/></source><target><path>$path</path></target></pool>" );
    $pool->build(Sys::Virt::StoragePool::BUILD_OVERWRITE);
    throws( 'a file system is there',
        qr/./, sub { $pool->build(Sys::Virt::StoragePool::BUILD_NO_OVERWRITE) } );
    $pool->create;
    event( 'storage-fs', 'STARTED' );
    cmp_ok( $pool->get_info->{capacity}, '<', 64 * 2**20, 'as large as the device' );
    my $one = volumes( $pool, 'raw', 2**20 );
    $one->delete;
    $pool->destroy;
    $pool->undefine;
};

subtest 'logical' => sub {
    my @devices = map { loop( "lv$_", '32M' ) } 1, 2;
    my $pool =
        $conn->define_storage_pool( "<pool type='logical'><name>storage-lvm</name><source>"
            . join( q{}, map { "<device path='$_'/>" } @devices )
            . "<name>svgroup$$</name></source><target><path>/dev/svgroup$$</path></target></pool>" );
    $pool->build;
    like( $conn->find_storage_pool_sources( 'logical', undef ), qr/svgroup$$/, 'its source is found' );

    # Without it libvirt can start such a pool, but not make volumes, nor stop the pool again.
    if ( Stack::slurp('/proc/misc') =~ /device-mapper/ ) {
        $pool->create;
        event( 'storage-lvm', 'STARTED' );
        cmp_ok( $pool->get_info->{capacity}, '>', 50 * 2**20, 'as large as both' );
        my $one = volumes( $pool, undef, 4 * 2**20 );
        $one->delete;
        $pool->destroy;
    }
    else {
        diag 'logical: not started, this kernel has no device mapper';
    }
    $pool->delete;
    unlike( $conn->find_storage_pool_sources( 'logical', undef ), qr/svgroup$$/, 'deleted' );
    $pool->undefine;
};

subtest 'disk' => sub {
    my $device = loop( 'disk', '64M' );
    my $pool =
        $conn->define_storage_pool(
              "<pool type='disk'><name>storage-disk</name><source><device path='$device'/>"
            . "<format type='gpt'/></source><target><path>/dev</path></target></pool>" );
    $pool->build(Sys::Virt::StoragePool::BUILD_OVERWRITE);
    $pool->create;
    event( 'storage-disk', 'STARTED' );
    like( $pool->get_xml_description, qr/<freeExtent/, 'free space' );
    ( my $name = $device ) =~ s{.*/}{};
    my $one = $pool->create_volume("<volume><name>${name}p1</name><capacity>4194304</capacity></volume>");
    is( $one->get_info->{type}, Sys::Virt::StorageVol::TYPE_BLOCK, 'a partition' );
    like( Stack::command( 'parted', '-s', $device, 'print' ), qr/^ *1 /m, '... is in the table' );

   # libvirt takes what follows the disk's name for the partition's number: right for sda1, wrong for loop0p1.
    my $deleted = eval { $one->delete; 1 };
    like( $deleted ? q{} : $@, qr/\A\z|parted \S+ rm/, '... deleted, or libvirt names it wrongly' );
    my $table = Stack::command( 'parted', '-s', $device, 'print' );
    is( scalar( () = $table =~ /^ *1 /mg ), $deleted ? 0 : 1, '... as it says' );
    $pool->destroy;
    $pool->undefine;
};

subtest 'what else there is' => sub {
    like( $conn->get_storage_pool_capabilities, qr/<pool type='logical' supported='yes'>/, 'capabilities' );
    my $kinds = sub {
        return scalar grep { $_->get_name eq 'storage-kind' } $conn->list_all_storage_pools( $_[0] );
    };
    my %xml = (
        netfs =>
            "<source><host name='127.0.0.1'/><dir path='/x'/><format type='nfs'/></source><target><path>/nowhere</path></target>",
        iscsi =>
            "<source><host name='127.0.0.1'/><device path='iqn.2026-01.x:y'/></source><target><path>/dev/disk/by-path</path></target>",
        scsi =>
            "<source><adapter type='scsi_host' name='host0'/></source><target><path>/dev/disk/by-path</path></target>",
        mpath => '<target><path>/dev/mapper</path></target>',
    );
    for my $type ( sort keys %xml ) {
        my $pool = eval {
            $conn->define_storage_pool("<pool type='$type'><name>storage-kind</name>$xml{$type}</pool>");
        };
        my $error = $@;
        ok( $pool, "$type: defined" ) or diag($error) or next;
        my $code = Sys::Virt::StoragePool->can( 'LIST_' . uc $type )->();
        is( $kinds->($code),                            1, '... and listed by its kind' );
        is( $kinds->(Sys::Virt::StoragePool::LIST_DIR), 0, '... not by another' );
        $pool->undefine;
    }
};

END {
    local $? = 0;
    system 'losetup', '-d', $_ for @loops;
}

done_testing;
