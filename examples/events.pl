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

# A constant's name in words; the number if the constant is unknown.
sub words {
    my ( $class, $group, $value ) = @_;
    return lc( $class->name_of( $group, $value ) // $value ) =~ tr/_/ /r;
}

Sys::Virt::Event::register_default();
local $| = 1;
my $conn = Sys::Virt->new( uri => $uri );

# Register for all events that this libvirt and this driver support: of domains, and then of other objects.
my @taken;    # functions that unregister the callbacks
for my $constant ( sort grep { /\AEVENT_ID_/ } keys %Sys::Virt::Domain:: ) {
    my $kind = lc $constant =~ s/\AEVENT_ID_//r;
    my $tell = sub {
        my ( undef, $dom, @more ) = @_;
        if ( $kind eq 'lifecycle' ) {
            my $event = words( 'Sys::Virt::Domain', 'EVENT',              $more[0] );
            my $why   = words( 'Sys::Virt::Domain', 'EVENT_' . uc $event, $more[1] );
            return printf "%s: %s (%s)\n", $dom->get_name, $event, $why;
        }
        return printf "%s: %s %s\n", $dom->get_name, $kind, join ', ', map { text($_) } @more;
    };
    my $number =
        eval { $conn->domain_event_register_any( undef, Sys::Virt::Domain->can($constant)->(), $tell ) };
    push @taken, [ domain_event_deregister_any => $number ] if defined $number;
}
my %lifecycle = (
    network      => [ 'Sys::Virt::Network',     Sys::Virt::Network::EVENT_ID_LIFECYCLE ],
    storage_pool => [ 'Sys::Virt::StoragePool', Sys::Virt::StoragePool::EVENT_ID_LIFECYCLE ],
    node_device  => [ 'Sys::Virt::NodeDevice',  Sys::Virt::NodeDevice::EVENT_ID_LIFECYCLE ],
    secret       => [ 'Sys::Virt::Secret',      Sys::Virt::Secret::EVENT_ID_LIFECYCLE ],
);
for my $kind ( sort keys %lifecycle ) {
    my ( $class, $id ) = @{ $lifecycle{$kind} };
    my $tell = sub {
        my ( undef, $object, $event ) = @_;
        my $name = $kind eq 'secret' ? $object->get_uuid_string : $object->get_name;
        printf "%s %s: %s\n", $kind =~ tr/_/ /r, $name, words( $class, 'EVENT', $event );
    };
    my $register = "${kind}_event_register_any";
    my $number   = eval { $conn->$register( undef, $id, $tell ) };
    push @taken, [ "${kind}_event_deregister_any" => $number ] if defined $number;
}
die "$uri supports no events\n" if !@taken;

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

# Formats an argument of an event, which may be a hash or a list of hashes.
sub text {
    my ($value) = @_;
    return
          ref $value eq 'HASH'  ? join q{ }, map { "$_=" . text( $value->{$_} ) } sort keys %$value
        : ref $value eq 'ARRAY' ? join q{ }, map { text($_) } @$value
        :                         $value // '-';
}

__END__

=head1 NAME

events.pl - prints the events of a host

=head1 SYNOPSIS

    events.pl [--uri URI] [--seconds N]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>. On the default connection the script pauses a domain and stops a network,
to cause events.

=item B<--seconds> N

How long to watch; the default is 2.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Prints all events of domains, and the lifecycle events of networks, storage pools, node devices and secrets. The section EVENTS of
L<Sys::Virt> describes the arguments of events.

=cut
