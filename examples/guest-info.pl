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
Pod::Usage::pod2usage(2)                              if @ARGV != 1;

my $conn = Sys::Virt->new( uri => $option{uri} );

my $info = $conn->get_domain_by_name( $ARGV[0] )->get_guest_info;
printf "%-30s %s\n", $_, $info->{$_} for sort keys %$info;

__END__

=head1 NAME

guest-info.pl - shows information from the agent in a guest

=head1 SYNOPSIS

    guest-info.pl [--uri URI] DOMAIN

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Prints the operating system, host name, users and time zone of the guest. Needs a guest with an agent.

=cut
