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

my $failed = 0;
for my $uri ( @ARGV ? @ARGV : $option{uri} ) {
    my $conn = eval { Sys::Virt->new( uri => $uri, readonly => 1 ) };
    if ( !$conn ) {
        printf "%-30s %s\n", $uri, ref $@ ? $@->message : $@;
        $failed = 1;
        next;
    }
    my @domains = $conn->list_all_domains;
    printf "%-30s %d domains, %d of them active\n", $uri, scalar @domains, $conn->num_of_domains;
}
exit $failed;

__END__

=head1 NAME

many-hosts.pl - counts the domains of many hosts

=head1 SYNOPSIS

    many-hosts.pl [--uri URI] [URI ...]

=head1 OPTIONS

=over

=item B<--uri> URI

The host, if none is named otherwise; C<test:///default> unless given.

=item B<--help>

This text.

=back

=head1 DESCRIPTION

Each URI is asked in turn; one that fails is reported and does not stop the others. The status is 1 if any failed.

=cut
