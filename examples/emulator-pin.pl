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

emulator-pin.pl - shows or sets on which processors of the host the emulator of a domain runs

=head1 SYNOPSIS

    emulator-pin.pl [--uri URI] DOMAIN [PROCESSORS]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; C<test:///default> unless given.

=item B<--help>

This text.

=back

=head1 DESCRIPTION

The emulator is what is left of QEMU beside the virtual processors. PROCESSORS are numbers, separated by commas. Needs a
real hypervisor.

=cut
