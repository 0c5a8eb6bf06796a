# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Runs operations for other programs: reads "name<TAB>iterations" and answers with what they took: seconds of CPU time, seconds
# of the clock, and how many more bytes of the heap are in use. With a third word the results are kept. With a name and a number as
# arguments, runs just that.
use strict;
use warnings;

use FindBin     ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC CLOCK_PROCESS_CPUTIME_ID);
require "$FindBin::Bin/operations.pl";

# bench/instructions.pl has one operation run, without a clock.
if ( my ( $name, $count ) = @ARGV ) {
    my ( $prepare, $run ) = @{ operation($name) };
    my @state = $prepare->();
    $run->(@state) for 1 .. $count;
    exit 0;
}

Bench::measure_heap();
my ( %prepared, @kept );
local $| = 1;
print "$Sys::Virt::VERSION\n";

sub now { return ( clock_gettime(CLOCK_PROCESS_CPUTIME_ID), clock_gettime(CLOCK_MONOTONIC) ) }

while ( my $line = <STDIN> ) {
    chomp $line;
    my ( $name, $iterations, $keep ) = split /\t/, $line;
    my ( $prepare, $run ) = @{ operation($name) };
    $prepared{$name} ||= [ $prepare->() ];
    my @state  = @{ $prepared{$name} };
    my $heap   = Bench::heap();           # which takes its time: it looks at what is free
    my @before = now();
    if ($keep) { push @kept, $run->(@state) for 1 .. $iterations }
    else       { $run->(@state) for 1 .. $iterations }
    my @after = now();
    print join( "\t", ( map { $after[$_] - $before[$_] } 0, 1 ), Bench::heap() - $heap ), "\n";
}
