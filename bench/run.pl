#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use File::Temp   ();
use FindBin      ();
use Getopt::Long ();
use IPC::Open2   ();
use List::Util   qw(max sum);
use Pod::Usage   ();

my %option = ( rounds => 7, time => 0.15 );
Getopt::Long::GetOptions( \%option, 'rounds=i', 'time=f', 'only=s', 'markdown', 'help' )
    or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage(0) if $option{help};

# Ours as it is installed: in a tree split into lib and arch, XSLoader would take its slow path.
my $root    = "$FindBin::Bin/..";
my $install = File::Temp->newdir;
system("make -C '$root' pure_install DESTDIR='$install' >/dev/null 2>&1") == 0
    or die "make pure_install failed\n";
my ($pm) = split /\n/, qx{find '$install' -path '*/Sys/Virt.pm'};
die "nothing was installed\n" if !$pm;
( my $lib = $pm ) =~ s{/Sys/Virt[.]pm\z}{};

my %command = ( original => [$^X], ours => [ $^X, "-I$lib" ], none => [$^X] );
my %worker  = map { $_ => start( $_, @{ $command{$_} } ) } qw(original ours);
printf "Original: Sys::Virt %s. Ours: %s. %d rounds, interleaved; CPU time per call, median.\n\n",
    $worker{original}{version}, $worker{ours}{version}, $option{rounds};

our %OPERATIONS;
{
    unshift @INC, $lib;
    require "$root/bench/operations.pl";
}
my @names = grep { !$option{only} || /$option{only}/ } sort keys %OPERATIONS;

# Where the original leaves objects to be freed when the process ends, the whole process is timed.
my %deferred = map { $_ => 1 } grep { /all domain stats/ } @names;

my @rows;
push @rows, row( 'module load', load_times() ) if !$option{only} || 'module load' =~ /$option{only}/;
for my $name (@names) {
    my $iterations = calibrate($name);
    my $measure    = $deferred{$name} ? \&whole : \&ask;
    $iterations *= 8 if $deferred{$name};
    my %times;
    for ( 1 .. $option{rounds} ) {
        push @{ $times{$_} }, $measure->( $_, $name, $iterations ) / $iterations for qw(original ours);
    }
    push @rows, row( $name, median( @{ $times{original} } ), median( @{ $times{ours} } ) );
}

my ($worst) = sort { $b->[3] <=> $a->[3] } @rows;
printf "\nGeometric mean %.2f over %d operations; worst %.2f (%s)\n",
    exp( sum( map { log $_->[3] } @rows ) / @rows ), scalar @rows, $worst->[3], $worst->[0];

sub row {
    my ( $name, $original, $ours ) = @_;
    my $format = $option{markdown} ? "| %-26s | %12s | %12s | %5.2f |\n" : "%-26s %12s %12s %6.2f\n";
    my $ratio  = $ours / $original;
    printf $format, $name, micro($original), micro($ours), $ratio;
    return [ $name, $original, $ours, $ratio ];
}

sub micro { my ($seconds) = @_; return sprintf '%.3f us', $seconds * 1e6 }

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return $sorted[ $#sorted / 2 ];
}

sub start {
    my ( $name, @command ) = @_;
    my $pid = IPC::Open2::open2( my $out, my $in, @command, "$root/bench/worker.pl" );
    chomp( my $version = <$out> // die "$name does not start\n" );
    return { pid => $pid, in => $in, out => $out, version => $version };
}

sub ask {
    my ( $which, $name, $iterations ) = @_;
    my ( $in, $out ) = @{ $worker{$which} }{qw(in out)};
    print {$in} "$name\t$iterations\n";
    $in->flush;
    chomp( my $time = <$out> // die "$which died at $name\n" );
    return $time;
}

# The same of a process of its own, from its start to its end, less what it takes without the operation.
sub whole {
    my ( $which, $name, $iterations ) = @_;
    my @spent;
    for my $count ( 1, $iterations + 1 ) {
        my @before = times;
        system( @{ $command{$which} }, "$root/bench/worker.pl", $name, $count ) == 0
            or die "$which died at $name\n";
        my @after = times;
        push @spent, $after[2] + $after[3] - $before[2] - $before[3];
    }
    return $spent[1] - $spent[0];
}

# As many iterations as make a round long enough for the clock of times().
sub calibrate {
    my ($name) = @_;
    my $iterations = 1;
    while ( ask( 'ours', $name, $iterations ) < $option{time} ) { $iterations *= 2 }
    ask( 'original', $name, max( 1, $iterations / 8 ) );
    return $iterations;
}

sub load_times {
    my %times;
    for ( 1 .. $option{rounds} ) {
        for my $which (qw(original ours none)) {
            my @times = times;
            for ( 1 .. 20 ) {
                system( @{ $command{$which} }, $which eq 'none' ? () : '-MSys::Virt', '-e', '1' );
            }
            my @after = times;
            push @{ $times{$which} }, ( $after[2] + $after[3] - $times[2] - $times[3] ) / 20;
        }
    }
    my %median = map { $_ => median( @{ $times{$_} } ) } keys %times;
    return $median{original} - $median{none}, $median{ours} - $median{none};
}

__END__

=head1 NAME

run.pl - times Sys::Virt against the original, both installed

=head1 SYNOPSIS

    bench/run.pl [--rounds 7] [--time 0.15] [--only PATTERN] [--markdown]

=head1 DESCRIPTION

Needs a built tree (C<make>) and the original (Debian: C<libsys-virt-perl>). Each operation runs in two processes, one
for each implementation, in turns; the table gives the median CPU time per call and their ratio.

=cut
