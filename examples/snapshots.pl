#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;
use Sys::Virt::DomainSnapshot;

my %option = ( uri => 'test:///default' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV < 1 || @ARGV > 2;

my $conn = Sys::Virt->new( uri => $option{uri} );

my ( $domain, $name ) = @ARGV;
my $dom = $conn->get_domain_by_name($domain);
$dom->create_snapshot("<domainsnapshot><name>$name</name></domainsnapshot>") if defined $name;
show( $_, 0 ) for $dom->list_all_snapshots(Sys::Virt::DomainSnapshot::LIST_ROOTS);

sub show {
    my ( $snapshot, $depth ) = @_;
    print '  ' x $depth, $snapshot->get_name, $snapshot->is_current ? ' (current)' : q{}, "\n";
    show( $_, $depth + 1 ) for $snapshot->list_all_children;
    return;
}

__END__

=head1 NAME

snapshots.pl - creates a snapshot of a domain, or shows its snapshots

=head1 SYNOPSIS

    snapshots.pl [--uri URI] DOMAIN [NAME]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

With NAME, creates a snapshot with this name. Without NAME, prints the tree of snapshots.

=cut
