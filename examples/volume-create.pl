#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;

my %option = ( uri => 'test:///default', format => 'raw' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help', 'format=s' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV != 3;

my $conn = Sys::Virt->new( uri => $option{uri} );

my ( $pool, $name, $mib ) = @ARGV;
my $vol = $conn->get_storage_pool_by_name($pool)->create_volume(<<"XML");
<volume>
  <name>$name</name>
  <capacity unit='MiB'>$mib</capacity>
  <target><format type='$option{format}'/></target>
</volume>
XML
print $vol->get_path, "\n";

__END__

=head1 NAME

volume-create.pl - creates a volume in a storage pool

=head1 SYNOPSIS

    volume-create.pl [--uri URI] [--format FORMAT] POOL NAME MIB

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--format> FORMAT

The format of the volume, such as C<raw> (the default) or C<qcow2>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

MIB is the size of the volume.

=cut
