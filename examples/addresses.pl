#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;

my %option = ( uri => 'test:///default', source => 'lease' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help', 'source=s' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV != 1;

# A read-only connection may not ask the agent.
my $conn = Sys::Virt->new( uri => $option{uri}, readonly => $option{source} ne 'agent' );

my %source = (
    lease => Sys::Virt::Domain::INTERFACE_ADDRESSES_SRC_LEASE,
    agent => Sys::Virt::Domain::INTERFACE_ADDRESSES_SRC_AGENT,
    arp   => Sys::Virt::Domain::INTERFACE_ADDRESSES_SRC_ARP,
);
my $source = $source{ $option{source} } // Pod::Usage::pod2usage("no such source: $option{source}");
for my $nic ( $conn->get_domain_by_name( $ARGV[0] )->get_interface_addresses($source) ) {
    printf "%-10s %s\n",  $nic->{name}, $nic->{hwaddr} // q{};
    printf "    %s/%d\n", $_->{addr},   $_->{prefix} for @{ $nic->{addrs} || [] };
}

__END__

=head1 NAME

addresses.pl - shows the addresses of a guest

=head1 SYNOPSIS

    addresses.pl [--uri URI] [--source lease|agent|arp] DOMAIN

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--source> lease|agent|arp

The source of the addresses; the default is C<lease>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

The addresses come from libvirt's DHCP server (lease), from the host's ARP table (arp), or from the agent in the guest (agent).

=cut
