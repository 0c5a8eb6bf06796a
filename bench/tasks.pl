#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use File::Path   ();
use File::Temp   ();
use FindBin      ();
use Getopt::Long ();
use List::Util   qw(sum);
use Pod::Usage   ();
use Time::HiRes  ();
use lib $FindBin::Bin;
use Bench;

local $| = 1;
my %option = ( rounds => 9, only => q{.} );
Getopt::Long::GetOptions( \%option, qw(rounds=i only=s markdown help) ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage(0) if $option{help};

my %perl    = Bench::perls();
my %program = (
    original => [ @{ $perl{original} }, "$Bench::ROOT/bench/task-worker.pl" ],
    ours     => [ @{ $perl{ours} },     "$Bench::ROOT/bench/task-worker.pl" ],
    python   => [ $ENV{PYTHON} || '/usr/bin/python3', '-B', "$Bench::ROOT/bench/task-worker.py" ],
    C        => [ Bench::compiled('task-worker') ],
);
my @programs = qw(C original ours python);

# Over a socket, as scripts talk to their hosts: the test driver in the process would make up its domains there.
my $socket = $ENV{BENCH_SOCKET} = Bench::daemon();    ## no critic (LocalizedPunctuationVars)
my $small  = Bench::host(200);
my $large  = Bench::host(1_000);

# In the words of the table => the task, and what it works on.
my @tasks = (
    [ 'load the module, connect, end'                    => 'start',      $small ],
    [ 'a check: the state of 200 domains'                => 'check',      $small ],
    [ 'five monitoring passes over 200 domains'          => 'monitor',    $small ],
    [ '200 web requests, each about one domain'          => 'web',        $small ],
    [ 'the statistics of 1,000 domains, three times'     => 'statistics', $large ],
    [ 'the XML of 200 domains'                           => 'xml',        $small ],
    [ '1,000 lookups by name, of which 800 find nothing' => 'lookups',    $small ],
    [ '200 domains defined, started, set, undefined'     => 'provision',  $small ],
    [ '10,000 events'                                    => 'events',     $small ],
    [ 'an upload of 64 MiB to libvirtd'                  => 'upload' ],
);
@tasks = grep { $_->[0] =~ /$option{only}/ } @tasks;
my $dir;
if ( my ($upload) = grep { $_->[1] eq 'upload' } @tasks ) {
    push @$upload, prepare_upload();
}

print Bench::versions(%perl), ' ',
    Bench::output(
    $program{python}[0],
    '-c',
    'import libvirt, sys; v = libvirt.getVersion() // 1000; '
        . 'print("libvirt-python %d.%d, Python %s." % (v // 1000, v % 1000, sys.version.split()[0]))'
    ),
    "Whole processes, $option{rounds} rounds, interleaved: the median of the CPU time (ms), ",
    "millions of instructions of one run (M), the largest memory.\n\n";
my $print = Bench::table(
    $option{markdown}, 'task', ( map { "$_, ms" } @programs ),
    'ours/original',   'ours/python', ( map { "$_, 1,000,000 instructions" } @programs ),
    'ours/original',   'ours/python', ( map { "$_, MiB" } @programs )
);
my %ratios;
for my $task (@tasks) {
    my ( $words, $name, @args ) = @$task;
    my ( %time, %memory, %sum );
    for ( 1 .. $option{rounds} ) {
        for my $program (@programs) {
            my ( $time, $sum, $memory ) = timed( @{ $program{$program} }, $name, @args );
            push @{ $time{$program} }, $time;
            $sum{$sum}        = 1;
            $memory{$program} = $memory if $memory > ( $memory{$program} // 0 );
        }
    }
    die "$name: results differ: @{[ keys %sum ]}\n" if keys %sum > 1;
    my %median = map { $_ => Bench::median( @{ $time{$_} } ) } @programs;
    my %count  = map { $_ => instructions( @{ $program{$_} }, $name, @args ) } @programs;
    my @ratio  = map {
        my $of = $_;
        map { $of->{ours} / $of->{$_} } qw(original python)
    } \%median, \%count;
    push @{ $ratios{$_} }, $ratio[$_] for 0 .. 3;
    $print->(
        $words,
        ( map { sprintf '%.1f', 1000 * $median{$_} } @programs ),
        ( map { sprintf '%.2f', $_ } @ratio[ 0, 1 ] ),
        ( map { sprintf '%.1f', $count{$_} / 1e6 } @programs ),
        ( map { sprintf '%.2f', $_ } @ratio[ 2, 3 ] ),
        ( map { sprintf '%.1f', $memory{$_} / 1024 } @programs )
    );
}
my @means = map {
    exp( sum( map { log } @{ $ratios{$_} } ) / @{ $ratios{$_} } )
} 0 .. 3;
printf
    "\nGeometric means: time %.2f of the original and %.2f of libvirt-python, instructions %.2f and %.2f.\n",
    @means;

# The CPU time of a process in seconds, and what it printed: a sum, which has to be everybody's, and the most memory that it had.
sub timed {
    my (@command) = @_;
    my $output = Bench::output(@command);
    my ( $sum, $memory, $time ) = $output =~ /\A(\d+) (\d+) (\d+)$/ or die "@command: printed $output\n";
    return ( $time / 1e9, $sum, $memory );
}

sub instructions {
    my (@command) = @_;
    local @ENV{qw(PERL_HASH_SEED PERL_PERTURB_KEYS PYTHONHASHSEED)} = ( 0, 0, 0 );
    my $log = File::Temp->new;
    Bench::output( qw(valgrind --tool=callgrind --callgrind-out-file=/dev/null), "--log-file=$log",
        @command );
    my ($collected) = do { local ( @ARGV, $/ ) = ("$log"); <> }
        =~ /Collected\s*:\s*(\d+)/ or die "callgrind counted nothing\n";
    return $collected;
}

# A volume in memory, in a pool of a private libvirtd: what the task is called with.
sub prepare_upload {
    my $uri = "qemu+unix:///system?socket=$socket";
    $dir = "/dev/shm/bench-tasks-$$";
    File::Path::make_path("$dir/pool");
    for my $path ( "$dir/pool/volume", "$dir/file" ) {
        open my $file, '>', $path or die "$path: $!\n";
        print {$file} 'x' x 2**20 for 1 .. 64;
        close $file or die "$path: $!\n";
    }
    system( qw(virsh -q -c), $uri, qw(pool-create-as bench-tasks dir --target), "$dir/pool" ) == 0
        or die "no pool\n";
    return ( $uri, "$dir/pool/volume", "$dir/file" );
}

END {
    my $status = $?;
    File::Path::remove_tree($dir) if $dir;
    $? = $status;    ## no critic (RequireLocalizedPunctuationVars)
}

__END__

=head1 NAME

tasks.pl - ten whole tasks: time, instructions and memory of the original, ours, libvirt-python and C

=head1 SYNOPSIS

    bench/tasks.pl [--rounds N] [--only PATTERN] [--markdown]

=head1 DESCRIPTION

Needs a built tree (C<make>), the original (Debian: C<libsys-virt-perl>), libvirt-python (Debian: C<python3-libvirt>;
C<PYTHON> names another interpreter), valgrind, and root, since it brings up a private libvirtd: all tasks talk to one
over a unix socket. Each task is a process of its own, from the start of the interpreter to its end, and does the same
in all four languages: each prints a sum, which has to be the same. The programs take turns; the time is that of the
CPU.

=cut
