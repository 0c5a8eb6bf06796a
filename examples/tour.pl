#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;
use Sys::Virt::Event;

my $uri = 'test:///default';
Getopt::Long::GetOptions( 'uri=s' => \$uri, 'help' => \my $help ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $help;

sub title { my ($text) = @_; return print "\n$text\n", q{-} x length $text, "\n" }

sub version {
    my ($number) = @_;
    return join q{.}, int $number / 1_000_000, int $number / 1_000 % 1_000, $number % 1_000;
}

Sys::Virt::Event::register_default();
my $conn = Sys::Virt->new( uri => $uri );

title('The connection');
printf "Sys::Virt %s on libvirt %s, connected to %s\n", $Sys::Virt::VERSION,
    version( Sys::Virt->get_version ),
    $conn->get_uri;
my $node = $conn->get_node_info;
printf "The host %s has %d CPUs and %d MiB of memory\n", $conn->get_hostname, $node->{cpus},
    $node->{memory} / 1024;

title('Its domains');
my %state =
    ( Sys::Virt::Domain::STATE_RUNNING() => 'running', Sys::Virt::Domain::STATE_PAUSED() => 'paused' );
for my $dom ( $conn->list_all_domains ) {
    my $info = $dom->get_info;
    printf "%-10s %s  %-8s %d vCPU  %d MiB\n", $dom->get_name, $dom->get_uuid_string,
        $state{ $info->{state} } || 'other', $info->{nrVirtCpu}, $info->{memory} / 1024;
}

title('Networks and storage');
printf "network %-14s %s\n", $_->get_name, $_->is_active ? 'active' : 'inactive' for $conn->list_all_networks;
for my $pool ( $conn->list_all_storage_pools ) {
    my $info = $pool->get_info;
    printf "pool    %-14s %d GiB, %d GiB free\n", $pool->get_name,
        map { $info->{$_} >> 30 } qw(capacity available);
}

if ( $uri =~ m{\Atest:} ) {
    title('Create, tune and remove a domain');
    my @events;
    my @kind = qw(defined undefined started suspended resumed stopped shutdown pmsuspended crashed);
    $conn->domain_event_register_any(
        undef,
        Sys::Virt::Domain::EVENT_ID_LIFECYCLE(),
        sub { my ( undef, $dom, $event ) = @_; push @events, $dom->get_name . q{ } . $kind[$event] }
    );
    my $dom = $conn->define_domain(<<'XML');
<domain type='test'>
  <name>tour</name>
  <memory unit='MiB'>256</memory>
  <vcpu>2</vcpu>
  <os><type>hvm</type></os>
</domain>
XML
    $dom->create;
    printf "%s runs with id %d\n", $dom->get_name, $dom->get_id;
    $dom->set_memory( 128 * 1024 );
    printf "it now has %d MiB\n", $dom->get_info->{memory} / 1024;
    $dom->destroy;
    $dom->undefine;
    my $timer = Sys::Virt::Event::add_timeout( 0, sub { } );
    Sys::Virt::Event::run_default() for 1 .. 3;
    Sys::Virt::Event::remove_timeout($timer);
    print "seen: $_\n" for @events;

    title('An error');
    eval { $conn->get_domain_by_name('tour') };
    printf "%s: %s\n", ref $@, $@->message;
    print "its code is ERR_NO_DOMAIN\n" if $@->code == Sys::Virt::Error::ERR_NO_DOMAIN();
}
print "\nThe manual: ./run --doc (once installed: perldoc Sys::Virt)\n";

__END__

=head1 NAME

tour.pl - a tour of Sys::Virt on libvirt's test driver

=head1 SYNOPSIS

    tour.pl [--uri URI]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>. The script changes objects only on the default connection.

=item B<--help>

Prints this text.

=back

=cut
