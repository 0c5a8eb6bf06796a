# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Disks of a running guest: statistics, limits, thresholds, resizing, and the jobs copy, commit and pull.
use strict;
use warnings;

use Test::More;
use lib qw(t/lib xt/lib);
use Stack;
use Throws;

my $conn = Stack::connect('a');

sub disk {
    my ( $file, $target, $more ) = @_;
    return "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='$file'/>"
        . "<target dev='$target' bus='virtio'/>@{[ $more // q{} ]}</disk>";
}

my $image = Stack::image( 'disk', 'qcow2', '64M' );
my $base  = Stack::image( 'base', 'qcow2', '64M' );
my $top   = Stack::image( 'top',  'qcow2', '64M', '-b', $base, '-F', 'qcow2' );
my $raw   = Stack::image( 'raw',  'raw',   '8M' );
my $guest = Stack::boot(
    $conn,
    name  => 'main',
    agent => 1,
    disks => [ disk( $image, 'vda' ), disk( $top, 'vdb' ), disk( $raw, 'vdc' ) =~ s/qcow2/raw/r ],
);
my @jobs;
my $old = $conn->domain_event_register_any(
    $guest,
    Sys::Virt::Domain::EVENT_ID_BLOCK_JOB,
    sub { push @jobs, [ 1, @_[ 2 .. $#_ ] ] }
);
my $new = $conn->domain_event_register_any(
    $guest,
    Sys::Virt::Domain::EVENT_ID_BLOCK_JOB_2,
    sub { push @jobs, [ 2, @_[ 2 .. $#_ ] ] }
);

# The job's events of both kinds, once they are there.
sub job_event {
    my ( $type, $status, $name, $dev, $path ) = @_;
    my @codes = map { Sys::Virt::Domain->can($_)->() } "BLOCK_JOB_TYPE_$type", "BLOCK_JOB_$status";
    my $find  = sub {
        my ($kind) = @_;
        return ( grep { $_->[0] == $kind && $_->[2] == $codes[0] && $_->[3] == $codes[1] } @jobs )[0];
    };
    ok( Stack::wait_for( "$type $status", 30, sub { $find->(1) && $find->(2) } ), "$name: events" )
        or return diag explain \@jobs;
    is( $find->(2)[1], $dev,  "$name: with the disk's name" );
    is( $find->(1)[1], $path, "$name: ... and its file" ) if defined $path;
    @jobs = ();
    return;
}

sub write_disk {
    my ( $dev, $text, $seek ) = @_;
    return Stack::in_guest( $guest,
        "printf '%s' '$text' | dd of=/dev/$dev bs=1M seek=$seek conv=notrunc,fsync 2>/dev/null; sync" );
}

subtest 'the events' => sub {
    write_disk( 'vda', 'at one MiB', 1 );
    my $stats = $guest->block_stats('vda');
    cmp_ok( $stats->{wr_bytes}, '>=', 512, 'bytes were written' );
    cmp_ok( $stats->{rd_req},   '>',  0,   'something was read' );
    is( $guest->block_stats('vda')->{wr_req}, $stats->{wr_req}, 'nothing more' );
    my $all = $guest->block_stats(q{});
    cmp_ok( $all->{rd_req}, '>', $stats->{rd_req}, 'all disks together' );
    ok( exists $stats->{flush_reqs}, 'the long form' );
    my $info = $guest->get_block_info('vda');
    is( $info->{capacity}, 64 * 2**20, 'capacity' );
    is( $info->{physical}, -s $image,  'physical size' );
    cmp_ok( $info->{allocation}, '>', 0, 'allocation' );
    write_disk( 'vdc', 'on a raw disk', 1 );
    is( $guest->block_peek( 'vdc', 2**20, 13 ), 'on a raw disk', 'the bytes of a disk' );
    throws( 'another format', 'OPERATION_UNSUPPORTED', sub { $guest->block_peek( 'vda', 0, 4 ) } );
    is_deeply( [ $guest->get_disk_errors ], [], 'no errors' );
    throws( 'no disk', 'INVALID_ARG', sub { $guest->get_block_info('vdz') } );
};

Stack::same( $_, $guest, "\$dom->$_" )
    for "block_stats('vda')", "block_stats('vdb')", "get_block_info('vda')", "get_block_info('vdb', 0)",
    "get_block_iotune('vda')", "get_disk_errors", "block_peek('vdc', 1048576, 20)",
    "get_block_job_info('vda')",
    "block_peek('$raw', 0, 2)";

subtest 'resizing' => sub {
    $guest->block_resize( 'vda', 96 * 1024 );
    is( $guest->get_block_info('vda')->{capacity}, 96 * 2**20, 'in KiB' );
    $guest->block_resize( 'vda', 100 * 2**20, Sys::Virt::Domain::BLOCK_RESIZE_BYTES );
    is( $guest->get_block_info('vda')->{capacity}, 100 * 2**20, 'in bytes' );
    my $sectors = sub { Stack::in_guest( $guest, 'cat /sys/block/vda/size' ) == 100 * 2048 };
    ok( Stack::wait_for( 'the size', 10, $sectors ), 'the guest sees it' );
};

subtest 'limits' => sub {
    my @changes;
    my $id = $conn->domain_event_register_any(
        $guest,
        Sys::Virt::Domain::EVENT_ID_TUNABLE,
        sub { push @changes, $_[2] }
    );
    my %want = (
        Sys::Virt::Domain::BLOCK_IOTUNE_TOTAL_BYTES_SEC            => 50_000_000,
        Sys::Virt::Domain::BLOCK_IOTUNE_TOTAL_BYTES_SEC_MAX        => 6_000_000_000,
        Sys::Virt::Domain::BLOCK_IOTUNE_TOTAL_BYTES_SEC_MAX_LENGTH => 2,
        Sys::Virt::Domain::BLOCK_IOTUNE_READ_IOPS_SEC              => 1000,
        Sys::Virt::Domain::BLOCK_IOTUNE_WRITE_IOPS_SEC             => 2000,
        Sys::Virt::Domain::BLOCK_IOTUNE_GROUP_NAME                 => 'slow',
    );
    $guest->set_block_iotune( 'vda', \%want );
    my $got = $guest->get_block_iotune('vda');
    is_deeply( { map { $_ => $got->{$_} } keys %want }, \%want, 'set, above 32 bits too' );
    is( $got->{read_bytes_sec}, 0, 'others stay' );
    ok( Stack::wait_for( 'the event', 10, sub { @changes } ), 'an event' );
    is( $changes[0]{Sys::Virt::Domain::TUNABLE_BLKDEV_TOTAL_BYTES_SEC}, 50_000_000, '... with the value' );
    is( $changes[0]{Sys::Virt::Domain::TUNABLE_BLKDEV_DISK},            'vda',      '... and the disk' );
    Stack::same( 'limits', $guest, q{$dom->get_block_iotune('vda')} );
    $guest->set_block_iotune( 'vda', { map { $_ => 0 } grep { !/group/ } keys %want } );
    is( $guest->get_block_iotune('vda')->{total_bytes_sec}, 0, 'no job again' );
    throws( 'an unknown key', qr/speed/, sub { $guest->set_block_iotune( 'vda', { speed => 1 } ) } );
    $conn->domain_event_deregister_any($id);
};

subtest 'threshold' => sub {
    my @events;
    my $id = $conn->domain_event_register_any(
        $guest,
        Sys::Virt::Domain::EVENT_ID_BLOCK_THRESHOLD,
        sub { push @events, [ @_[ 2 .. $#_ ] ] }
    );
    $guest->set_block_threshold( 'vda', 4 * 2**20 );
    my ($stats) = $conn->get_all_domain_stats( Sys::Virt::Domain::STATS_BLOCK, [$guest] );
    is( $stats->{data}{'block.0.threshold'}, 4 * 2**20, 'is set' ) || diag explain $stats;
    Stack::in_guest( $guest, 'dd if=/dev/urandom of=/dev/vda bs=1M count=12 seek=8 conv=fsync 2>/dev/null' );
    ok( Stack::wait_for( 'the threshold', 20, sub { @events } ), 'is passed' );
    is( $events[0][0], 'vda',     'the disk' );
    is( $events[0][2], 4 * 2**20, 'the threshold' );
    cmp_ok( $events[0][3], '>', 0, 'by so much' );
    $conn->domain_event_deregister_any($id);
};

subtest 'pull' => sub {
    write_disk( 'vdb', 'in the top', 2 );
    $guest->block_pull( 'vdb', 0 );
    job_event( 'PULL', 'COMPLETED', 'pull', 'vdb', $top );
    unlike( Stack::command( 'qemu-img', 'info', '-U', $top ), qr/backing file/, 'has no base any more' );
};

subtest 'copy, with progress, speed and an end' => sub {
    my $copy = Stack::file('copy');
    my $xml  = "<disk type='file'><driver type='qcow2'/><source file='$copy'/></disk>";
    $guest->block_copy( 'vda', $xml, { Sys::Virt::Domain::BLOCK_COPY_BANDWIDTH => 2**20 } );
    my $info = $guest->get_block_job_info( 'vda', Sys::Virt::Domain::BLOCK_JOB_INFO_BANDWIDTH_BYTES );
    is( $info->{type},      Sys::Virt::Domain::BLOCK_JOB_TYPE_COPY, 'a copy runs' );
    is( $info->{bandwidth}, 2**20,                                  '... slowly' );
    cmp_ok( $info->{cur}, '<', $info->{end}, '... and has some way to go' );
    $guest->set_block_job_speed( 'vda', 5, 0 );
    is( $guest->get_block_job_info('vda')->{bandwidth}, 5, 'faster' );
    Stack::same( 'the running job',
        $guest, q{my $i = $dom->get_block_job_info('vda'); delete @$i{qw(cur end)}; $i} );
    $guest->abort_block_job( 'vda', Sys::Virt::Domain::BLOCK_JOB_ABORT_ASYNC );
    job_event( 'COPY', 'CANCELED', 'cancelled', 'vda' );
    is( $guest->get_block_job_info('vda')->{type}, 0, 'no job any more' );
    unlink $copy;
    $guest->block_copy( 'vda', $xml, {}, Sys::Virt::Domain::BLOCK_COPY_TRANSIENT_JOB );
    job_event( 'COPY', 'READY', 'mirrored', 'vda' );
    $info = $guest->get_block_job_info('vda');
    is( $info->{cur}, $info->{end}, 'all is copied' );
    write_disk( 'vda', 'while mirrored', 30 );
    $guest->abort_block_job( 'vda', Sys::Virt::Domain::BLOCK_JOB_ABORT_PIVOT );
    job_event( 'COPY', 'COMPLETED', 'pivoted', 'vda' );
    like( $guest->get_xml_description, qr/<source file='\Q$copy\E'/, 'the guest has the copy' );
    is(
        Stack::in_guest( $guest, 'dd if=/dev/vda bs=14 count=1 skip=31457280 iflag=skip_bytes 2>/dev/null' ),
        'while mirrored',
        '... with what it wrote'
    );
};

subtest 'snapshots outside, and commit' => sub {
    my $overlay = Stack::file('overlay');
    my $flags   = Sys::Virt::DomainSnapshot::CREATE_DISK_ONLY | Sys::Virt::DomainSnapshot::CREATE_NO_METADATA;
    my $snapshot = $guest->create_snapshot(
        "<domainsnapshot><disks><disk name='vda'><source file='$overlay'/></disk>"
            . "<disk name='vdb' snapshot='no'/><disk name='vdc' snapshot='no'/></disks></domainsnapshot>",
        $flags
    );
    like( $guest->get_xml_description, qr/<source file='\Q$overlay\E'/, 'the guest writes elsewhere' );
    write_disk( 'vda', 'in the overlay', 40 );
    $guest->block_commit( 'vda', undef, undef, 0, Sys::Virt::Domain::BLOCK_COMMIT_ACTIVE );
    job_event( 'ACTIVE_COMMIT', 'READY', 'committed', 'vda' );
    $guest->abort_block_job( 'vda', Sys::Virt::Domain::BLOCK_JOB_ABORT_PIVOT );
    job_event( 'ACTIVE_COMMIT', 'COMPLETED', 'pivoted', 'vda' );
    unlike( $guest->get_xml_description, qr/\Q$overlay\E/, 'the overlay is out of use' );

    my @chain = map { Stack::file("chain$_") } 1 .. 3;
    for my $file (@chain) {
        $guest->create_snapshot(
            "<domainsnapshot><disks><disk name='vda' snapshot='no'/><disk name='vdc' snapshot='no'/>"
                . "<disk name='vdb'><source file='$file'/></disk></disks></domainsnapshot>",
            $flags
        );
    }
    $guest->block_commit( 'vdb', $chain[0], $chain[1], 0 );
    job_event( 'COMMIT', 'COMPLETED', 'a middle one', 'vdb' );
    unlike( $guest->get_xml_description, qr/\Q$chain[1]\E/, '... is left out' );
    $guest->block_rebase( 'vdb', $chain[0], 0, 0 );
    job_event( 'PULL', 'COMPLETED', 'rebased onto the first', 'vdb' );
    $guest->block_rebase( 'vdb', undef, 0 );
    job_event( 'PULL', 'COMPLETED', 'rebased onto nothing', 'vdb' );
    unlike( Stack::command( 'qemu-img', 'info', '-U', $chain[2] ), qr/backing file/, '... has no base' );
    my $copy = Stack::file('rebased');
    $guest->block_rebase( 'vdb', $copy, 0, Sys::Virt::Domain::BLOCK_REBASE_COPY );
    job_event( 'COPY', 'READY', 'a copy by rebase', 'vdb' );
    $guest->abort_block_job('vdb');
    ok( -s $copy, '... is there' );
};

done_testing;
