#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Cwd          ();
use Getopt::Long ();
use JSON::PP     ();
use Pod::Usage   ();
use POSIX        ();
use Sys::Virt;
use Time::HiRes ();

eval { require XML::LibXML; 1 } or die "XML::LibXML is needed (Debian: libxml-libxml-perl)\n";

my %option = ( uri => 'test:///default', disk => 'vda' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help', 'disk=s', 'full', 'keep=i', 'at=s' )
    or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
my ( $action, $name, $folder, $image ) = @ARGV;
my %action = ( backup => \&backup, list => \&list, restore => \&restore, prune => \&prune );
Pod::Usage::pod2usage(2) if @ARGV != ( ( $action // q{} ) eq 'restore' ? 4 : 3 ) || !$action{$action};

-d $folder or die "$folder: no such folder\n";
$folder = Cwd::abs_path($folder);
my $conn = Sys::Virt->new( uri => $option{uri} );
my $dom  = $conn->get_domain_by_name($name);
$action{$action}->();

sub file_of { my ($backup) = @_; return "$folder/$name-$option{disk}.$backup.qcow2" }

# The names of all complete backups, oldest first: names are times.
sub backups {
    my @names =
        sort map { /\Q$name-$option{disk}.\E(backup-\d{8}T\d{6}(?:-\d+)?)[.]qcow2\z/ } glob file_of('*');
    return @names;
}

sub qemu_img {
    my (@command) = @_;
    system( 'qemu-img', @command ) == 0 or die "qemu-img @command failed\n";
    return;
}

# The backup to which the given one is incremental; undef for a full backup.
sub base_of {
    my ($backup) = @_;
    open my $pipe, '-|', 'qemu-img', 'info', '--output=json', file_of($backup) or die "qemu-img: $!\n";
    my $info = do { local $/ = undef; <$pipe> };
    close $pipe or die "qemu-img info failed\n";
    my $file = JSON::PP::decode_json($info)->{'backing-filename'} // return;
    my ($base) = $file =~ /[.](backup-[^.]+)[.]qcow2\z/;
    return $base;
}

# The chain of a backup: a full backup, and the incremental backups up to the given one.
sub chain_of {
    my ($backup) = @_;
    my $base = base_of($backup);
    return ( defined $base ? chain_of($base) : (), $backup );
}

# The newest checkpoint with a complete backup in this folder. A checkpoint without a backup comes from an interrupted run: the
# changes before it are in no backup, so no backup may start from it. Deleting it merges its changes into the previous
# checkpoint. Its description names the file.
sub last_backup {
    my @checkpoints = $dom->list_all_checkpoints(Sys::Virt::DomainCheckpoint::LIST_TOPOLOGICAL);
    for my $checkpoint ( reverse @checkpoints ) {
        my $xml  = XML::LibXML->load_xml( string => $checkpoint->get_xml_description );
        my $file = $xml->findvalue('/domaincheckpoint/description');
        my $name = $checkpoint->get_name;
        next         if $file ne file_of($name);
        return $name if -e $file;
        print "$name was interrupted\n";
        $checkpoint->delete;
    }
    return;
}

sub backup {
    my $last   = last_backup();
    my $since  = $option{full} ? undef : $last;
    my $new    = POSIX::strftime( 'backup-%Y%m%dT%H%M%S', gmtime );
    my %exists = map { $_->get_name => 1 } $dom->list_all_checkpoints;
    my $again  = 1;
    $new = $new =~ s/-\d+\z//r . '-' . ++$again while $exists{$new} || -e file_of($new);

    my $file = file_of($new);
    $dom->backup_begin( backup_xml( "$file.part", $since ), checkpoint_xml( $new, $file ) );
    my $done = eval {
        local $SIG{INT} = local $SIG{TERM} = sub {
            eval { $dom->abort_job }
        };
        wait_for_job();
        qemu_img( 'rebase', '-u', '-F', 'qcow2', '-b', file_of($since), "$file.part" ) if defined $since;
        rename "$file.part", $file or die "$file: $!\n";
        1;
    };
    if ( !$done ) {    # no backup, no checkpoint
        my $error = $@;
        unlink "$file.part";
        my $checkpoint = eval { $dom->get_checkpoint_by_name($new) };
        $checkpoint->delete if $checkpoint;
        die $error;
    }
    printf "%s: %s, %d bytes\n", $file, defined $since ? "incremental to $since" : 'full backup', -s $file;
    return;
}

sub backup_xml {
    my ( $file, $since ) = @_;
    my $incremental = defined $since ? "<incremental>$since</incremental>" : q{};
    return "<domainbackup>$incremental<disks><disk name='$option{disk}' type='file'><driver type='qcow2'/>"
        . "<target file='$file'/></disk></disks></domainbackup>";
}

sub checkpoint_xml {
    my ( $checkpoint, $file ) = @_;
    return "<domaincheckpoint><name>$checkpoint</name><description>$file</description>"
        . "<disks><disk name='$option{disk}' checkpoint='bitmap'/></disks></domaincheckpoint>";
}

# Waits for the end of the job; dies unless it succeeded. The last line shows 100 percent.
sub wait_for_job {
    my $shown = q{};
    while (1) {
        my ( $type, $job ) = $dom->get_job_stats;
        last if $type == Sys::Virt::Domain::JOB_NONE;
        my ( $done, $total ) =
            @{$job}{ Sys::Virt::Domain::JOB_DISK_PROCESSED, Sys::Virt::Domain::JOB_DISK_TOTAL };
        progress( $done / $total ) if $total;
        Time::HiRes::sleep(0.2);
    }
    my ($type) = $dom->get_job_stats(Sys::Virt::Domain::JOB_STATS_COMPLETED);
    die "the backup failed or was aborted\n" if $type != Sys::Virt::Domain::JOB_COMPLETED;
    progress(1);
    return;
}

sub progress {
    my ($share) = @_;
    return if !POSIX::isatty( fileno STDERR );
    printf {*STDERR} "\r%3d %%%s", 100 * $share, $share == 1 ? "\n" : q{};
    return;
}

sub list {
    for my $backup ( backups() ) {
        my $base = base_of($backup);
        printf "%s %12d bytes  %s\n", $backup, -s file_of($backup),
            defined $base ? "incremental to $base" : 'full';
    }
    return;
}

# Restores the image of a backup: the newest, or the one that --at names.
sub restore {
    my ($backup) = $option{at} // ( backups() )[-1] // die "there is no backup of $name in $folder\n";
    -e file_of($backup) or die "there is no backup $backup of $name in $folder\n";
    my @chain = chain_of($backup);
    qemu_img( 'convert', '-O', 'qcow2', file_of($backup), "$image.part" );
    qemu_img( 'compare', '-q', file_of($backup), "$image.part" );
    rename "$image.part", $image or die "$image: $!\n";
    printf "%s is %s of %s, from %d files\n", $image, $backup, $name, scalar @chain;
    return;
}

# Deletes all chains except the newest. A chain is a full backup with its incremental backups.
sub prune {
    my $keep = $option{keep} // 2;
    die "--keep must be 1 or more\n" if $keep < 1;
    my ( @chains, %checkpoint );
    for my $backup ( backups() ) {
        push @chains,          []      if !defined base_of($backup);
        push @{ $chains[-1] }, $backup if @chains;
    }
    $checkpoint{ $_->get_name } = $_ for $dom->list_all_checkpoints;
    for my $backup ( map { reverse @$_ } @chains > $keep ? @chains[ 0 .. $#chains - $keep ] : () ) {
        $checkpoint{$backup}->delete if $checkpoint{$backup};
        unlink file_of($backup) or die file_of($backup), ": $!\n";
        print "$backup is deleted\n";
    }
    return;
}

__END__

=head1 NAME

backup.pl - backs up a disk of a running domain, fully or incrementally, and restores it

=head1 SYNOPSIS

    backup.pl [--uri URI] [--disk DISK] [--full] backup DOMAIN FOLDER
    backup.pl [--uri URI] [--disk DISK] list DOMAIN FOLDER
    backup.pl [--uri URI] [--disk DISK] [--at BACKUP] restore DOMAIN FOLDER IMAGE
    backup.pl [--uri URI] [--disk DISK] [--keep N] prune DOMAIN FOLDER

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--disk> DISK

The disk's target; the default is C<vda>. Its image must be a qcow2 file.

=item B<--full>

Makes a full backup even if an incremental one is possible.

=item B<--at> BACKUP

The backup to restore; the default is the newest.

=item B<--keep> N

The number of chains that C<prune> keeps; the default is 2. A chain is a full backup with its incremental backups.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Needs L<XML::LibXML> (Debian: C<libxml-libxml-perl>). The first backup is full. Each later backup contains the changes
since the previous backup. A checkpoint of the domain, with the name of the previous backup, marks the start of these
changes. The file of an incremental backup has the previous file as its backing file, so that every file can be read as
a whole disk.

A file gets its final name only when it is complete. If a backup fails or is interrupted, its checkpoint is deleted.
Otherwise the next incremental backup would start from it, and changes would be missing in all backups. The program runs on
the hypervisor's host, because it needs access to the folder where the hypervisor writes. It needs C<qemu-img>.

=cut
