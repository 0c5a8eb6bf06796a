#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use POSIX        ();
use Pod::Usage   ();
use Sys::Virt;
use Sys::Virt::Event;
use Sys::Virt::Reconnect;

my %option = ( uri => 'test:///default', attempts => 0 );
Getopt::Long::GetOptions( \%option, 'uri=s', 'seconds=i', 'attempts=i', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV;

local $| = 1;
Sys::Virt::Event::register_default();

# The state of each domain by UUID, as far as it is known.
my ( %known, $gave_up );

my $rc = Sys::Virt::Reconnect->new(
    uri      => $option{uri},
    readonly => 1,
    $option{attempts} ? ( attempts => $option{attempts} ) : (),
    on_connect => sub {
        my ( undef, $conn, $snapshot ) = @_;
        my $now = $snapshot->{domain};
        say_that( "connected to " . $conn->get_uri );
        note( $_, @{ $now->{$_} }{qw(name state)} )
            for sort { $now->{$a}{name} cmp $now->{$b}{name} } keys %$now;
        note( $_, $known{$_}{name}, undef ) for grep { !$now->{$_} } sort keys %known;
    },
    on_disconnect => sub { say_that( 'connection lost: ' . $_[1]->message ) },
    on_retry      =>
        sub { say_that( sprintf 'no connection: %s; next attempt in %.1f s', $_[1]->message, $_[2] ) },
    on_give_up => sub { $gave_up = $_[1] },
);

my %state = (
    Sys::Virt::Domain::EVENT_STARTED()     => Sys::Virt::Domain::STATE_RUNNING,
    Sys::Virt::Domain::EVENT_RESUMED()     => Sys::Virt::Domain::STATE_RUNNING,
    Sys::Virt::Domain::EVENT_SUSPENDED()   => Sys::Virt::Domain::STATE_PAUSED,
    Sys::Virt::Domain::EVENT_PMSUSPENDED() => Sys::Virt::Domain::STATE_PMSUSPENDED,
    Sys::Virt::Domain::EVENT_STOPPED()     => Sys::Virt::Domain::STATE_SHUTOFF,
    Sys::Virt::Domain::EVENT_DEFINED()     => Sys::Virt::Domain::STATE_SHUTOFF,
    Sys::Virt::Domain::EVENT_CRASHED()     => Sys::Virt::Domain::STATE_CRASHED,
);
$rc->domain_event_register_any(
    undef,
    Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
    sub {
        my ( undef, $dom, $event ) = @_;
        my $uuid = $dom->get_uuid_string;
        return if $event == Sys::Virt::Domain::EVENT_DEFINED && $known{$uuid};    # changed while it runs
        return note( $uuid, $dom->get_name, undef )          if $event == Sys::Virt::Domain::EVENT_UNDEFINED;
        return note( $uuid, $dom->get_name, $state{$event} ) if defined $state{$event};
    }
);

my $over;
Sys::Virt::Event::add_timeout( 1000 * $option{seconds}, sub { $over = 1 } ) if defined $option{seconds};
local $SIG{INT} = local $SIG{TERM} = sub { $over = 1 };
Sys::Virt::Event::add_timeout( 500, sub { } );    # so that signals are noticed
Sys::Virt::Event::run_default() until $over || $gave_up;
die $gave_up if $gave_up;

# Prints changes; a state that is already known is not a change.
sub note {
    my ( $uuid, $name, $state ) = @_;
    my $old = $known{$uuid}{state};
    return if defined $old && defined $state && $old == $state;
    if ( defined $state ) { $known{$uuid} = { name => $name, state => $state } }
    else                  { delete $known{$uuid} or return }
    say_that( "$name: "
            . ( defined $state ? lc Sys::Virt::Domain->name_of( STATE => $state ) // $state : 'gone' ) );
    return;
}

sub say_that {
    my ($text) = @_;
    print POSIX::strftime( '%H:%M:%S', localtime ), " $text\n";
    return;
}

__END__

=head1 NAME

monitor.pl - prints the states of all domains and their changes, also through restarts of the daemon

=head1 SYNOPSIS

    monitor.pl [--uri URI] [--seconds N] [--attempts N]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; C<test:///default> unless given.

=item B<--seconds> N

How long to watch; until it is interrupted unless given.

=item B<--attempts> N

How many attempts to connect may fail in a row; no limit unless given.

=item B<--help>

This text.

=back

=head1 DESCRIPTION

When the connection is lost, it is opened again, and what changed in between is told, too.

=cut
