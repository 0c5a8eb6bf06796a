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

for my $net ( sort { $a->get_name cmp $b->get_name } $conn->list_all_networks ) {
    printf "%-15s %-10s %-8s %-10s %s\n", $net->get_name, eval { $net->get_bridge_name } // '-',
        $net->is_active ? 'active' : 'inactive', $net->is_persistent ? 'persistent' : 'transient',
        eval { $net->get_autostart } ? 'autostart' : q{};
}

__END__

=head1 NAME

networks.pl - shows the virtual networks

=head1 SYNOPSIS

    networks.pl [--uri URI]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Prints for each network its name, its bridge, and whether it is active, persistent, and started with the host.

=cut
