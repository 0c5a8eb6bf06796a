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

my %children;
for my $dev ( $conn->list_all_node_devices ) {
    my $parent = eval { $dev->get_parent } // q{};    # for the root, libvirt throws
    push @{ $children{$parent} }, $dev->get_name;
}
branch( q{}, 0 );

sub branch {
    my ( $parent, $depth ) = @_;
    for my $name ( sort @{ $children{$parent} || [] } ) {
        print '  ' x $depth, $name, "\n";
        branch( $name, $depth + 1 );
    }
    return;
}

__END__

=head1 NAME

node-devices.pl - shows the devices of the host as a tree

=head1 SYNOPSIS

    node-devices.pl [--uri URI]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Prints each device below its parent.

=cut
