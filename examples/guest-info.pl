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

guest-info.pl - tells what the agent in a guest knows of it

=head1 SYNOPSIS

    guest-info.pl [--uri URI] DOMAIN

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; C<test:///default> unless given.

=item B<--help>

This text.

=back

=head1 DESCRIPTION

Operating system, host name, users, time zone. Needs a guest with an agent.

=cut
