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
Pod::Usage::pod2usage(2)                              if @ARGV > 1;

my $conn = Sys::Virt->new( uri => $option{uri}, readonly => 1 );

my @domains = @ARGV ? map { $conn->get_domain_by_name($_) } @ARGV : $conn->list_all_domains;
for my $dom (@domains) {
    my $info = $dom->get_info;
    my ( $state, $reason ) = $dom->get_state;
    my $name = $dom->name_of( 'STATE',       $state )  // $state;
    my $why  = $dom->name_of( "STATE_$name", $reason ) // $reason;
    my %line = (
        'UUID'       => $dom->get_uuid_string,
        'OS type'    => $dom->get_os_type,
        'State'      => lc("$name ($why)") =~ tr/_/ /r,
        'Memory'     => "$info->{memory} of $info->{maxMem} KiB",
        'CPUs'       => $info->{nrVirtCpu},
        'CPU time'   => sprintf( '%.1f s', $info->{cpuTime} / 1e9 ),
        'Persistent' => $dom->is_persistent ? 'yes' : 'no',
        'Autostart'  => $dom->get_autostart ? 'yes' : 'no',
    );
    printf "%s\n", $dom->get_name;
    printf "  %-11s %s\n", $_, $line{$_} for sort keys %line;
}

__END__

=head1 NAME

domain-info.pl - shows the properties of a domain

=head1 SYNOPSIS

    domain-info.pl [--uri URI] [NAME]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Prints the state, memory, vCPUs and autostart of the domain NAME, or of all domains.

=cut
