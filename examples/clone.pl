#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;

eval { require XML::LibXML; 1 } or die "XML::LibXML is needed (Debian: libxml-libxml-perl)\n";

my %option = ( uri => 'test:///default' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
my ( $from, $to ) = @ARGV;
Pod::Usage::pod2usage(2) if @ARGV != 2;

my $conn = Sys::Virt->new( uri => $option{uri} );
my $dom  = $conn->get_domain_by_name($from);
die "$from is running: its disks would be copied while they change\n" if $dom->is_active;

my $xml = XML::LibXML->load_xml(
    string => $dom->get_xml_description( Sys::Virt::Domain::XML_INACTIVE | Sys::Virt::Domain::XML_SECURE ) );
my ($root) = $xml->findnodes('/domain');
set( $root, 'name', $to );

# Elements that must be unique: libvirt generates new ones.
$_->unbindNode
    for $root->findnodes(
    'uuid | title | os/nvram | devices/interface/mac | devices/interface/target | genid');

my @new;
my $done = eval {
    for my $disk ( $root->findnodes('devices/disk[@device="disk" and source]') ) {
        my ($source) = $disk->findnodes('source');
        next if $disk->findnodes('readonly | shareable');
        my $volume = volume_of($source)
            or die 'disk ', $disk->findvalue('target/@dev'), " is not in a storage pool\n";
        my $pool  = $conn->get_storage_pool_by_volume($volume);
        my $new   = XML::LibXML->load_xml( string => $volume->get_xml_description );
        my ($top) = $new->findnodes('/volume');
        my $name  = $volume->get_name;
        set( $top, 'name',
            $name =~ s/\A\Q$from\E/$to/r eq $name ? "$to-$name" : $name =~ s/\A\Q$from\E/$to/r );
        $_->unbindNode for $top->findnodes('key | target/path | allocation | physical');
        my $copy = $pool->clone_volume( $new->toString, $volume );
        push @new, $copy;
        $source->hasAttribute('volume')
            ? $source->setAttribute( volume => $copy->get_name )
            : $source->setAttribute( file   => $copy->get_path );
        print $volume->get_path, ' -> ', $copy->get_path, "\n";
    }
    $conn->define_domain( $xml->toString );
    1;
};
if ( !$done ) {    # remove what was created
    my $error = $@;
    eval { $_->delete } for @new;
    die $error;
}
print "$to is defined\n";

sub set {
    my ( $parent, $name, $text ) = @_;
    my ($element) = $parent->findnodes($name);
    $element->removeChildNodes;
    $element->appendText($text);
    return;
}

sub volume_of {
    my ($source) = @_;
    my ( $pool, $volume, $file ) = map { $source->getAttribute($_) } qw(pool volume file);
    return $conn->get_storage_pool_by_name($pool)->get_volume_by_name($volume) if defined $volume;
    return defined $file ? eval { $conn->get_storage_volume_by_path($file) } : undef;
}

__END__

=head1 NAME

clone.pl - copies an inactive domain with its disks

=head1 SYNOPSIS

    clone.pl [--uri URI] DOMAIN NEW-NAME

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Needs L<XML::LibXML> (Debian: C<libxml-libxml-perl>). The disks have to be volumes of storage pools, which copy them on
the host. Read-only and shared disks are not copied. The new domain gets a new UUID and new MAC addresses. If anything
fails, the new volumes are deleted. Data inside the guest, such as its host name and keys, is the same as in the
original; to change it, see F<cloud-init.pl> or C<virt-sysprep>.

=cut
