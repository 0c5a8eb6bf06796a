#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use File::Temp   ();
use FindBin      ();
use Getopt::Long ();
use List::Util   qw(sum);
use Pod::Usage   ();

my %option;
Getopt::Long::GetOptions( \%option, 'only=s', 'markdown', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage(0) if $option{help};

# Operations whose single call is so large that a few will do.
my %few = ( 'connect' => 20, 'event dispatch' => 100 );

my $root   = "$FindBin::Bin/..";
my %worker = ( original => [$^X], ours => [ $^X, "-I$root/blib/lib", "-I$root/blib/arch" ] );

our %OPERATIONS;
{
    unshift @INC, "$root/blib/lib", "$root/blib/arch";
    require "$root/bench/operations.pl";
}
my @ratios;
for my $name ( grep { !$option{only} || /$option{only}/ } sort keys %OPERATIONS ) {
    next if $name =~ /1_?0000/;
    my $count = $few{$name} || ( $name =~ /, (\d+)/ ? int( 400 / ( $1 + 3 ) ) + 2 : 200 );
    my %per   = map { $_ => instructions( $_, $name, $count ) } sort keys %worker;
    my $floor = floor( $name, $count );
    my $ratio = $per{ours} / $per{original};
    my $format =
        $option{markdown} ? "| %-26s | %10s | %10d | %10d | %5.2f |\n" : "%-26s %10s %10d %10d %6.2f\n";
    printf $format, $name, $floor // q{}, $per{original}, $per{ours}, $ratio;
    push @ratios, $ratio;
}
printf "\nGeometric mean %.2f over %d operations\n", exp( sum( map { log } @ratios ) / @ratios ),
    scalar @ratios
    if @ratios;

# Instructions per call: what twice as many calls cost more.
sub instructions {
    my ( $which, $name, $count ) = @_;
    my ( $once, $twice ) =
        map { count( @{ $worker{$which} }, "$root/bench/worker.pl", $name, $_ ) } $count, 2 * $count;
    return ( $twice - $once ) / $count;
}

# The same calls of libvirt's from C, if bench/floor.c has them.
sub floor {
    my ( $name, $count ) = @_;
    our $floor ||= compile();
    my ( $once, $twice ) = map { count( "$floor/floor", $name, $_ ) // return } $count, 2 * $count;
    return int( ( $twice - $once ) / $count );
}

sub compile {
    my $dir = File::Temp->newdir;
    system("cc -O2 -o '$dir/floor' '$root/bench/floor.c' \$(pkg-config --cflags --libs libvirt)") == 0
        or die "bench/floor.c does not compile\n";
    return $dir;
}

sub count {
    my (@command) = @_;
    local @ENV{qw(PERL_HASH_SEED PERL_PERTURB_KEYS)} = ( 0, 0 );
    my $log    = File::Temp->new;
    my $status = system 'valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', "--log-file=$log",
        @command;
    return                           if $status >> 8 == 3;    # the floor does not have this operation
    die "@command: status $status\n" if $status;
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
callgrind; the difference, divided by N, is the cost of one call. Unlike times, these figures repeat.

=cut
