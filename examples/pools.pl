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

for my $pool ( sort { $a->get_name cmp $b->get_name } $conn->list_all_storage_pools ) {
    my $info = $pool->get_info;
    printf "%-20s %10d of %10d MiB  %s\n", $pool->get_name,
        ( map { $_ / 2**20 } @{$info}{qw(allocation capacity)} ),
        lc $pool->name_of( 'STATE', $info->{state} );
    next if !$pool->is_active;
    for my $vol ( sort { $a->get_name cmp $b->get_name } $pool->list_all_volumes ) {
        my $size = $vol->get_info;
        printf "  %-18s %10d of %10d MiB\n", $vol->get_name,
            map { $_ / 2**20 } @{$size}{qw(allocation capacity)};
    }
}

__END__

=head1 NAME

pools.pl - shows the storage pools and their volumes

=head1 SYNOPSIS

    pools.pl [--uri URI]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Prints capacity and allocation in MiB.

=cut
