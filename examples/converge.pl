#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;

my %option = ( uri => 'test:///default' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help', 'xml=s', 'force=i', 'timeout=i', 'dry-run' )
    or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if !@ARGV || @ARGV % 3;

my $conn = Sys::Virt->new( uri => $option{uri} );
my %more = map { exists $option{$_} ? ( $_ => $option{$_} ) : () } 'timeout';
$more{dry_run} = $option{'dry-run'};
while ( my ( $kind, $name, $state ) = splice @ARGV, 0, 3 ) {
    my $method = $conn->can("ensure_$kind") or Pod::Usage::pod2usage("no such type: $kind");
    my %its    = $kind eq 'domain' ? ( force => $option{force} ) : ();
    $its{xml} = slurp("$option{xml}/$kind-$name.xml") if defined $option{xml};
    my $changed = $conn->$method( $name, $state, %more, %its );
    printf "%s %s: %s %s\n", $kind, $name, $state,
        !$changed ? 'already' : $option{'dry-run'} ? 'wanted' : 'now';
}

sub slurp {
    my ($file) = @_;
    open my $handle, '<', $file or return;
    local $/ = undef;
    return scalar <$handle>;
}

__END__

=head1 NAME

converge.pl - brings objects into a given state

=head1 SYNOPSIS

    converge.pl [--uri URI] [--xml DIRECTORY] [--force N] [--timeout N] [--dry-run] TYPE NAME STATE...

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--xml> DIRECTORY

The directory with the definitions of objects that do not exist: F<domain-web.xml> and so on.

=item B<--force> N

Turns a guest off that has not shut down after N seconds.

=item B<--timeout> N

Stops waiting for each object after N seconds; the default is 120.

=item B<--dry-run>

Changes nothing, and prints the changes that would be made.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

TYPE is domain, network or storage_pool; STATE is running, stopped, absent or present. Prints for each object whether it had to be
changed. A second run changes nothing.

=cut
