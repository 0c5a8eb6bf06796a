#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;

my %option = ( uri => 'test:///default' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help', 'xml' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV;

my $conn = Sys::Virt->new( uri => $option{uri}, readonly => 1 );

printf "%s %s, libvirt %s, on %s\n", $conn->get_type, version( $conn->get_version ),
    version( $conn->get_library_version ), $conn->get_hostname;
print $conn->is_encrypted ? "encrypted\n" : "not encrypted\n";
my @models = eval { $conn->get_cpu_model_names('x86_64') };
printf "%d CPU models\n", scalar @models if @models;
print $conn->get_capabilities if $option{xml};

sub version {
    my ($number) = @_;
    return join '.', int( $number / 1e6 ), int( $number / 1e3 ) % 1e3, $number % 1e3;
}

__END__

=head1 NAME

capabilities.pl - shows the capabilities of the host and its hypervisor

=head1 SYNOPSIS

    capabilities.pl [--uri URI] [--xml]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--xml>

Also prints the capabilities as XML.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Prints versions and CPU models, and with C<--xml> the capabilities as XML.

=cut
