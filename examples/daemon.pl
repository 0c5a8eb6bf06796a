#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;
use Sys::Virt::Admin;

my %option = ( uri => 'libvirtd:///system' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'server=s', 'max-clients=i', 'disconnect=i', 'help' )
    or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2) if @ARGV || !$option{server} && ( $option{'max-clients'} || $option{disconnect} );

my $admin = Sys::Virt::Admin->new( uri => $option{uri} );
my @servers =
    defined $option{server} ? $admin->get_server_by_name( $option{server} ) : $admin->list_servers;
$servers[0]->set_client_limits( { nclients_max => $option{'max-clients'} } ) if $option{'max-clients'};
$servers[0]->get_client_by_id( $option{disconnect} )->close                  if $option{disconnect};

my $version = $admin->get_library_version;
printf "%s, libvirt %d.%d.%d\n", $admin->get_uri, $version / 1_000_000, $version / 1_000 % 1_000,
    $version % 1_000;
printf "log: %s %s\n", $admin->get_logging_outputs, $admin->get_logging_filters;
my %transport = (
    Sys::Virt::Admin::Client::TRANS_UNIX => 'unix',
    Sys::Virt::Admin::Client::TRANS_TCP  => 'tcp',
    Sys::Virt::Admin::Client::TRANS_TLS  => 'tls',
);

for my $server ( sort { $a->get_name cmp $b->get_name } @servers ) {
    my ( $limits, $threads ) = ( $server->get_client_limits, $server->get_threadpool_parameters );
    printf "%s: %d of %d clients, %d of %d threads busy (at most %d), %d calls waiting\n", $server->get_name,
        @$limits{qw(nclients nclients_max)}, $threads->{nWorkers} - $threads->{freeWorkers},
        @$threads{qw(nWorkers maxWorkers jobQueueDepth)};
    for my $client ( sort { $a->get_id <=> $b->get_id } $server->list_clients ) {
        my $info = $client->get_info;
        printf "%6d  %-4s  %s  %s%s\n", $client->get_id,
            $transport{ $client->get_transport } // '?',
            scalar localtime $client->get_timestamp,
            $info->{sock_addr} // "$info->{unix_user_name}, process $info->{unix_process_id}",
            $info->{readonly} ? ', read-only' : q{};
    }
}

__END__

=head1 NAME

daemon.pl - shows the servers, clients and limits of a libvirt daemon

=head1 SYNOPSIS

    daemon.pl [--uri URI]
    daemon.pl [--uri URI] --server NAME [--max-clients NUMBER] [--disconnect ID]

=head1 OPTIONS

=over

=item B<--uri> URI

The daemon; the default is C<libvirtd:///system>. The modular daemons have URIs like C<virtqemud:///system>.

=item B<--server> NAME

Selects one of the daemon's servers.

=item B<--max-clients> NUMBER

Sets the maximum number of clients of the server.

=item B<--disconnect> ID

Disconnects the client with this id.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Needs access to the daemon's administration socket, usually as root.

=cut
