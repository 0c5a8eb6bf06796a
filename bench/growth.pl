#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use FindBin      ();
use Getopt::Long ();
use List::Util   qw(max min);
use Pod::Usage   ();
use lib $FindBin::Bin;
use Bench;

my %option = ( rounds => 5, time => 0.1, limit => 15 );
Getopt::Long::GetOptions( \%option, 'rounds=i', 'time=f', 'limit=f', 'only=s', 'markdown', 'help' )
    or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage(0) if $option{help};

my @counts  = ( 100,                1_000,            10_000, 100_000 );
my @lists   = ( 'list_all_domains', 'list_domains',   'all domain stats' );
my @lookups = ( 'lookup by name',   'lookup by uuid', 'lookup by id' );
my %perl    = Bench::perls();
my $floor   = Bench::compiled('floor');
my @names   = ( 'C floor', 'original', 'ours' );
print Bench::versions(%perl),
    " CPU time in ns, the least of $option{rounds} rounds, interleaved; memory of a result that is kept, in bytes.\n\n";

# A line for each operation and number of domains; worse than linear are those that are given up.
my ( %time, %memory, %gave_up );
for my $count (@counts) {
    my %worker = (
        'C floor' => Bench::start( 'C floor', $floor, Bench::host($count) ),
        map { $_ => Bench::start( $_, @{ $perl{$_} }, $Bench::WORKER ) } keys %perl
    );
    for my $what ( grep { !$option{only} || /$option{only}/ } @lists, 'num_of_domains', @lookups ) {
        my $operation = "$what, $count";
        my @asked     = grep { !$gave_up{"$_ $what"} } @names;
        my %least;
        for ( 0 .. $option{rounds} ) {
            for my $name (@asked) {
                my $calls = $least{$name} ? $option{time} / $least{$name} : 1;
                $calls = min( 20_000, max( 1, int $calls ) );
                my $each = ( Bench::ask( $worker{$name}, $operation, $calls ) )[0] / $calls;
                $least{$name} = max( 1e-9, min( grep { defined } $each, $least{$name} ) );
            }
        }
        for my $name (@asked) {
            $time{$operation}{$name} = 1e9 * $least{$name} / ( $what =~ /lookup/ ? 1 : $count );
            $gave_up{"$name $what"}  = 1 if $least{$name} * 10 > ( $what =~ /lookup/ ? 1 : $option{limit} );
            next if $what !~ /list|stats/;
            my $kept = max( 1, 50_000 / $count );
            Bench::ask( $worker{$name}, $operation, 1, 'keep' );
            $memory{$operation}{$name} =
                ( Bench::ask( $worker{$name}, $operation, $kept, 'keep' ) )[2] / $kept / $count;
        }
    }
    Bench::stop($_) for values %worker;
}

my $print = Bench::table(
    $option{markdown},
    'operation, domains',
    ( map { "$_, ns" } @names ),
    'ratio', ( map { "$_, bytes" } @names )
);
for my $what ( @lists, 'num_of_domains', @lookups ) {
    for my $operation ( grep { $time{$_} } map { "$what, $_" } @counts ) {
        my ( $time, $memory ) = ( $time{$operation}, $memory{$operation} );
        $print->(
            $operation,
            ( map { defined && sprintf $_ < 10 ? '%.2f' : '%.0f', $_ } @$time{@names} ),
            Bench::ratio( $time->{ours}, $time->{original} ),
            map { defined && sprintf '%.0f', $_ } @$memory{@names}
        );
    }
}

__END__

=head1 NAME

growth.pl - time and memory per domain, of 100 to 100,000 domains

=head1 SYNOPSIS

    bench/growth.pl [--rounds 5] [--time 0.1] [--limit 15] [--only PATTERN] [--markdown]

=head1 DESCRIPTION

Needs a built tree (C<make>) and the original (Debian: C<libsys-virt-perl>). Lists, statistics and counts are divided by the number
of the test driver's domains; a lookup is one call. The floor is the same made from C (F<bench/floor.c>). What an implementation
would take more than C<--limit> seconds for, going by the number of domains before, is left out.

=cut
