#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use File::Temp   ();
use FindBin      ();
use Getopt::Long ();
use List::Util   qw(sum);
use Pod::Usage   ();
use lib $FindBin::Bin;
use Bench;

my %option;
Getopt::Long::GetOptions( \%option, 'only=s', 'markdown', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage(0) if $option{help};

# Operations whose single call is so large that a few will do.
my %few = ( 'connect' => 100, 'event dispatch' => 400 );

my %command = Bench::perls();
my $floor   = Bench::compiled('floor');
our %OPERATIONS;
require "$Bench::ROOT/bench/operations.pl";

# Perl's own part of each call. With the floor it is the least that an operation can take.
my $empty = per_call( 2_000, @{ $command{ours} }, $Bench::WORKER, 'an empty method' );

my $print = Bench::table( $option{markdown}, 'operation', 'C floor', qw(original ours ratio least) );
my @ratios;
for my $name ( 'module load', sort keys %OPERATIONS ) {
    next if $option{only} && $name !~ /$option{only}/ || $name =~ /10000/;
    my $count = $few{$name} || ( $name =~ /, (\d+)/ ? int( 400 / ( $1 + 3 ) ) + 2 : 2_000 );
    my $uri   = $name =~ /, (\d\d+)/ ? Bench::host($1) : Bench::uri('/default');
    my %per =
        $name eq 'module load'
        ? ( floor => count( $floor, $uri, $name, 1 ), map { $_ => load($_) } keys %command )
        : (
        floor => per_call( $count, $floor, $uri, $name ),
        map { $_ => per_call( $count, @{ $command{$_} }, $Bench::WORKER, $name ) } keys %command
        );
    $print->(
        $name,
        ( map { defined() ? int : undef } @per{qw(floor original ours)} ),
        Bench::ratio( @per{qw(ours original)} ),
        defined $per{floor} ? Bench::ratio( $per{floor} + $empty, $per{original} ) : undef
    );
    push @ratios, $per{ours} / $per{original};
}
printf "\nGeometric mean %.2f over %d operations\n", exp( sum( map { log } @ratios ) / @ratios ),
    scalar @ratios
    if @ratios;

# Instructions per call: what twice as many calls cost more.
sub per_call {
    my ( $count, @command ) = @_;
    my ( $once, $twice ) = map { count( @command, $_ ) // return } $count, 2 * $count;
    return ( $twice - $once ) / $count;
}

# The cost of loading the module, compared with a perl that loads nothing.
sub load {
    my ($which) = @_;
    return count( @{ $command{$which} }, qw(-MSys::Virt -e 1) ) - count( $^X, qw(-e 1) );
}

sub count {
    my (@command) = @_;
    local @ENV{qw(PERL_HASH_SEED PERL_PERTURB_KEYS)} = ( 0, 0 );
    my $log = File::Temp->new;
    open my $pipe, '-|', 'valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', "--log-file=$log",
        @command
        or die "valgrind: $!\n";
    my @output = <$pipe>;
    close $pipe;
    return                      if $? >> 8 == 3;    # the floor does not have this operation
    die "@command: status $?\n" if $?;
    my ($collected) = do { local ( @ARGV, $/ ) = ("$log"); <> }
        =~ /Collected\s*:\s*(\d+)/ or die "callgrind counted nothing\n";
    return $collected;
}

__END__

=head1 NAME

instructions.pl - instructions per call: the original's, ours, and those of the same libvirt calls from C

=head1 SYNOPSIS

    bench/instructions.pl [--only PATTERN] [--markdown]

=head1 DESCRIPTION

Needs a built tree (C<make>), the original (Debian: C<libsys-virt-perl>), and valgrind. Runs each operation N times and 2N times under
callgrind; the difference, divided by N, is the cost of one call. Unlike times, these figures repeat. "least" is what no binding can go
below, as a ratio to the original too: the floor and a method of an XSUB that does nothing.

=cut
