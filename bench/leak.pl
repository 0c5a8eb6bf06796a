#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use FindBin      ();
use Getopt::Long ();
use List::Util   qw(sum);
use Pod::Usage   ();
use lib $FindBin::Bin;
use Bench;

my %option = ( calls => 1_000_000 );
Getopt::Long::GetOptions( \%option, 'calls=i', 'markdown', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage(0) if $option{help};

my %perl = Bench::perls();
our %OPERATIONS;
require "$Bench::ROOT/bench/operations.pl";
my @names = grep { !/\d{4}/ } sort keys %OPERATIONS;
my $each  = int( $option{calls} / @names );
print Bench::versions(%perl), " Bytes that a call leaves in use, of $each calls each.\n\n";

my $print  = Bench::table( $option{markdown}, qw(operation original ours) );
my %worker = map { $_ => Bench::start( $_, @{ $perl{$_} }, $Bench::WORKER ) } keys %perl;
my %total;
for my $name (@names) {
    my %leak;
    for my $which ( keys %worker ) {
        Bench::ask( $worker{$which}, $name, 1_000 );
        my $bytes = ( Bench::ask( $worker{$which}, $name, $each ) )[2];
        $total{$which} += $bytes;
        $leak{$which} = sprintf '%.2f', $bytes / $each;
    }
    $print->( $name, @leak{qw(original ours)} );
}
$print->( "all $option{calls} calls", map { sprintf '%.2f', $_ / $each / @names } @total{qw(original ours)} );

__END__

=head1 NAME

leak.pl - a million calls: the memory that each leaves behind

=head1 SYNOPSIS

    bench/leak.pl [--calls 1000000] [--markdown]

=head1 DESCRIPTION

Needs a built tree (C<make>) and the original (Debian: C<libsys-virt-perl>). Calls each operation of F<bench/operations.pl> a
thousand times, and then so often that all of them come to a million calls; compares what malloc has in use (F<bench/heap.c>).

=cut
