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
Pod::Usage::pod2usage(2)                              if @ARGV != 1;

my $conn = Sys::Virt->new( uri => $option{uri}, readonly => 1 );

for my $lease ( $conn->get_network_by_name( $ARGV[0] )->get_dhcp_leases ) {
    printf "%-18s %-16s %-16s until %s\n", $lease->{mac} // '-', "$lease->{ipaddr}/$lease->{prefix}",
        $lease->{hostname} // '-', scalar localtime $lease->{expirytime};
}

__END__

=head1 NAME

leases.pl - shows the DHCP leases of a network

=head1 SYNOPSIS

    leases.pl [--uri URI] NETWORK

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Prints one line for each lease of libvirt's DHCP server, with the time when the lease expires.

=cut
