#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;

my $uri = 'test:///default';
Getopt::Long::GetOptions( 'uri=s' => \$uri, 'help' => \my $help ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $help;

my $conn  = Sys::Virt->new( uri => $uri, readonly => 1 );
my @state = qw(none running blocked paused stopping off crashed asleep);

for my $dom ( sort { $a->get_name cmp $b->get_name } $conn->list_all_domains ) {
    my $info = $dom->get_info;
    printf "%-20s %-8s %3d vCPU %8d MiB  %s\n", $dom->get_name, $state[ $info->{state} ] // '?',
        $info->{nrVirtCpu},
        $info->{memory} / 1024, $dom->get_autostart ? 'starts with the host' : q{};
}

__END__

=head1 NAME

inventory.pl - lists the domains of a host

=head1 SYNOPSIS

    inventory.pl [--uri URI]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; C<test:///default> unless given. It is opened for looking only.

=item B<--help>

This text.

=back

=cut
