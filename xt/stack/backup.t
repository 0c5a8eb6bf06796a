# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# examples/backup.pl: full and incremental backups, failures in between, restoring, pruning. No change of the disk may be missing
# from the backups.
use strict;
use warnings;

use Test::More;
use lib 'xt/lib';
use Stack;

my @includes = map { "-I$_" } grep { !ref } @INC;
my $conn     = Stack::connect('a');
my $disk     = Stack::image( 'disk.qcow2', 'qcow2', '64M' );
my $guest    = Stack::boot(
    $conn,
    name   => 'main',
    agent  => 1,
    define => 1,
    disks  => [
              "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='$disk'/>"
            . "<target dev='vda' bus='virtio'/></disk>"
    ],
);
my $name   = $guest->get_name;
my $folder = Stack::file('backups');
mkdir $folder or die $!;
chmod 0777, $folder;

# Runs the example; its output and status.
sub backup_pl {
    my (@arguments) = @_;
    open my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', $^X, @includes, 'examples/backup.pl', '--uri',
        Stack::uri('a'), @arguments
        or die $!;
    my $output = do { local $/ = undef; <$pipe> };
    close $pipe;
    return ( $output // q{}, $? );
}

# Fills 8 MiB of the disk, from the given MiB on, with a letter.
my %content;

sub write_disk {
    my ( $mib, $letter ) = @_;
    Stack::in_guest( $guest,
        "head -c 8388608 /dev/zero | tr '\\0' $letter | dd of=/dev/vda bs=1M seek=$mib 2>/dev/null; sync" );
    $content{$mib} = $letter;
    return;
}

# The content of an image where the disk was written: "0=A 8=B ...", a dot for anything other than these letters.
sub content_of {
    my ($image) = @_;
    my $raw = "$image.raw";
    Stack::command( 'qemu-img', 'convert', '-O', 'raw', $image, $raw );
    open my $file, '<:raw', $raw or die $!;
    my @found;
    for my $mib ( map { 8 * $_ } 0 .. 7 ) {
        seek $file, $mib * 2**20, 0 or die $!;
        read $file, my $data, 8 * 2**20;
        push @found, "$mib=" . ( ( grep { $data eq $_ x ( 8 * 2**20 ) } "\0", 'A' .. 'H' )[0] // q{.} );
    }
    close $file;
    unlink $raw;
    return "@found" =~ tr/\0/0/r;
}

sub written {
    return join q{ }, map { "$_=" . ( $content{$_} // 0 ) } map { 8 * $_ } 0 .. 7;
}

sub checkpoints {
    return join q{ }, sort map { $_->get_name } $guest->list_all_checkpoints;
}

write_disk( 0, 'A' );
my ( $output, $status ) = backup_pl( 'backup', $name, $folder );
is( $status, 0, 'a full backup' ) or diag $output;
like( $output, qr/[.]qcow2: full backup, \d{7,} bytes$/m, '... says so' );
my $first = checkpoints();
like( $first, qr/\Abackup-\d{8}T\d{6}\z/, '... with a checkpoint' );

write_disk( 8, 'B' );
( $output, $status ) = backup_pl( 'backup', $name, $folder );
is( $status, 0, 'an incremental backup' ) or diag $output;
like( $output, qr/incremental to \Q$first\E, \d+ bytes$/m, '... says so' );
my $after = written();
my $good  = checkpoints();

# A failure that leaves its checkpoint behind, as a script that was killed does: changes before it are in no backup.
write_disk( 16, 'C' );
my ($leaf) = $good =~ /(\S+)\z/;
my $left = Stack::file('left.qcow2');
$guest->backup_begin(
    "<domainbackup><incremental>$leaf</incremental><disks><disk name='vda' type='file'><driver type='qcow2'/>"
        . "<target file='$left'/></disk></disks></domainbackup>",
    "<domaincheckpoint><name>backup-20990101T000000</name>"
        . "<description>$folder/$name-vda.backup-20990101T000000.qcow2</description></domaincheckpoint>"
);
eval { $guest->abort_job };
Stack::wait_for( 'the job', 30, sub { ( $guest->get_job_stats )[0] == Sys::Virt::Domain::JOB_NONE } );
like( checkpoints(), qr/backup-2099/, 'a failed backup left a checkpoint' );
write_disk( 24, 'D' );
( $output, $status ) = backup_pl( 'backup', $name, $folder );
is( $status, 0, 'the next backup' ) or diag $output;
like( $output, qr/incremental to \Q$leaf\E/, '... continues the last one that is complete' );
unlike( checkpoints(), qr/backup-2099/, '... and deletes the checkpoint' );

# Failures of the program itself: no folder, no room. Nothing is left, and the next run misses nothing.
write_disk( 32, 'E' );
my $before = checkpoints();
( $output, $status ) = backup_pl( 'backup', $name, "$folder/none" );
isnt( $status, 0, 'a folder that is not there' );
is( checkpoints(), $before, '... leaves no checkpoint' );
my $other = Stack::file('other');
mkdir $other or die $!;
( $output, $status ) = backup_pl( '--disk', 'vdz', 'backup', $name, $other );
isnt( $status, 0, 'a disk that is not there, in another folder' );
is( checkpoints(), $before, '... leaves all checkpoints as they are' );
my $small = Stack::file('small');
mkdir $small or die $!;

for my $where ( 'the program', 'the daemon' ) {    # which sees the other one's files, not its mounts
    my @mount = ( 'mount', '-t', 'tmpfs', '-o', 'size=1m,mode=777', 'tmpfs', $small );
    my $in    = $where eq 'the daemon';
    $in ? Stack::control( 'run', @mount ) : Stack::command(@mount);
    ( $output, $status ) = backup_pl( 'backup', $name, $small );
    $in ? Stack::control( 'run', 'umount', $small ) : Stack::command( 'umount', $small );
    isnt( $status, 0, "a folder that is full for $where" );
    is( checkpoints(), $before, '... leaves no checkpoint' ) or diag $output;
}
write_disk( 40, 'F' );
( $output, $status ) = backup_pl( 'backup', $name, $folder );
is( $status, 0, 'the backup after failures' ) or diag $output;

# Restoring.
my $image = Stack::file('restored.qcow2');
( $output, $status ) = backup_pl( 'restore', $name, $folder, $image );
is( $status,            0,         'restoring the newest' ) or diag $output;
is( content_of($image), written(), '... has all that was written' );
my ($second) = $good =~ /(\S+)\z/;
( $output, $status ) = backup_pl( '--at', $second, 'restore', $name, $folder, $image );
is( content_of($image), $after, 'restoring an earlier one has what was written until then' );
( $output, $status ) = backup_pl( '--at', 'backup-19700101T000000', 'restore', $name, $folder, $image );
isnt( $status, 0, 'a backup that is not there' );
like( $output, qr/there is no backup backup-19700101T000000/, '... is named' );

# Listing and pruning: chains go as a whole, and later increments still work.
( $output, $status ) = backup_pl( 'list', $name, $folder );
is( scalar( () = $output =~ /^backup-/mg ),      4, 'four backups are listed' );
is( scalar( () = $output =~ /incremental to/g ), 3, '... of which three are incremental' );
( $output, $status ) = backup_pl( '--full', 'backup', $name, $folder );
like( $output, qr/: full backup/, 'a full backup begins another chain' );
write_disk( 48, 'G' );
( $output, $status ) = backup_pl( 'backup', $name, $folder );
is( $status, 0, '... which is continued' ) or diag $output;
( $output, $status ) = backup_pl( '--keep', 1, 'prune', $name, $folder );
is( scalar( () = $output =~ /is deleted/g ), 4, 'pruning deletes the older chain' ) or diag $output;
is( scalar( split q{ }, checkpoints() ),     2, '... with its checkpoints' );
write_disk( 56, 'H' );
( $output, $status ) = backup_pl( 'backup', $name, $folder );
is( $status, 0, 'a backup after pruning' ) or diag $output;
( $output, $status ) = backup_pl( 'restore', $name, $folder, $image );
is( content_of($image), written(), '... and all of them together have everything' );

done_testing;
