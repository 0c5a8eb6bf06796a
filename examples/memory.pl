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
Pod::Usage::pod2usage(2)                              if @ARGV < 1 || @ARGV > 2;

my $conn = Sys::Virt->new( uri => $option{uri} );

my ( $name, $kib ) = @ARGV;
my $dom = $conn->get_domain_by_name($name);
$dom->set_memory($kib) if defined $kib;
my $info = $dom->get_info;
printf "%d KiB of at most %d KiB\n", $info->{memory}, $info->{maxMem};
my $stats = eval { $dom->memory_stats } || {};
printf "  %-15s %d\n", $_, $stats->{$_} for sort keys %$stats;

__END__

=head1 NAME

memory.pl - shows or sets the memory of a domain

=head1 SYNOPSIS

    memory.pl [--uri URI] DOMAIN [KIB]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

KIB is the new size. The guest returns or receives memory through its balloon driver.

=cut
