# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A headless Chromium, driven by its debugging protocol.
#
#   my $browser = Browser->new( width => 1400, height => 900 );
#   $browser->visit('http://127.0.0.1:3000/');
#   is( $browser->value('document.title'), 'Virtual machines' );
#   ok( $browser->wait_for('document.querySelectorAll("tr").length > 3') );
#   is_deeply( $browser->complaints, [] );           # exceptions, errors on the console
#   $browser->screenshot('page.png');
package Browser;

use Mojo::Base -base, -signatures;

## no critic (ProhibitSubroutinePrototypes): signatures, which perlcritic takes for them

use File::Path  ();
use File::Temp  ();
use List::Util  ();
use Time::HiRes ();
use Mojo::IOLoop;
use Mojo::JSON ();
use Mojo::UserAgent;
use Mojo::Util ();

has [qw(pid tx)];
has width      => 1400;
has height     => 900;
has complaints => sub { [] };
has waiting    => sub { {} };
has profile    => sub { File::Temp->newdir( CLEANUP => 0 ) };
has ua         => sub { Mojo::UserAgent->new( inactivity_timeout => 0, max_connections => 0 ) };

sub program {
    return List::Util::first( sub { -x $_ },
        map { "/usr/bin/$_" } qw(chromium chromium-browser google-chrome) );
}

sub new ( $class, @options ) {
    my $self = $class->SUPER::new(@options);
    pipe my $read, my $write or die $!;
    my $pid = fork // die $!;
    if ( !$pid ) {
        open STDERR, '>&', $write      or die $!;
        open STDOUT, '>',  '/dev/null' or die $!;
        exec $class->program, '--headless=new', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0',
            '--user-data-dir=' . $self->profile,
            sprintf( '--window-size=%d,%d', $self->width, $self->height ), 'about:blank'
            or die $!;
    }
    close $write or die $!;
    $self->pid($pid);
    my $address;
    while ( my $line = <$read> ) { last if ($address) = $line =~ m{listening on ws://([\d.]+:\d+)/} }
    die "Chromium does not start\n" if !$address;
    my ($page) = grep { $_->{type} eq 'page' } @{ $self->ua->get("http://$address/json")->result->json };
    $self->ua->websocket( $page->{webSocketDebuggerUrl} => sub ( $, $tx ) { $self->tx($tx) } );
    Mojo::IOLoop->one_tick while !$self->tx;
    $self->tx->max_websocket_size(50_000_000)->on( json => sub ( $, $message ) { $self->heard($message) } );
    $self->command($_) for qw(Runtime.enable Log.enable Page.enable);
    return $self;
}

sub heard ( $self, $message ) {
    if ( my $done = delete $self->waiting->{ $message->{id} // 0 } ) { $done->($message) }
    my $method = $message->{method} // q{};
    my $level  = $message->{params}{entry}{level} // $message->{params}{type} // q{};
    push @{ $self->complaints }, Mojo::JSON::encode_json( $message->{params} )
        if $method eq 'Runtime.exceptionThrown'
        || $method =~ /entryAdded|consoleAPICalled/ && $level =~ /error|warning/;
    return;
}

sub command ( $self, $method, %params ) {
    my ( $id, $answer ) = ( ++$self->{number}, undef );
    $self->waiting->{$id} = sub ($message) { $answer = $message };
    $self->tx->send( { json => { id => $id, method => $method, params => \%params } } );
    my $end = time + 30;
    Mojo::IOLoop->one_tick while !$answer && time < $end;
    die "$method: $answer->{error}{message}\n" if $answer->{error};
    return $answer->{result} // die "$method: no answer\n";
}

sub visit ( $self, $url ) {
    $self->command( 'Page.navigate', url => 'about:blank' );
    $self->command( 'Page.navigate', url => $url );
    return $self->wait_for(q{document.readyState === 'complete' && location.href !== 'about:blank'});
}

# The value of an expression, or of what its promise is settled with.
sub value ( $self, $expression ) {
    my $result = $self->command(
        'Runtime.evaluate',
        expression    => $expression,
        awaitPromise  => Mojo::JSON::true,
        returnByValue => Mojo::JSON::true
    );
    die "$expression: $result->{exceptionDetails}{exception}{description}\n" if $result->{exceptionDetails};
    return $result->{result}{value};
}

sub wait_for ( $self, $expression, $seconds = 10 ) {
    my $end = time + $seconds;
    while ( time < $end ) {
        my $value = eval { $self->value($expression) };
        return $value if $value;
        $self->pause(0.05);
    }
    return;
}

sub pause ( $self, $seconds ) {
    my $over;
    Mojo::IOLoop->timer( $seconds => sub { $over = 1 } );
    Mojo::IOLoop->one_tick while !$over;
    return;
}

sub screenshot ( $self, $file ) {
    my $data = $self->command( 'Page.captureScreenshot', format => 'png' )->{data};
    open my $out, '>:raw', $file or die "$file: $!\n";
    print {$out} Mojo::Util::b64_decode($data);
    close $out or die "$file: $!\n";
    return;
}

sub DESTROY ($self) {
    my $pid = $self->pid or return;
    local $? = 0;
    kill TERM => $pid;
    waitpid $pid, 0;

    # Its other processes end a little later, and write until then.
    for ( 1 .. 20 ) {
        File::Path::remove_tree( $self->profile->dirname, { error => \my $errors } );
        last if !@$errors;
        Time::HiRes::sleep(0.1);
    }
    return;
}

1;
