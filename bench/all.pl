#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use FindBin      ();
use Getopt::Long ();
use Pod::Usage   ();
use lib $FindBin::Bin;
use Bench;

my %option;
Getopt::Long::GetOptions( \%option, 'quick', 'only=s', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage(0) if $option{help};

# With --quick, the fewest rounds that give figures at all.
my %quick = (
    'tasks.pl'        => [qw(--rounds 1)],
    'run.pl'          => [qw(--rounds 3 --time 0.05)],
    'instructions.pl' => [],
    'remote.pl'       => [qw(--rounds 3 --time 0.02)],
    'stream.pl'       => [qw(--rounds 3 --size 64)],
    'growth.pl'       => [qw(--rounds 2 --time 0.05)],
    'memory.pl'       => [],
    'leak.pl'         => [qw(--calls 100000)],
);

local $| = 1;
print "## Whole tasks\n\n", output('tasks.pl'), "\n## Time and instructions per call\n\n";
my ( $times, $instructions ) = map { output($_) } 'run.pl', 'instructions.pl';
my ( %of_both, @order );
for my $output ( $times, $instructions ) {
    for my $cells ( grep { @$_ > 2 } map { [ split /\s*[|]\s*/ ] } split /\n/, $output ) {
        my ( undef, $name, @cells ) = @$cells;
        push @order,                                                               $name if !$of_both{$name};
        push @{ $of_both{$name}{ $output eq $times ? 'times' : 'instructions' } }, @cells;
    }
}
my $print = Bench::table(
    1, 'operation',
    qw(original ours ratio),
    'instructions: C floor',
    qw(original ours ratio least)
);
for my $name ( grep { !/\A(?:operation|---)\z/ } @order ) {
    my ( $time, $count ) = @{ $of_both{$name} }{qw(times instructions)};
    $print->( $name, @$time[ 0 .. 2 ], @$count[ 0 .. 4 ] );
}
for ( [ 'Times' => $times ], [ 'Instructions' => $instructions ] ) {
    my ( $what, $output ) = @$_;
    print "\n$what: $_\n" for grep { /\A(?:Original|Geometric)/ } split /\n/, $output;
}

# One libvirtd for both that need one.
Bench::daemon();
for (
    [ 'Over a socket'             => 'remote.pl' ],
    [ 'Streams'                   => 'stream.pl' ],
    [ 'Growth'                    => 'growth.pl' ],
    [ 'Memory'                    => 'memory.pl' ],
    [ 'A million calls, no leaks' => 'leak.pl' ]
) {
    my ( $heading, $program ) = @$_;
    print "\n## $heading\n\n", output($program);
}

sub output {
    my ($program) = @_;
    return Bench::output(
        $^X, "$FindBin::Bin/$program", '--markdown',
        $option{quick}                                     ? @{ $quick{$program} }       : (),
        defined $option{only} && $program !~ /memory|leak/ ? ( '--only', $option{only} ) : ()
    );
}

__END__

=head1 NAME

all.pl - all tables of bench/README.md, as Markdown

=head1 SYNOPSIS

    bench/all.pl [--quick] [--only PATTERN] > tables.md

=head1 DESCRIPTION

Runs all programs of F<bench/>. Needs root, a built tree (C<make>), the original (Debian: C<libsys-virt-perl>), and valgrind. Takes
about half an hour on a machine that does nothing else; C<--quick> makes that less and the figures rougher, C<--only> leaves out
other operations where the program has many.

=cut
