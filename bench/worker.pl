# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Runs operations for bench/run.pl: reads "name<TAB>iterations", answers with the CPU seconds that they took. With a name
# and a number as arguments, runs just that.
use strict;
use warnings;

use FindBin     ();
use Time::HiRes qw(clock_gettime CLOCK_PROCESS_CPUTIME_ID);
require "$FindBin::Bin/operations.pl";

our %OPERATIONS;

# bench/instructions.pl has one operation run, without a clock.
if ( my ( $name, $count ) = @ARGV ) {
    my ( $prepare, $run ) = @{ $OPERATIONS{$name} };
    my @state = $prepare->();
    $run->(@state) for 1 .. $count;
    exit 0;
}

my %prepared;
local $| = 1;
print "$Sys::Virt::VERSION\n";

while ( my $line = <STDIN> ) {
    chomp $line;
    my ( $name, $iterations ) = split /\t/, $line;
    my ( $prepare, $run ) = @{ $OPERATIONS{$name} };
    $prepared{$name} ||= [ $prepare->() ];
    my @state = @{ $prepared{$name} };
    my $start = clock_gettime(CLOCK_PROCESS_CPUTIME_ID);
    $run->(@state) for 1 .. $iterations;
    print clock_gettime(CLOCK_PROCESS_CPUTIME_ID) - $start, "\n";
}
