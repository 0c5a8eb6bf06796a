# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Every example runs on the test driver, and every sample of code in the manual compiles; synopses run.
use strict;
use warnings;

use File::Temp ();
use Test::More;

my @includes = map { "-I$_" } grep { !ref } @INC;

sub run {
    my (@command) = @_;
    open my $pipe, '-|', $^X, @includes, @command or die $!;
    my $output = do { local $/ = undef; <$pipe> };
    close $pipe;
    return ( $output // q{}, $? );
}

for my $example ( glob 'examples/*.pl' ) {
    my ( $output, $status ) = run( $example, $example =~ /events/ ? ( '--seconds', 1 ) : () );
    is( $status, 0, "$example runs" );
    like( $output, qr/\S/, '... and prints something' );
    ( $output, $status ) = run( $example, '--help' );
    is( $status, 0, '... and helps' );
    like( $output, qr/Usage:/, '... with its usage' );
}

for my $name ( 'README.md', glob 'lib/Sys/*.pod lib/Sys/Virt/*.pod' ) {
    open my $file, '<', $name or die $!;
    my $text   = do { local $/ = undef; <$file> };
    my $number = 0;
    while ( $text =~ /((?:^(?:    .*)?\n)+)/mg ) {
        my $sample = $1;
        next
            if $sample !~ /\$\w+|use Sys::Virt/
            || $sample =~ /^    (?:\$ |\.\/|perl |make|script ->)/m
            || $sample =~ /^    \w+:.*EVENT_ID/m;
        $number++;
        my $script = File::Temp->new( SUFFIX => '.pl' );
        my $runs   = $sample =~ /use Sys::Virt;/ && $sample !~ /package /;
        print {$script} "no strict; use Sys::Virt;\n$sample\n";
        close $script or die $!;
        my ( $output, $status ) = run( $runs ? () : '-c', "$script" );
        is( $status, 0, "$name: sample $number " . ( $runs ? 'runs' : 'compiles' ) ) or diag $sample;
    }
}

done_testing;
