# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# No memory: for typical calls, every allocation of ours fails once, alone and with all that follow. The call throws or
# succeeds; it neither crashes nor leaks.
use strict;
use warnings;

use File::Temp ();
use FindBin    ();
use Test::More;

my $dir = File::Temp->newdir;
system( qw(cc -shared -fPIC -Wall -Werror -o), "$dir/starve.so", "$FindBin::Bin/stub/starve.c" ) == 0
    or die "starve.c does not compile\n";
open my $words, '>', "$dir/words" or die $!;
truncate $words, 4_096;
my @includes = map { "-I$_" } grep { !ref } @INC;

for my $way ( [], ['all'] ) {
    local $ENV{STARVE}     = "$dir/words";
    local $ENV{LD_PRELOAD} = "$dir/starve.so";
    open my $pipe, '-|', $^X, @includes, "$FindBin::Bin/starve/calls.pl", @$way or die $!;
    my ( $calls, $failures, $throws ) = ( 0, 0, 0 );
    while (<$pipe>) {
        chomp;
        my ( $name, $failed, $thrown, $grown ) = split /\t/;
        $calls++;
        if ( $failed eq 'status' ) { fail("$name: ends with status $thrown"); next }
        $failures += $failed;
        $throws   += $thrown;
        cmp_ok( $grown, '<', 1,
            "$name: $failed allocations failed" . ( @$way && ', and those that followed' ) );
    }
    close $pipe;
    is( $?, 0, 'ran to its end' );
    cmp_ok( $calls,    '>=', 45, "$calls calls" );
    cmp_ok( $failures, '>',  30, "$failures failures" );
    cmp_ok( $throws,   '>',  10, "$throws of them threw" );
}

done_testing;
