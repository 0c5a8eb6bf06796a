#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;

my %option = ( uri => 'test:///default' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV;

my $conn = Sys::Virt->new( uri => $option{uri}, readonly => 1 );

my $node = $conn->get_node_info;
printf "%s, %d CPUs at %d MHz, %d MiB\n", @{$node}{qw(model cpus mhz)}, $node->{memory} / 1024;
printf "%d cell(s), each with %d socket(s) of %d core(s) of %d thread(s)\n",
    @{$node}{qw(nodes sockets cores threads)};
my @free = eval { $conn->get_node_cells_free_memory( 0, $node->{nodes} - 1 ) };
printf "cell %d: %d MiB free\n", $_, $free[$_] / 2**20 for 0 .. $#free;

__END__

=head1 NAME

numa.pl - shows the memory and the CPUs of the host by NUMA cell

=head1 SYNOPSIS

    numa.pl [--uri URI]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Prints the free memory of each cell, if the driver reports it.

=cut
