#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Digest::MD5  ();
use File::Path   ();
use FindBin      ();
use Getopt::Long ();
use List::Util   qw(min sum);
use Pod::Usage   ();
use Time::HiRes  ();
use lib $FindBin::Bin;
use Bench;

my %option = ( rounds => 9, size => 256 );
Getopt::Long::GetOptions( \%option, 'rounds=i', 'size=i', 'only=s', 'markdown', 'help' )
    or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage(0) if $option{help};

my %perl   = Bench::perls();
my $floor  = Bench::compiled('stream');
my $socket = Bench::daemon();
my $uri    = "qemu+unix:///system?socket=$socket";
my $mib    = 2**20;

# In memory, so that the stream is timed and not the disk.
my $dir = "/dev/shm/bench-stream-$$";
File::Path::make_path("$dir/pool");
my ( $volume, $copy ) = ( "$dir/pool/volume", "$dir/copy" );
write_file( "$dir/full",   0 );
write_file( "$dir/sparse", 1 );
write_file( $volume,       0 );
system( qw(virsh -q -c), $uri, qw(pool-create-as bench-stream dir --target), "$dir/pool" ) == 0
    or die "no pool\n";

# The cost of virsh for information about a volume: that of connecting and finding it.
my %virsh = (
    'nothing'         => [qw(vol-info --vol)],
    'upload'          => [qw(vol-upload --vol)],
    'upload sparse'   => [qw(vol-upload --sparse --vol)],
    'download'        => [qw(vol-download --vol)],
    'download sparse' => [qw(vol-download --sparse --vol)],
);
$virsh{ $_ =~ s/(?<=load)/ file/r } = $virsh{$_} for grep { /load/ } keys %virsh;
my %program = (
    C     => sub { return ( $floor, $uri, $volume, @_ ) },
    virsh => sub {
        my ( $file, $operation ) = @_;
        my $command = $virsh{$operation} or return;
        return ( qw(virsh -q -c),
            $uri, @$command, $volume, $operation eq 'nothing' ? () : ( '--file', $file ) );
    },
    map {
        my $perl = $perl{$_};
        my $ours = $_ eq 'ours';
        $_ => sub {
            return if $_[1] =~ /file/ && !$ours;
            return ( @$perl, "$Bench::ROOT/bench/stream-worker.pl", $uri, $volume, @_ );
        }
    } keys %perl,
);
my @programs   = qw(C virsh original ours);
my @operations = map { ( $_, "$_ loop", "$_ sparse", "$_ file", "$_ file sparse" ) } qw(upload download);

print Bench::versions(%perl), " $option{size} MiB, $option{rounds} rounds, interleaved.\n",
    "MiB/s of the fastest round; ours divided by the others'; CPU time of the program itself per GiB.\n\n";
my $start = measure('nothing');
my $print = Bench::table(
    $option{markdown}, 'transfer', @programs,
    ( map { "ours/$_" } @programs[ 0 .. 2 ] ),
    map { "$_, ms" } @programs
);
for my $operation ( grep { !$option{only} || /$option{only}/ } @operations ) {
    my $time = measure($operation);
    my ( %rate, %cpu );
    for ( keys %$time ) {
        $rate{$_} = $option{size} / ( $time->{$_}[0] - $start->{$_}[0] );
        $cpu{$_}  = ( $time->{$_}[1] - $start->{$_}[1] ) * 1000 * 1024 / $option{size};
    }
    $print->(
        $operation,
        ( map { $rate{$_} && sprintf '%.0f', $rate{$_} } @programs ),
        ( map { Bench::ratio( $rate{ours}, $rate{$_} ) } @programs[ 0 .. 2 ] ),
        map { $cpu{$_} && sprintf '%.0f', $cpu{$_} } @programs
    );
}

# Of each program that knows the operation, the least time that passed, for whatever disturbs a round makes it longer; the mean of
# CPU time, which has a coarse clock.
sub measure {
    my ($operation) = @_;
    my $up          = $operation =~ /upload/;
    my $full        = "$dir/" . ( $operation =~ /sparse/ ? 'sparse' : 'full' );
    my ( $from, $to ) = $up ? ( $full, $volume ) : ( $volume, $copy );
    if ( !$up ) { system( 'cp', '--sparse=always', $full, $volume ) == 0 or die "cp failed\n" }
    my %times;
    for my $round ( 0 .. $option{rounds} ) {
        for my $name (@programs) {
            my @command = $program{$name}->( $up ? $full : $copy, $operation ) or next;
            empty($to);
            my @spent = spent(@command);
            if    ($round) { push @{ $times{$name}[$_] }, $spent[$_] for 0, 1 }
            elsif ( $operation ne 'nothing' ) {
                digest($from) eq digest($to) or die "$name, $operation: not the same data\n";
            }
        }
    }
    return {
        map { $_ => [ min( @{ $times{$_}[0] } ), sum( @{ $times{$_}[1] } ) / $option{rounds} ] }
            keys %times
    };
}

# The time that passed and the CPU time of a program.
sub spent {
    my (@command) = @_;
    my ( $begin, @before ) = ( Time::HiRes::time(), times );
    my $pid = fork // die "fork: $!\n";
    if ( !$pid ) {
        open STDOUT, '>', '/dev/null' or die $!;
        exec { $command[0] } @command or die "$command[0]: $!\n";
    }
    waitpid $pid, 0;
    die "@command: failed with $?\n" if $?;
    my @after = times;
    return Time::HiRes::time() - $begin, $after[2] + $after[3] - $before[2] - $before[3];
}

# A hole as large as the volume: what is sparse leaves out what is no data.
sub empty {
    my ($name) = @_;
    open my $file, '>:raw', $name or die "$name: $!\n";
    truncate $file, $name eq $volume ? $option{size} * $mib : 0 or die "$name: $!\n";
    close $file or die "$name: $!\n";
    return;
}

# Numbered blocks; of a sparse file's, every second MiB is a hole.
sub write_file {
    my ( $name, $sparse ) = @_;
    open my $file, '>:raw', $name or die "$name: $!\n";
    for my $number ( 0 .. $option{size} - 1 ) {
        next if $sparse && $number % 2 == 0;
        seek $file, $number * $mib, 0;
        print {$file} pack( 'N', $number + 1 ) x ( $mib / 4 );
    }
    truncate $file, $option{size} * $mib or die "$name: $!\n";
    close $file or die "$name: $!\n";
    return;
}

sub digest {
    my ($name) = @_;
    open my $file, '<:raw', $name or die "$name: $!\n";
    return Digest::MD5->new->addfile($file)->hexdigest;
}

END {
    my $status = $?;
    if ($dir) {
        system "virsh -q -c '$uri' pool-destroy bench-stream >/dev/null 2>&1";
        File::Path::remove_tree($dir);
    }
    $? = $status;    ## no critic (RequireLocalizedPunctuationVars)
}

__END__

=head1 NAME

stream.pl - times uploads and downloads: C, virsh, the original, ours

=head1 SYNOPSIS

    bench/stream.pl [--rounds 9] [--size 256] [--only PATTERN] [--markdown]

=head1 DESCRIPTION

Needs root, a built tree (C<make>) and the original (Debian: C<libsys-virt-perl>). Brings up a private libvirtd
(F<tools/libvirt-stack>) unless one is up, with a volume in memory. The programs take turns; what each takes without a transfer
is subtracted. The first round is not timed: it compares what arrived with what was sent. With C<file>, ours
uses C<send_from> and C<receive_to>, and the others what they use without it.

=cut
