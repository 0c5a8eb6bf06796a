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
my $conn = Sys::Virt->new( uri => $uri );
my $id   = $conn->domain_event_register_any(
    undef,
    Sys::Virt::Domain::EVENT_ID_LIFECYCLE(),
    sub {
        my ( undef, $dom, $event, $detail ) = @_;
        printf "%s: %s (%d)\n", $dom->get_name, $names[$event] // $event, $detail;
    }
);

my $done;
Sys::Virt::Event::add_timeout( $seconds * 1000, sub { $done = 1 } );
if ( $uri =~ /\Atest:/ ) {
    my $dom = $conn->get_domain_by_name('test');
    $dom->suspend;
    $dom->resume;
}
Sys::Virt::Event::run_default() until $done;
$conn->domain_event_deregister_any($id);

__END__

=head1 NAME

events.pl - tells what happens to the domains of a host

=head1 SYNOPSIS

    events.pl [--uri URI] [--seconds N]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; C<test:///default> unless given. There it pauses a domain, so that something happens.

=item B<--seconds> N

How long to watch, 2 unless given.

=item B<--help>

This text.

=back

=cut
