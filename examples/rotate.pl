#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use POSIX        ();
use Sys::Virt;

eval { require XML::LibXML; 1 } or die "XML::LibXML is needed (Debian: libxml-libxml-perl)\n";

my %option = ( uri => 'test:///default', keep => 7, prefix => 'rotate' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help', 'keep=i', 'prefix=s' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2) if @ARGV != 1 || $option{keep} < 1 || $option{prefix} !~ /\A[\w-]+\z/;

my $dom = Sys::Virt->new( uri => $option{uri} )->get_domain_by_name( $ARGV[0] );

# The snapshots of this program, oldest first: by the creation time that libvirt recorded, and then by the number in the name.
my @ours = sort { $a->[1] <=> $b->[1] || $a->[2] <=> $b->[2] } map { [ $_, age($_) ] }
    grep { $_->get_name =~ /\A\Q$option{prefix}\E-\d+\z/ } $dom->list_all_snapshots;

sub age {
    my ($snapshot) = @_;
    my $xml        = XML::LibXML->load_xml( string => $snapshot->get_xml_description );
    my ($number)   = $snapshot->get_name =~ /(\d+)\z/;
    return ( $xml->findvalue('/domainsnapshot/creationTime'), $number );
}

# Create the new snapshot first: if that fails, nothing is deleted.
my $number = 1 + ( sort { $b <=> $a } 0, map { $_->[2] } @ours )[0];
my $name   = "$option{prefix}-$number";
$dom->create_snapshot(
    "<domainsnapshot><name>$name</name><description>rotate.pl</description></domainsnapshot>");
print "created $name\n";
for my $old ( @ours > $option{keep} - 1 ? @ours[ 0 .. @ours - $option{keep} ] : () ) {
    my $gone = $old->[0]->get_name;
    $old->[0]->delete;
    print "deleted $gone\n";
}

__END__

=head1 NAME

rotate.pl - takes a snapshot of a domain, and deletes the oldest

=head1 SYNOPSIS

    rotate.pl [--uri URI] [--keep N] [--prefix PREFIX] DOMAIN

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--keep> N

The number of snapshots to keep, including the new one; the default is 7.

=item B<--prefix> PREFIX

The prefix of the snapshots' names; the default is C<rotate>. Snapshots with other names are not changed.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Needs L<XML::LibXML> (Debian: C<libxml-libxml-perl>).

=cut
