#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use FindBin      ();
use Getopt::Long ();
use List::Util   qw(max sum);
use Pod::Usage   ();
use lib $FindBin::Bin;
use Bench;

my %option = ( rounds => 7, time => 0.15 );
Getopt::Long::GetOptions( \%option, 'rounds=i', 'time=f', 'only=s', 'markdown', 'help' )
    or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage(0) if $option{help};

my %command = ( Bench::perls(), none => [$^X] );
my %worker  = map { $_ => Bench::start( $_, @{ $command{$_} }, $Bench::WORKER ) } qw(original ours);
printf "Original: Sys::Virt %s. Ours: %s. %d rounds, interleaved; CPU time per call, median.\n\n",
    $worker{original}{version}, $worker{ours}{version}, $option{rounds};

our %OPERATIONS;
require "$Bench::ROOT/bench/operations.pl";
my @names = grep { !$option{only} || /$option{only}/ } sort keys %OPERATIONS;

# Where the original leaves objects to be freed when the process ends, the whole process is timed.
my %deferred = map { $_ => 1 } grep { /all domain stats/ } @names;

my $print = Bench::table( $option{markdown}, qw(operation original ours ratio) );
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
    push @rows, row( $name, Bench::median( @{ $times{original} } ), Bench::median( @{ $times{ours} } ) );
}

my ($worst) = sort { $b->[3] <=> $a->[3] } @rows;
printf "\nGeometric mean %.2f over %d operations; worst %.2f (%s)\n",
    exp( sum( map { log $_->[3] } @rows ) / @rows ), scalar @rows, $worst->[3], $worst->[0];

sub row {
    my ( $name, $original, $ours ) = @_;
    $print->( $name, micro($original), micro($ours), Bench::ratio( $ours, $original ) );
    return [ $name, $original, $ours, $ours / $original ];
}

sub micro { my ($seconds) = @_; return sprintf '%.3f us', $seconds * 1e6 }

sub ask {
    my ( $which, $name, $iterations ) = @_;
    return ( Bench::ask( $worker{$which}, $name, $iterations ) )[0];
}

# The same of a process of its own, from its start to its end, less what it takes without the operation.
sub whole {
    my ( $which, $name, $iterations ) = @_;
    my @spent;
    for my $count ( 1, $iterations + 1 ) {
        my @before = times;
        system( @{ $command{$which} }, $Bench::WORKER, $name, $count ) == 0
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
    my %median = map { $_ => Bench::median( @{ $times{$_} } ) } keys %times;
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
