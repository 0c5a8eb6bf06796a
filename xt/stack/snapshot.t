# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Snapshots, checkpoints, and full and incremental backups in push and pull mode.
use strict;
use warnings;

use Test::More;
use lib qw(t/lib xt/lib);
use Stack;
use Throws;

my $conn  = Stack::connect('a');
my $image = Stack::image( 'disk', 'qcow2', '32M' );
my $guest = Stack::boot(
    $conn,
    name   => 'main',
    agent  => 1,
    define => 1,
    disks  => [
              "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='$image'/>"
            . "<target dev='vda' bus='virtio'/></disk>"
    ],
);

sub write_disk {
    my ( $text, $seek ) = @_;
    return Stack::in_guest( $guest,
        "printf '%s' '$text' | dd of=/dev/vda bs=1M seek=$seek conv=notrunc,fsync 2>/dev/null; sync" );
}

sub read_disk {
    my ( $length, $seek ) = @_;
    return Stack::in_guest( $guest,
        "echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/vda bs=1M skip=$seek count=1 2>/dev/null | head -c $length"
    );
}

sub names {
    return [ sort map { $_->get_name } @_ ];
}

subtest 'snapshots inside, of disk and memory' => sub {
    write_disk( 'first', 1 );
    Stack::in_guest( $guest, 'echo first >/tmp/mark' );
    my $one = $guest->create_snapshot(
        '<domainsnapshot><name>one</name><description>gr&#252;n</description></domainsnapshot>');
    is( $one->get_name, 'one', 'the first' );
    write_disk( 'other', 1 );
    my $two = $guest->create_snapshot('<domainsnapshot><name>two</name></domainsnapshot>');
    is( $guest->num_of_snapshots,           2,     'two' );
    is( $guest->current_snapshot->get_name, 'two', 'the second is the current' );
    is( $guest->has_current_snapshot,       1,     '... there is one' );
    is( $two->get_parent->get_name,         'one', '... its parent' );
    is( $two->is_current,                   1,     '... says so itself' );
    is( $one->is_current,                   0,     '... not the first' );
    is( $one->has_metadata,                 1,     'libvirt keeps it' );
    is_deeply( names( $guest->list_all_snapshots ),     [ 'one', 'two' ], 'both' );
    is_deeply( names( $guest->list_snapshots ),         [ 'one', 'two' ], '... in the old way' );
    is_deeply( [ sort $guest->list_snapshot_names(9) ], [ 'one', 'two' ], '... by name' );
    is_deeply( names( $one->list_all_children ),        ['two'],          'a child' );
    is_deeply( names( $one->list_child_snapshots ),     ['two'],          '... in the old way' );
    is_deeply( [ $one->list_child_snapshot_names(9) ],  ['two'],          '... by name' );
    is( $one->num_of_child_snapshots, 1, '... counted' );
    like( $one->get_xml_description, qr{<description>gr\xc3\xbcn</description>}, 'XML' );
    my $roots = Sys::Virt::DomainSnapshot::LIST_ROOTS;
    is_deeply( names( $guest->list_all_snapshots($roots) ), ['one'], 'the roots' );
    throws( 'the first has no parent', 'NO_DOMAIN_SNAPSHOT', sub { $one->get_parent } );
    throws( 'no such',                 'NO_DOMAIN_SNAPSHOT', sub { $guest->get_snapshot_by_name('three') } );
    my $image_list = Stack::command( 'qemu-img', 'snapshot', '-U', '-l', $image );
    like( $image_list, qr/\bone\b.*\btwo\b/s, 'the image holds both' );

    $one->revert_to;
    Stack::agent_ready($guest);
    is( read_disk( 5, 1 ),                          'first',   'reverted: the disk' );
    is( Stack::in_guest( $guest, 'cat /tmp/mark' ), "first\n", '... and the memory' );
    $two->revert_to( Sys::Virt::DomainSnapshot::REVERT_PAUSED | Sys::Virt::DomainSnapshot::REVERT_FORCE );
    is( ( $guest->get_state )[0], Sys::Virt::Domain::STATE_PAUSED, 'reverted, paused' );
    $guest->resume;
    Stack::agent_ready($guest);
    is( read_disk( 5, 1 ), 'other', '... to the second' );
    Stack::same( 'snapshots', $guest,
        q{map { $_->get_name, $_->get_xml_description, $_->is_current } sort { $a->get_name cmp $b->get_name } $dom->list_all_snapshots}
    );
    $one->delete(Sys::Virt::DomainSnapshot::DELETE_CHILDREN_ONLY);
    is_deeply( names( $guest->list_all_snapshots ), ['one'], 'children deleted' );
    $one->delete(Sys::Virt::DomainSnapshot::DELETE_METADATA_ONLY);
    is( $guest->num_of_snapshots, 0, 'forgotten' );
    like( Stack::command( 'qemu-img', 'snapshot', '-U', '-l', $image ), qr/\bone\b/, '... by libvirt only' );
};

subtest 'snapshots outside' => sub {
    my ( $memory, $disk ) = map { Stack::file($_) } qw(memory overlay);
    my $snapshot = $guest->create_snapshot(
        "<domainsnapshot><name>out</name><memory snapshot='external' file='$memory'/>"
            . "<disks><disk name='vda' snapshot='external'><source file='$disk'/></disk></disks></domainsnapshot>",
        Sys::Virt::DomainSnapshot::CREATE_LIVE
    );
    ok( -s $memory && -s $disk, 'memory and disk in files of their own' );
    is( $guest->is_active, 1, 'the guest runs on' );
    my $external = Sys::Virt::DomainSnapshot::LIST_EXTERNAL;
    is_deeply( names( $guest->list_all_snapshots($external) ), ['out'], 'is listed as external' );
    my $xml = $snapshot->get_xml_description(Sys::Virt::DomainSnapshot::XML_SECURE);
    $snapshot->delete(Sys::Virt::DomainSnapshot::DELETE_METADATA_ONLY);
    my $again = $guest->create_snapshot( $xml,
        Sys::Virt::DomainSnapshot::CREATE_REDEFINE | Sys::Virt::DomainSnapshot::CREATE_CURRENT );
    is( $again->get_name, 'out', 'defined again from its XML' );
    $again->delete(Sys::Virt::DomainSnapshot::DELETE_METADATA_ONLY);
    my $quiesced = $guest->create_snapshot(
        "<domainsnapshot><name>quiet</name><disks><disk name='vda'><source file='$disk.2'/></disk></disks></domainsnapshot>",
        Sys::Virt::DomainSnapshot::CREATE_DISK_ONLY | Sys::Virt::DomainSnapshot::CREATE_QUIESCE |
            Sys::Virt::DomainSnapshot::CREATE_ATOMIC
    );
    is( $quiesced->get_name, 'quiet', 'with the help of the agent' );
    $quiesced->delete(Sys::Virt::DomainSnapshot::DELETE_METADATA_ONLY);
};

sub checkpoint { my ($name) = @_; return "<domaincheckpoint><name>$name</name></domaincheckpoint>" }
my ( @done, @backups );
$conn->domain_event_register_any(
    $guest,
    Sys::Virt::Domain::EVENT_ID_JOB_COMPLETED,
    sub { push @done, $_[2] }
);

subtest 'checkpoints' => sub {
    my $one = $guest->create_checkpoint( checkpoint('c1') );
    my $two = $guest->create_checkpoint( checkpoint('c2') );
    is_deeply( names( $guest->list_all_checkpoints ), [ 'c1', 'c2' ], 'two' );
    is( $two->get_parent->get_name, 'c1', 'parent' );
    is_deeply( names( $one->list_all_children ), ['c2'], 'child' );
    is( $guest->get_checkpoint_by_name('c2')->get_name, 'c2', 'by name' );
    like( $one->get_xml_description, qr{<name>c1</name>}, 'XML' );
    write_disk( 'changed', 2 );
    my $size = $two->get_xml_description(Sys::Virt::DomainCheckpoint::XML_SIZE);
    like( $size, qr/size='[1-9]\d*'/, 'how much has changed since' );
    Stack::same( 'checkpoints', $guest,
        q{map { $_->get_name, $_->get_xml_description } sort { $a->get_name cmp $b->get_name } $dom->list_all_checkpoints}
    );
    $two->delete;
    is_deeply( names( $guest->list_all_checkpoints ), ['c1'], 'one deleted' );
    $one->delete;
    throws( 'no such', 'NO_DOMAIN_CHECKPOINT', sub { $guest->get_checkpoint_by_name('c1') } );
};

subtest 'backups' => sub {
    my ( $full, $increment ) = map { Stack::file($_) } qw(full increment);
    my $push = sub {
        my ( $file, $from ) = @_;
        return
              '<domainbackup>'
            . ( $from ? "<incremental>$from</incremental>" : q{} )
            . "<disks><disk name='vda' type='file'><target file='$file'/><driver type='qcow2'/></disk></disks></domainbackup>";
    };
    $guest->backup_begin( $push->($full), checkpoint('full') );
    ok( Stack::wait_for( 'the full backup', 60, sub { @done } ), 'a full backup ends' );
    is(
        $done[0]{Sys::Virt::Domain::JOB_OPERATION},
        Sys::Virt::Domain::JOB_OPERATION_BACKUP,
        '... as the event says'
    );
    my @stats = $guest->get_job_stats(
        Sys::Virt::Domain::JOB_STATS_COMPLETED | Sys::Virt::Domain::JOB_STATS_KEEP_COMPLETED );
    is( $stats[0] + 0, Sys::Virt::Domain::JOB_COMPLETED,          'and the statistics say' );
    is( $stats[1]{Sys::Virt::Domain::JOB_DISK_TOTAL}, 32 * 2**20, '... how much it was' );
    Stack::same( 'statistics of a completed job', $guest,
        q{my ($type, $all) = $dom->get_job_stats(3); $all} );
    ok( $guest->get_checkpoint_by_name('full'), 'its checkpoint' );
    write_disk( 'the increment', 3 );
    @done = ();
    $guest->backup_begin( $push->( $increment, 'full' ), undef );
    ok( Stack::wait_for( 'the incremental backup', 60, sub { @done } ), 'an incremental one ends' );
    my $closed = sub { system("qemu-img info $increment >/dev/null 2>&1") == 0 };
    ok( Stack::wait_for( 'QEMU has closed the file', 20, $closed ), '... and is closed' );
    Stack::command( 'qemu-img', 'rebase', '-u', '-b', $full, '-F', 'qcow2', $increment );
    Stack::command( 'qemu-img', 'convert', '-O', 'raw', $increment, Stack::file('result') );
    open my $result, '<', Stack::file('result') or die $!;
    seek $result, 3 * 2**20, 0;
    read $result, my $bytes, 13;
    is( $bytes, 'the increment', 'both together hold what the guest wrote' );

    @done = ();
    my $socket  = Stack::file('nbd');
    my $scratch = Stack::file('scratch');
    my $pull =
        "<domainbackup mode='pull'><server transport='unix' socket='$socket'/><disks><disk name='vda' type='file'>"
        . "<scratch file='$scratch'/></disk></disks></domainbackup>";
    $guest->backup_begin( $pull, undef );
    like( $guest->backup_get_xml_description, qr/mode='pull'/, 'a backup to pull' );
    write_disk( 'after the beginning', 3 );
    Stack::command( 'qemu-img', 'convert', '-f', 'raw', '-O', 'raw', "nbd+unix:///vda?socket=$socket",
        Stack::file('pulled') );
    open $result, '<', Stack::file('pulled') or die $!;
    seek $result, 3 * 2**20, 0;
    read $result, $bytes, 13;
    is( $bytes, 'the increment', 'is of the time of its beginning' );
    my ($type) = $guest->get_job_stats;
    is( $type + 0,                    Sys::Virt::Domain::JOB_UNBOUNDED, 'lasts' );
    is( $guest->get_job_info->{type}, Sys::Virt::Domain::JOB_UNBOUNDED, '... in the old way' );
    $guest->abort_job;
    ok( Stack::wait_for( 'the end', 30, sub { @done } ), 'until it is ended' );
    throws( 'no backup', qr/./, sub { $guest->backup_get_xml_description } );
    is( $guest->get_job_info->{type}, Sys::Virt::Domain::JOB_NONE, 'no job' );
};

done_testing;
