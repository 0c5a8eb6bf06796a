#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use File::Temp   ();
use Getopt::Long ();
use JSON::PP     ();
use Pod::Usage   ();
use Sys::Virt;

eval { require XML::LibXML; 1 } or die "XML::LibXML is needed (Debian: libxml-libxml-perl)\n";

my %option = (
    uri     => 'test:///default',
    memory  => 1024,
    vcpus   => 1,
    network => 'default',
    user    => 'admin',
    type    => 'kvm'
);
Getopt::Long::GetOptions( \%option, 'uri=s', 'help', 'memory=i', 'vcpus=i', 'network=s', 'user=s', 'key=s@',
    'type=s', 'size=i' )
    or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
my ( $name, $pool_name, $image ) = @ARGV;
Pod::Usage::pod2usage(2) if @ARGV != 3;

my $conn = Sys::Virt->new( uri => $option{uri} );
my $pool = $conn->get_storage_pool_by_name($pool_name);
my $base = $pool->get_volume_by_name($image);
my @new;
my $done = eval { make(); 1 };
if ( !$done ) {    # remove what was created
    my $error = $@;
    eval { $_->delete } for reverse @new;
    die $error;
}

sub make {
    my $disk = overlay();
    my $seed = seed();
    my $dom  = $conn->define_domain( domain( $disk->get_path, $seed->get_path ) );
    $dom->create;
    print "$name is starting from a copy of $image, as user $option{user}\n";
    return;
}

# Builds a document from nested arrays: [name, {attributes}, children or strings ...].
sub document {
    my ($tree) = @_;
    my $document = XML::LibXML::Document->new;
    my $build;
    $build = sub {
        my ( $tag, $attributes, @children ) = @{ $_[0] };
        my $element = $document->createElement($tag);
        $element->setAttribute( $_, $attributes->{$_} ) for sort keys %$attributes;
        for my $child (@children) {
            ref $child ? $element->appendChild( $build->($child) ) : $element->appendText($child);
        }
        return $element;
    };
    $document->setDocumentElement( $build->($tree) );
    undef $build;
    return $document->toString;
}

# Creates a disk with the content of the image, which does not change.
sub overlay {
    my $capacity = $option{size} ? $option{size} * 2**30 : $base->get_info->{capacity};
    my $format   = XML::LibXML->load_xml( string => $base->get_xml_description )
        ->findvalue('/volume/target/format/@type') || 'raw';
    my $volume = $pool->create_volume(
        document(
            [
                volume => {},
                [ name         => {}, "$name.qcow2" ],
                [ capacity     => {}, $capacity ],
                [ target       => {}, [ format => { type => 'qcow2' } ] ],
                [ backingStore => {}, [ path => {}, $base->get_path ], [ format => { type => $format } ] ],
            ]
        )
    );
    push @new, $volume;
    return $volume;
}

# The settings for cloud-init, as an ISO image with the label that cloud-init expects. JSON is valid YAML.
sub seed {
    my $folder = File::Temp->newdir;
    my $json   = JSON::PP->new->canonical;
    my %files  = (
        'meta-data' => $json->encode( { 'instance-id' => "$name-" . time, 'local-hostname' => $name } ),
        'user-data' => "#cloud-config\n"
            . $json->encode(
            {
                users => [
                    {
                        name                => $option{user},
                        sudo                => 'ALL=(ALL) NOPASSWD:ALL',
                        shell               => '/bin/bash',
                        ssh_authorized_keys => $option{key} // [],
                    }
                ],
            }
            ),
    );
    for my $file ( sort keys %files ) {
        open my $out, '>', "$folder/$file" or die "$file: $!\n";
        print {$out} $files{$file};
        close $out or die "$file: $!\n";
    }
    system(
        'genisoimage',       '-quiet', '-output', "$folder/seed.iso",
        '-volid',            'cidata', '-joliet', '-rock',
        "$folder/meta-data", "$folder/user-data"
        ) == 0
        or die "genisoimage failed (Debian: genisoimage)\n";
    my $size   = -s "$folder/seed.iso";
    my $volume = $pool->create_volume(
        document(
            [
                volume => {},
                [ name     => {}, "$name-seed.iso" ],
                [ capacity => {}, $size ],
                [ target   => {}, [ format => { type => 'raw' } ] ],
            ]
        )
    );
    push @new, $volume;
    my $stream = $conn->new_stream;
    $volume->upload( $stream, 0, $size );
    open my $in, '<:raw', "$folder/seed.iso" or die "seed.iso: $!\n";
    $stream->send_all(
        sub {
            my $got = read $in, $_[1], $_[2];
            return $got // -1;
        }
    );
    $stream->finish;
    return $volume;
}

sub domain {
    my ( $disk, $seed ) = @_;
    return document(
        [
            domain => { type => $option{type} },
            [ name     => {},                $name ],
            [ memory   => { unit => 'MiB' }, $option{memory} ],
            [ vcpu     => {},                $option{vcpus} ],
            [ os       => {},                [ type => {}, 'hvm' ], [ boot => { dev => 'hd' } ] ],
            [ features => {},                ['acpi'],              ['apic'] ],
            [
                devices => {},
                [
                    disk => { type => 'file', device => 'disk' },
                    [ driver => { name => 'qemu', type => 'qcow2' } ],
                    [ source => { file => $disk } ],
                    [ target => { dev  => 'vda', bus => 'virtio' } ],
                ],
                [
                    disk => { type => 'file', device => 'cdrom' },
                    [ driver => { name => 'qemu', type => 'raw' } ],
                    [ source => { file => $seed } ],
                    [ target => { dev  => 'sda', bus => 'sata' } ],
                    ['readonly'],
                ],
                [
                    interface => { type => 'network' },
                    [ source => { network => $option{network} } ],
                    [ model  => { type    => 'virtio' } ],
                ],
                [
                    channel => { type => 'unix' },
                    [ target => { type => 'virtio', name => 'org.qemu.guest_agent.0' } ]
                ],
                [ serial  => { type => 'pty' } ],
                [ console => { type => 'pty' } ],
            ],
        ]
    );
}

__END__

=head1 NAME

cloud-init.pl - starts a domain from a cloud image, with a user and ssh keys

=head1 SYNOPSIS

    cloud-init.pl [--uri URI] [--key KEY ...] [OPTIONS] NAME POOL IMAGE

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--user> USER

The user that cloud-init creates, who may use sudo; the default is C<admin>.

=item B<--key> KEY

An ssh public key of that user; may be repeated.

=item B<--memory> MIB, B<--vcpus> N, B<--size> GIB

The domain's memory (default: 1024 MiB), number of vCPUs (default: 1), and size of the disk (default: size of the image).

=item B<--network> NETWORK

The network; the default is C<default>.

=item B<--type> TYPE

The type of virtualization; the default is C<kvm>. Use C<qemu> on a host without KVM.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Needs L<XML::LibXML> (Debian: C<libxml-libxml-perl>). IMAGE is a volume in POOL, such as a distribution's cloud image.
The domain's disk is an overlay of the image, so one image can be used for any number of domains. The settings are on a
second volume, an ISO image that C<genisoimage> creates.

=cut
