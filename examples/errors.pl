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

my $conn = Sys::Virt->new( uri => $option{uri} );

my @attempts = (
    [ 'a domain that does not exist', sub { $conn->get_domain_by_name('no such domain') } ],
    [ 'invalid XML',                  sub { $conn->define_domain('<domain') } ],
    [ 'an argument of a wrong type',  sub { $conn->get_domain_by_name( [] ) } ],
);
for my $attempt (@attempts) {
    my ( $what, $code ) = @$attempt;
    next if eval { $code->(); 1 };
    my $error = $@;
    my $kind =
          !ref $error                                      ? 'a bug in the script'
        : $error->code == Sys::Virt::Error::ERR_NO_DOMAIN  ? 'nothing there'
        : $error->code == Sys::Virt::Error::ERR_XML_DETAIL ? 'rejected by the XML parser'
        :                                                    'code ' . $error->code;
    printf "%s: %s\n", $what, $kind;
}

__END__

=head1 NAME

errors.pl - shows how to distinguish errors

=head1 SYNOPSIS

    errors.pl [--uri URI]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Causes three errors, and handles each by its code.

=cut
