#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;

my %option = ( uri => 'test:///default' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help', 'delete' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV != 1;

my $conn = Sys::Virt->new( uri => $option{uri} );

my ($path) = @ARGV;
if ( $option{delete} ) {
    my $secret = $conn->get_secret_by_usage( Sys::Virt::Secret::USAGE_TYPE_VOLUME, $path );
    $secret->undefine;
    exit 0;
}
chomp( my $value = <STDIN> // die "no input to store\n" );
my $secret = $conn->define_secret(<<"XML");
<secret ephemeral='no' private='no'><usage type='volume'><volume>$path</volume></usage></secret>
XML
$secret->set_value($value);
printf "%s holds %d bytes\n", $secret->get_uuid_string, length $secret->get_value;

__END__

=head1 NAME

secrets.pl - stores a secret in libvirt, and reads it back

=head1 SYNOPSIS

    secrets.pl [--uri URI] [--delete] PATH

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--delete>

Deletes the secret of PATH.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Defines a secret for the volume PATH, stores the first line of the standard input in it, and deletes it again with
--delete. Needs a libvirt with a secret driver.

=cut
