#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use JSON::PP     ();
use Pod::Usage   ();
use Sys::Virt;
use Sys::Virt::Event;
use Sys::Virt::QEMU;

my %option = ( uri => 'test:///default' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'human', 'events=i', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
my ( $name, $command, @arguments ) = @ARGV;
Pod::Usage::pod2usage(2) if !defined $name || !defined $command && !$option{events};

Sys::Virt::Event::register_default();
my $conn = Sys::Virt->new( uri => $option{uri} );
my $dom  = $conn->get_domain_by_name($name);
local $| = 1;

if ( $option{events} ) {
    my $show = sub {
        my ( undef, undef, $event, $seconds, $microseconds, $details ) = @_;
        printf "%s.%06d %s %s\n", scalar localtime $seconds, $microseconds, $event, $details // q{};
    };
    Sys::Virt::QEMU::monitor_event_register( $conn, $dom, undef, $show );
}

if ( defined $command && $option{human} ) {
    print Sys::Virt::QEMU::monitor_command( $dom, "$command @arguments",
        Sys::Virt::QEMU::MONITOR_COMMAND_HMP );
}
elsif ( defined $command ) {
    my %with   = map { split /=/, $_, 2 } @arguments;
    my $json   = JSON::PP->new->utf8->pretty->canonical->allow_nonref;
    my $result = eval { Sys::Virt::QEMU::monitor_json( $dom, { execute => $command, arguments => \%with } ) };
    if ( my $error = $@ ) {
        die $error if !ref $error || !$error->isa('Sys::Virt::QEMU::Error');
        die $error->class, ': ', $error->text, "\n";
    }
    print $json->encode($result) =~ s/\n?\z/\n/r;
}

if ( $option{events} ) {
    my $over = 0;
    Sys::Virt::Event::add_timeout( $option{events} * 1000, sub { $over = 1 } );
    Sys::Virt::Event::run_default() until $over;
}

__END__

=head1 NAME

qmp.pl - sends a command to the monitor of a guest's QEMU, and shows its events

=head1 SYNOPSIS

    qmp.pl [--uri URI] [--events SECONDS] DOMAIN COMMAND [NAME=VALUE...]
    qmp.pl [--uri URI] --human DOMAIN COMMAND [ARGUMENT...]
    qmp.pl [--uri URI] --events SECONDS DOMAIN

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--human>

The command is in the monitor's language for humans, such as C<info block>.

=item B<--events> SECONDS

Prints QEMU's events for this number of seconds.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

C<qmp.pl web query-block> prints QEMU's answer as JSON. A command that changes the guest does so without libvirt's knowledge.
Needs a QEMU guest.

=cut
