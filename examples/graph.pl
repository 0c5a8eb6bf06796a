#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;

eval { require XML::LibXML; 1 } or die "XML::LibXML is needed (Debian: libxml-libxml-perl)\n";

my %option = ( uri => 'test:///default' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help', 'output=s' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV;

my $conn = Sys::Virt->new( uri => $option{uri}, readonly => 1 );
my ( @nodes, @edges, %pool_of );

sub quoted { my ($string) = @_; return q{"} . $string =~ s/"/\\"/gr . q{"} }

sub node {
    my ( $id, %attribute ) = @_;
    push @nodes, sprintf '%s [%s];', quoted($id), join ', ',
        map { "$_=" . quoted( $attribute{$_} ) } sort keys %attribute;
    return;
}

sub edge {
    my ( $from, $to, $label ) = @_;
    push @edges, sprintf '%s -- %s [label=%s];', map { quoted($_) } $from, $to, $label;
    return;
}

node( 'host', label => $conn->get_hostname, shape => 'box3d', fillcolor => '#dddddd' );
for my $network ( $conn->list_all_networks ) {
    my $name   = $network->get_name;
    my $bridge = eval { $network->get_bridge_name } // q{};
    node(
        "network $name",
        label     => "$name\\n$bridge",
        shape     => 'ellipse',
        fillcolor => $network->is_active ? '#cfe8ff' : '#eeeeee'
    );
    edge( 'host', "network $name", q{} );
}
for my $pool ( $conn->list_all_storage_pools ) {
    my $name = $pool->get_name;
    my $info = $pool->get_info;
    node(
        "pool $name",
        label =>
            sprintf( '%s\n%.0f of %.0f GiB', $name, map { $_ / 2**30 } @{$info}{qw(allocation capacity)} ),
        shape     => 'cylinder',
        fillcolor => $pool->is_active ? '#fff2c4' : '#eeeeee'
    );
    edge( 'host', "pool $name", q{} );
    $pool_of{ $_->get_path } = $name for $pool->is_active ? $pool->list_all_volumes : ();
}
for my $dom ( $conn->list_all_domains ) {
    my $name  = $dom->get_name;
    my $info  = $dom->get_info;
    my $state = lc( $dom->name_of( 'STATE', $info->{state} ) // $info->{state} );
    node(
        "domain $name",
        label =>
            sprintf( '%s\n%s\n%d vCPU, %d MiB', $name, $state, $info->{nrVirtCpu}, $info->{memory} / 1024 ),
        shape     => 'box',
        fillcolor => $dom->is_active ? '#cdf2cd' : '#eeeeee'
    );
    my $xml   = XML::LibXML->load_xml( string => $dom->get_xml_description );
    my $edges = 0;
    for my $card ( $xml->findnodes('/domain/devices/interface') ) {
        my $network = $card->findvalue('source/@network') or next;
        edge( "network $network", "domain $name", $card->findvalue('mac/@address') );
        $edges++;
    }
    for my $disk ( $xml->findnodes('/domain/devices/disk') ) {
        my $pool = $disk->findvalue('source/@pool') || $pool_of{ $disk->findvalue('source/@file') } or next;
        edge( "pool $pool", "domain $name", $disk->findvalue('target/@dev') );
    }
    edge( 'host', "domain $name", q{} ) if !$edges;
}

my $graph = join "\n", 'graph libvirt {',
    'graph [rankdir=LR, fontname="sans-serif", label=' . quoted( $conn->get_uri ) . '];',
    'node [style=filled, fontname="sans-serif"];',
    'edge [fontname="sans-serif", fontsize=9, color="#666666"];', @nodes, @edges, "}\n";
if ( !defined $option{output} ) {
    print $graph;
    exit;
}
my ($format) = $option{output} =~ /[.](svg|png|pdf)\z/
    or die "$option{output}: its name must end in .svg, .png or .pdf\n";
open my $dot, q{|-}, 'dot', "-T$format", '-o', $option{output} or die "dot: $! (Debian: graphviz)\n";
print {$dot} $graph;
close $dot or die "dot failed\n";

__END__

=head1 NAME

graph.pl - draws a host with its networks, pools and domains

=head1 SYNOPSIS

    graph.pl [--uri URI] [--output FILE]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>. It is opened read-only.

=item B<--output> FILE

Draws to a file whose name ends in F<.svg>, F<.png> or F<.pdf>, with the program C<dot> of Graphviz. The default is to print the
graph in the language of that program.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Needs L<XML::LibXML> (Debian: C<libxml-libxml-perl>).

=cut
