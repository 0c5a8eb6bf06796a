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
Pod::Usage::pod2usage(2)                              if @ARGV != 2;

my ( $kind, $name ) = @ARGV;
my %lookup = (
    domain    => 'get_domain_by_name',
    network   => 'get_network_by_name',
    pool      => 'get_storage_pool_by_name',
    secret    => 'get_secret_by_uuid',
    nwfilter  => 'get_nwfilter_by_name',
    device    => 'get_node_device_by_name',
    interface => 'get_interface_by_name',
);
my $lookup = $lookup{$kind} or Pod::Usage::pod2usage("no such kind: $kind");
my $conn   = Sys::Virt->new( uri => $option{uri}, readonly => 1 );
print $conn->$lookup($name)->get_xml_description;

__END__

=head1 NAME

xml.pl - prints the XML of a libvirt object

=head1 SYNOPSIS

    xml.pl [--uri URI] TYPE NAME

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

TYPE is one of domain, network, pool, secret, nwfilter, device, interface. The NAME of a secret is its UUID.

=cut
