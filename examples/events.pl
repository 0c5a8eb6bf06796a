#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;
use Sys::Virt::Event;

my ( $uri, $seconds ) = ( 'test:///default', 2 );
Getopt::Long::GetOptions( 'uri=s' => \$uri, 'seconds=i' => \$seconds, 'help' => \my $help )
    or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $help;

my @names = qw(defined undefined started suspended resumed stopped shutdown pmsuspended crashed);
Sys::Virt::Event::register_default();
local $| = 1;
my $conn = Sys::Virt->new( uri => $uri );

# Every kind of event that this libvirt and this driver have: domains', then those of other objects.
my @taken;    # how to take each back
for my $constant ( sort grep { /\AEVENT_ID_/ } keys %Sys::Virt::Domain:: ) {
    my $kind = lc $constant =~ s/\AEVENT_ID_//r;
    my $tell = sub {
        my ( undef, $dom, @more ) = @_;
        return printf "%s: %s (%d)\n", $dom->get_name, $names[ $more[0] ] // $more[0], $more[1]
            if $kind eq 'lifecycle';
        return printf "%s: %s %s\n", $dom->get_name, $kind, join ', ', map { text($_) } @more;
    };
    my $number =
        eval { $conn->domain_event_register_any( undef, Sys::Virt::Domain->can($constant)->(), $tell ) };
    push @taken, [ domain_event_deregister_any => $number ] if defined $number;
}
my %lifecycle = (
    network      => Sys::Virt::Network::EVENT_ID_LIFECYCLE,
    storage_pool => Sys::Virt::StoragePool::EVENT_ID_LIFECYCLE,
    node_device  => Sys::Virt::NodeDevice::EVENT_ID_LIFECYCLE,
    secret       => Sys::Virt::Secret::EVENT_ID_LIFECYCLE,
);
for my $kind ( sort keys %lifecycle ) {
    my $tell = sub {
        my ( undef, $object, $event, $detail ) = @_;
        my $name = $kind eq 'secret' ? $object->get_uuid_string : $object->get_name;
        printf "%s %s: event %d (%d)\n", $kind =~ tr/_/ /r, $name, $event, $detail;
    };
    my $register = "${kind}_event_register_any";
    my $number   = eval { $conn->$register( undef, $lifecycle{$kind}, $tell ) };
    push @taken, [ "${kind}_event_deregister_any" => $number ] if defined $number;
}
die "no event of $uri can be watched\n" if !@taken;

my $done;
Sys::Virt::Event::add_timeout( $seconds * 1000, sub { $done = 1 } );
if ( $uri =~ /\Atest:/ ) {
    my $dom = $conn->get_domain_by_name('test');
    $dom->suspend;
    $dom->resume;
    $conn->get_network_by_name('default')->destroy;
}
Sys::Virt::Event::run_default() until $done;
for my $callback (@taken) {
    my ( $deregister, $number ) = @$callback;
    $conn->$deregister($number);
}

# An argument of an event, some of which are hashes or lists of them.
sub text {
    my ($value) = @_;
    return
          ref $value eq 'HASH'  ? join q{ }, map { "$_=" . text( $value->{$_} ) } sort keys %$value
        : ref $value eq 'ARRAY' ? join q{ }, map { text($_) } @$value
        :                         $value // '-';
}

__END__

=head1 NAME

events.pl - tells what happens on a host

=head1 SYNOPSIS

    events.pl [--uri URI] [--seconds N]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; C<test:///default> unless given. There it pauses a domain and stops a network, so that something happens.

=item B<--seconds> N

How long to watch, 2 unless given.

=item B<--help>

This text.

=back

=head1 DESCRIPTION

Watches all events of domains, and what comes and goes of networks, storage pools, node devices and secrets. What an event's
arguments mean stands in C<perldoc Sys::Virt> under EVENTS.

=cut
