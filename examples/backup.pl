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
use XML::LibXML ();

my %option = ( uri => 'test:///default', disk => 'vda' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help', 'disk=s', 'full', 'keep=i', 'at=s' )
    or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
my ( $action, $name, $folder, $image ) = @ARGV;
my %action = ( backup => \&backup, list => \&list, restore => \&restore, prune => \&prune );
Pod::Usage::pod2usage(2) if @ARGV != ( ( $action // q{} ) eq 'restore' ? 4 : 3 ) || !$action{$action};

-d $folder or die "$folder: there is no such folder\n";
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

# The backup that this one is incremental to; undef for a full one.
sub base_of {
    my ($backup) = @_;
    open my $pipe, '-|', 'qemu-img', 'info', '--output=json', file_of($backup) or die "qemu-img: $!\n";
    my $info = do { local $/ = undef; <$pipe> };
    close $pipe or die "qemu-img info failed\n";
    my $file = JSON::PP::decode_json($info)->{'backing-filename'} // return;
    my ($base) = $file =~ /[.](backup-[^.]+)[.]qcow2\z/;
    return $base;
}

# The chain that a backup needs: a full one, and the increments up to it.
sub chain_of {
    my ($backup) = @_;
    my $base = base_of($backup);
    return ( defined $base ? chain_of($base) : (), $backup );
}

# The newest checkpoint with a complete backup in this folder. A checkpoint without its backup is of a run that was
# interrupted: changes before it are in no backup, so it must not be a starting point. Deleting it gives its changes to the
# checkpoint before it. Its description names the file.
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

# Until the job is over; dies unless it succeeded. The last line says 100 percent.
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

# The image as it was at the time of a backup, the newest unless --at names another.
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

# Deletes all but the newest chains, each a full backup with its increments.
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

The connection; default C<test:///default>.

=item B<--disk> DISK

The disk's target; default C<vda>. Its image must be a qcow2 file.

=item B<--full>

Makes a full backup even if an earlier one could be continued.

=item B<--at> BACKUP

The backup to restore; default the newest.

=item B<--keep> N

How many chains C<prune> keeps, each a full backup with its increments; default 2.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

The first backup is full. Each later one has the changes since the one before: a checkpoint in the domain, with the same name as
the backup, marks where it begins. The file of an increment has the file before it as its backing file, so every file can be
read by itself.

A file gets its name only when it is complete. When a backup fails, or is interrupted, its checkpoint is deleted: otherwise the
next increment would begin there, and changes would be in no backup. The program needs access to the folder where the
hypervisor writes, so it runs on the hypervisor's host, and it needs C<qemu-img>.

=cut
