# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Runs examples/dashboard.pl as a program for tests, and watches it as its page does.
package Dashboard;

use Mojo::Base -base, -signatures;

## no critic (ProhibitSubroutinePrototypes): signatures, which perlcritic takes for them

use Mojo::IOLoop;
use Mojo::URL;
use Mojo::UserAgent;

has [qw(pid page)];
has said => sub { [] };
has ua   => sub { Mojo::UserAgent->new( inactivity_timeout => 0, max_connections => 0 ) };

my @includes = map { "-I$_" } grep { !ref } @INC;

sub command (@arguments) { return ( $^X, @includes, 'examples/dashboard.pl', @arguments ) }

# Listens on a free port until the object is freed.
sub start ( $class, @arguments ) {
    my $pid   = open my $out, '-|', command( '--listen', 'http://127.0.0.1', @arguments ) or die $!;
    my ($url) = ( <$out> // q{} ) =~ /\AOpen (\S+)/ or die "the dashboard does not start\n";
    return $class->new( pid => $pid, out => $out, page => Mojo::URL->new($url) );
}

sub address ($self) { return $self->page->clone->fragment(undef)->path(q{/}) }

# The websocket, or the server's status if it refuses.
sub websocket ( $self, $key = $self->page->fragment, $origin = $self->origin ) {
    my ( $said, $answer ) = ( $self->said );
    my $url = $self->address->scheme('ws')->path('/live')->query( key => $key );
    $self->ua->websocket(
        $url => { defined $origin ? ( Origin => $origin ) : () } => sub ( $, $tx ) {
            $answer = $tx;
            return if !$tx->is_websocket;

            # Now, for the first messages may come together with the answer.
            $tx->max_websocket_size(10_000_000);
            $tx->on( json => sub ( $, $message ) { push @$said, $message } );
        }
    );
    Mojo::IOLoop->one_tick while !$answer;
    return $answer->is_websocket ? $answer : $answer->res->code;
}

sub origin ($self) { return 'http://' . $self->page->host_port }

sub watch ($self) {
    @{ $self->said } = ();
    my $tx = $self->{tx} = $self->websocket;
    ref $tx or die "the dashboard answers $tx\n";

  # A request that reaches Mojolicious before it has told that the websocket is open would end the connection.
    Mojo::IOLoop->one_tick while !@{ $self->said } && !$tx->is_finished;
    return $self;
}

sub request ( $self, %request ) { $self->{tx}->send( { json => \%request } ); return }

# The first message from now on, or from before, that the code likes; undef after some seconds. It is taken away.
sub hear ( $self, $code, $seconds = 10 ) {
    my ( $end, $said ) = ( time + $seconds, $self->said );
    while (1) {
        while (@$said) {
            local $_ = shift @$said;
            return $_ if $code->();
        }
        return if time >= $end;
        my $tick = Mojo::IOLoop->timer( 0.2 => sub { } );
        Mojo::IOLoop->one_tick;
        Mojo::IOLoop->remove($tick);
    }
    return;
}

# The row of a domain in the next measurement that the code likes.
sub row ( $self, $name, $code = sub { 1 }, $seconds = 15 ) {
    my $row;
    $self->hear(
        sub {
            return if $_->{type} ne 'sample';
            ($row) = grep { $_->{name} eq $name } @{ $_->{domains} } or return;
            local $_ = $row;
            return $code->();
        },
        $seconds
    ) or return;
    return $row;
}

sub DESTROY ($self) {
    my $pid = $self->pid or return;
    local $? = 0;
    kill TERM => $pid;
    close $self->{out};
    return;
}

1;
