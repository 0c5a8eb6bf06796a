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

my ( $name, $where ) = @ARGV;
my $dom = $conn->get_domain_by_name($name);
if ( defined $where ) {
    my $mask = q{};
    vec( $mask, $_, 1 ) = 1 for split /,/, $where;
    $dom->pin_emulator($mask);
}
my $mask = $dom->get_emulator_pin_info;
print join( ',', grep { vec $mask, $_, 1 } 0 .. 8 * length($mask) - 1 ), "\n";

__END__

=head1 NAME

emulator-pin.pl - shows or sets the host CPUs on which the emulator of a domain may run

=head1 SYNOPSIS

    emulator-pin.pl [--uri URI] DOMAIN [CPUS]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

The emulator is the part of QEMU other than the vCPUs. CPUS is a list of numbers, separated by commas. Needs a real hypervisor.

=cut
