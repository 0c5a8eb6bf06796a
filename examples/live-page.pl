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

# The connected browsers, and the events for them. The server's event loop also runs libvirt's events.
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

# A request does not block others while it waits for libvirt.
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
    $watching{ $c->tx->connection } = $c->tx;
    $c->on( finish => sub { delete $watching{ $c->tx->connection } } );
};

app->log->level('warn');
app->start( @ARGV ? @ARGV : ( 'daemon', '-l', $option{listen} ) );

=head1 NAME

live-page.pl - a web page with all domains, and live events

=head1 SYNOPSIS

    live-page.pl [--listen http://127.0.0.1:3000] [--uri URI] [COMMAND ...]

=head1 OPTIONS

=over

=item B<--listen> URL

The address of the page.

=item B<--uri> URI

The host; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Needs L<Mojolicious>. The server handles requests while libvirt works on calls, and its event loop delivers libvirt's events.
A COMMAND of Mojolicious runs instead of the server: C<live-page.pl get /> prints the page.

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
