#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use Mojolicious::Lite -signatures;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;
use Sys::Virt::EventImpl::Mojo;

my %option = ( uri => 'test:///default', listen => 'http://127.0.0.1:3000' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'listen=s', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};

my $conn = Sys::Virt->new( uri => $option{uri}, readonly => 1 );
$conn->set_keep_alive( 5, 3 ) if $conn->is_alive && $option{uri} !~ /\Atest:/;

# Browsers that watch, and what they are told: the loop of the server is libvirt's too.
my %watching;
$conn->domain_event_register_any(
    undef,
    Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
    sub {
        my ( $conn, $dom, $event ) = @_;
        my $text = $dom->get_name . ': ' . ( Sys::Virt::Domain->name_of( 'EVENT', $event ) // $event );
        $_->send($text) for values %watching;
    }
);

# No request waits for another one's libvirt call.
get '/' => sub ($c) {
    $c->render_later;
    $conn->async( timeout => 10 )->get_all_domain_stats(Sys::Virt::Domain::STATS_STATE)->promise->then(
        sub (@stats) {
            $c->render(
                template => 'page',
                rows     => [ map { [ $_->{dom}->get_name, $_->{data}{'state.state'} ] } @stats ]
            );
        }
    )->catch( sub ($error) { $c->render( text => "$error", status => 502 ) } );
};

websocket '/events' => sub ($c) {
    $watching{ $c->tx->connection } = $c;
    $c->on( finish => sub { delete $watching{ $c->tx->connection } } );
};

app->log->level('warn');
app->start( @ARGV ? @ARGV : ( 'daemon', '-l', $option{listen} ) );

=head1 NAME

live-page.pl - a page with all domains, and their events as they come

=head1 SYNOPSIS

    live-page.pl [--listen http://127.0.0.1:3000] [--uri URI] [COMMAND ...]

=head1 OPTIONS

=over

=item B<--listen> URL

Where the page is.

=item B<--uri> URI

The host; C<test:///default> unless given.

=item B<--help>

This text.

=back

=head1 DESCRIPTION

Needs L<Mojolicious>. The server goes on while libvirt works on calls, and its loop delivers libvirt's events. A COMMAND of Mojolicious
runs instead of the server: C<live-page.pl get /> prints the page.

=cut

__DATA__

@@ page.html.ep
<!DOCTYPE html>
<html><head><title>Domains</title></head><body>
<table>
% for my $row (@$rows) {
<tr><td><%= $row->[0] %></td><td><%= Sys::Virt::Domain->name_of( STATE => $row->[1] ) // $row->[1] %></td></tr>
% }
</table>
<ul id="events"></ul>
<script>
new WebSocket(location.href.replace(/^http/, 'ws') + 'events').onmessage = e =>
  document.getElementById('events').insertAdjacentText('beforeend', e.data + ' ');
</script>
</body></html>
