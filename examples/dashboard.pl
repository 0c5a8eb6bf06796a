#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use Mojolicious::Lite -signatures;

## no critic (ProhibitSubroutinePrototypes): signatures, which perlcritic takes for them

use FindBin              ();
use Getopt::Long         ();
use Mojo::JSON           ();
use Mojo::Server::Daemon ();
use Pod::Usage           ();
use Sys::Virt;
use lib "$FindBin::RealBin/dashboard/lib";
use Dashboard::Demo ();
use Dashboard::Host ();

my %option = ( listen => 'http://127.0.0.1:3000', interval => 1 );
Getopt::Long::GetOptions( \%option, 'uri=s@', 'demo', 'listen=s', 'remote', 'key=s', 'interval=f',
    'readonly', 'help' )
    or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
my $listen   = Mojo::URL->new( $option{listen} );
my %loopback = map { $_ => 1 } qw(localhost 127.0.0.1 [::1]);
die "$option{listen} can be reached from other machines, without encryption: say --remote if that is wanted\n"
    if !$loopback{ $listen->host // q{} } && !$option{remote};

# A client that knows the key may do everything that the page can; other users of this machine do not know the key.
my $key = $option{key} // do {
    open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!\n";
    read( $random, my $bytes, 16 ) == 16 or die "/dev/urandom: $!\n";
    unpack 'H*', $bytes;
};

# --- The hosts

my $demo = $option{demo} ? Dashboard::Demo->new : undef;
my @uris = ( @{ $option{uri} // [] }, $demo ? $demo->uri : () );
@uris = ('test:///default') if !@uris;

my ( %client, @hosts );
for my $uri (@uris) {
    my $host = Dashboard::Host->new(
        id       => scalar @hosts,
        uri      => $uri,
        interval => $option{interval},
        readonly => $option{readonly},
        title    => $demo && $uri eq $demo->uri ? 'demonstration' : $uri,
    );
    $host->on( message => sub ( $, $message ) { broadcast($message) } );
    push @hosts, $host;
}

# A page without any host is useless: the program then ends with the reason.
Mojo::Promise->all_settled( map { $_->start } @hosts )->then(
    sub (@results) {
        return if grep      { $_->{status} eq 'fulfilled' } @results;
        print {*STDERR} map { "$_->{reason}[0]\n" =~ s/\n+\z/\n/r } @results;
        exit 1;
    }
)->wait;

# By the transaction: the controller's method would answer the handshake again while that is running.
sub message_to ( $number, $message ) {
    my $tx = $client{$number} or return;
    $tx->send( { json => $message } );
    return;
}

sub broadcast ($message) {
    my $text = Mojo::JSON::encode_json($message);
    for my $tx ( values %client ) { $tx->send( { text => $text } ) }
    return;
}

# --- Permissions

hook before_dispatch => sub ($c) {
    my $headers = $c->res->headers;
    $headers->header( 'Content-Security-Policy' =>
              q{default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; }
            . q{frame-ancestors 'none'; base-uri 'none'; form-action 'none'} );
    $headers->header( 'X-Content-Type-Options' => 'nosniff' );
    $headers->header( 'Referrer-Policy'        => 'no-referrer' );
    $headers->cache_control('no-store');

    # The owner of another site may point its name to this machine: that is not a name of this machine.
    my $name = lc( $c->req->headers->host // q{} ) =~ s/:\d+\z//r;
    return if $loopback{$name} || $name eq lc( $listen->host // q{} ) || $option{remote};
    $c->render( text => "unknown host\n", status => 403 );
};

# The page of another site may open a websocket to this server, so its origin is checked; and the key, in constant time.
sub may_watch ($c) {
    my $headers = $c->req->headers;
    my $origin  = $headers->origin // q{};
    return
           $origin =~ m{\Ahttps?://(.+)\z}
        && lc $1 eq lc( $headers->host // q{} )
        && Mojo::Util::secure_compare( $c->param('key') // q{}, $key );
}

# --- The page, and its messages

app->static->paths( ["$FindBin::RealBin/dashboard/public"] );
app->renderer->paths( [] );
app->secrets( [$key] );
app->log->level('warn');

get '/' => sub ($c) { $c->reply->static('index.html') };

websocket '/live' => sub ($c) {
    if ( !may_watch($c) ) {
        $c->render( text => "not allowed\n", status => 403 );
        return;
    }
    my $number = $c->tx->connection;
    $c->inactivity_timeout(0);
    $client{$number} = $c->tx;
    my $console;
    $c->on(
        finish => sub {
            delete $client{$number};
            $console->close if $console;
        }
    );
    message_to( $number, $_ ) for map { $_->greeting } @hosts;
    $c->on(
        json => sub ( $, $request = undef ) {
            my $promise = eval {
                my $host = host_of($request);
                $request->{do} =~ /\Aconsole/
                    ? do { $console = console( $number, $console, $host, $request ); undef }
                    : $host->act( $request, \@hosts );
            };
            return refuse( $number, $request, $@ )                                  if $@;
            $promise->catch( sub ($error) { refuse( $number, $request, $error ) } ) if $promise;
        }
    );
};

sub host_of ($request) {
    ref $request eq 'HASH' && defined $request->{do} && !ref $request->{do} or die "not a request\n";
    my $host = ( $request->{host} // q{} ) =~ /\A\d{1,6}\z/ ? $hosts[ $request->{host} ] : undef;
    return $host // die "there is no such host\n";
}

sub refuse ( $number, $request, $error ) {
    my $text = ref $error && $error->isa('Sys::Virt::Error') ? $error->message : "$error" =~ s/\s+\z//r;
    $request = {} if ref $request ne 'HASH';
    message_to( $number,
        { type => 'refused', do => $request->{do}, uuid => $request->{uuid}, text => $text } );
    return;
}

# One console for each page: opening another one closes it.
sub console ( $number, $console, $host, $request ) {
    my $do = $request->{do};
    if ( $do eq 'console-input' ) {
        $console->write( $request->{data} ) if $console && defined $request->{data};
        return $console;
    }
    $console->close if $console;
    return undef    if $do ne 'console-open';    ## no critic (ProhibitExplicitReturnUndef)
    my $uuid = $request->{uuid};
    my $tell = sub (%more) { message_to( $number, { type => 'console', uuid => $uuid, %more } ) };
    return $host->console( $uuid, $tell );
}

# Only the terminal shows the address with the key: the part after # is not sent, and is in no log.
app->start(@ARGV), exit if @ARGV;
my $server = Mojo::Server::Daemon->new( app => app, listen => [ $option{listen} ], silent => 1 )->start;
print 'Open ', $listen->port( $server->ports->[0] )->path(q{/})->fragment($key), "\n";
STDOUT->flush;
local $SIG{INT} = local $SIG{TERM} = sub { Mojo::IOLoop->stop };
Mojo::IOLoop->start;

__END__

=head1 NAME

dashboard.pl - hosts and domains in a browser, live, with charts, events, actions and a console

=head1 SYNOPSIS

    dashboard.pl [--uri URI ...] [--demo] [--readonly] [--interval SECONDS]
                 [--listen http://127.0.0.1:3000 [--remote]] [--key KEY] [COMMAND ...]

=head1 OPTIONS

=over

=item B<--uri> URI

A host; may be given several times. The default is C<test:///default>.

=item B<--demo>

Shows a test driver with several domains, on which every button can be tried without harm.

=item B<--readonly>

Connects read-only, so that the page can only watch.

=item B<--interval> SECONDS

The time between two measurements; the default is 1.

=item B<--listen> URL

The address of the page; the default is C<http://127.0.0.1:3000>. With C<http://127.0.0.1> the port is chosen.

=item B<--remote>

Allows an address that other machines can reach. The page is not encrypted then, unless a proxy in front of it does that.

=item B<--key> KEY

The key in the address of the page; random unless given.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Needs L<Mojolicious> (Debian: C<libmojolicious-perl>). Prints the address of the page, which ends in a key: only who knows the key gets
data. The page loads nothing from anywhere else.

All calls run by L<Sys::Virt::Async>, so that one slow host delays neither the page nor the others. A host that cannot be reached is
tried again every five seconds. Migration is offered if there are at least two hosts, shows its progress, and can be aborted. The
console is the first serial one.

A COMMAND of Mojolicious runs instead of the server: C<dashboard.pl get /> prints the page.

=cut
