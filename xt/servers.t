# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Programs that keep connections where frameworks put them: preforking servers, whose parents connect before they fork,
# and objects of Moose.
use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../t/lib";
use File::Temp       ();
use IO::Socket::INET ();
use POSIX            ();
use Patience;
use Session;
use Sys::Virt;
use Test::More;
use Time::HiRes ();

local $SIG{ALRM} = sub { die "stuck\n" };
alarm 60;

# A page of a server on the loopback interface; undef if it does not answer.
sub page {
    my ( $port, $path ) = @_;
    my $socket = IO::Socket::INET->new( PeerAddr => '127.0.0.1', PeerPort => $port ) or return;
    print {$socket} "GET $path HTTP/1.0\r\n\r\n";
    local $/ = undef;
    my ( $head, $body ) = split /\r\n\r\n/, <$socket> // q{}, 2;
    return ( $head // q{} ) =~ / 200 / ? $body : undef;
}

sub ends_well {
    my ( $pid, $dir ) = @_;
    kill QUIT => $pid;
    waitpid $pid, 0;
    is( $? & 127, 0, 'it ends' );
    unlike(
        slurp("$dir/log"),
        qr/sig(?:segv|abrt)|dumped|segmentation|abort|panic|corrupt/i,
        '... and nothing crashed'
    );
    return;
}

sub slurp {
    my ($name) = @_;
    open my $file, '<', $name or return q{};
    local $/ = undef;
    return <$file>;
}

subtest 'Starman, connected before it forks' => sub {
    plan skip_all => 'needs Starman (Debian: starman)' if !eval { require Starman::Server; 1 };
    my $daemon = Session->new or plan skip_all => 'needs libvirtd (Debian: libvirt-daemon)';
    my $dir    = File::Temp->newdir;
    open my $file, '>', "$dir/app.psgi" or die $!;
    print {$file} <<'PERL';
use strict;
use warnings;
use Sys::Virt;

# The parent's, opened by --preload-app, which stays the parent's; each worker then has one of its own.
my ( $uri, $parent ) = ( $ENV{TEST_URI}, $$ );
my $before = Sys::Virt->new( uri => $uri );
my $host   = $before->get_hostname;
$SIG{USR2} = sub {
    open my $report, '>', "$ENV{TEST_REPORT}.new" or die $!;
    print {$report} eval { $before->get_hostname eq $host } ? 'works' : "throws: $@";
    close $report;
    rename "$ENV{TEST_REPORT}.new", $ENV{TEST_REPORT};
};
my $mine;
sub {
    $mine //= Sys::Virt->new( uri => $uri );
    my $answer = join q{ }, $$, $$ != $parent ? 'worker' : 'parent', $mine->get_hostname eq $host ? 'same' : 'other',
        scalar( () = $mine->list_all_domains );
    return [ 200, [ 'Content-Type' => 'text/plain' ], [$answer] ];
};
PERL
    close $file;
    my $port = IO::Socket::INET->new( Listen => 1, LocalAddr => '127.0.0.1' )->sockport;
    my $pid  = fork // die $!;

    if ( !$pid ) {
        local @ENV{qw(TEST_URI TEST_REPORT)} = ( $daemon->uri, "$dir/report" );
        local $ENV{PERL5LIB}                 = join q{:}, grep { !ref } @INC;
        open STDERR, '>', "$dir/log" or die $!;
        ## no critic (ProhibitCommaSeparatedStatements)
        exec $^X, '-MPlack::Runner', '-e',
            'my $r = Plack::Runner->new; $r->parse_options(@ARGV); $r->run', '--', '-s', 'Starman', '-E',
            'deployment',
            '--preload-app', '--workers=4', '--max-requests=5', '--disable-keepalive', '--listen',
            "127.0.0.1:$port", "$dir/app.psgi"
            or POSIX::_exit(1);
    }
    my $up;
    for ( 1 .. 200 ) { last if $up = page( $port, q{/} ); Time::HiRes::sleep(0.1) }
    ok( $up, 'it serves' ) or diag slurp("$dir/log");
    my ( %worker, %answer );
    for ( 1 .. 60 ) {
        my ( $worker, $answer ) = split q{ }, page( $port, q{/} ) // 'none nothing', 2;
        $worker{$worker} = 1;
        $answer{$answer}++;
    }
    is_deeply( \%answer, { 'worker same 1' => 60 }, 'each worker has a connection of its own' );
    cmp_ok( scalar keys %worker, '>', 8, 'workers end and are replaced' );
    kill USR2 => $pid;
    for ( 1 .. 100 ) { last if -e "$dir/report"; Time::HiRes::sleep(0.1) }
    is( slurp("$dir/report"), 'works', '... and none has closed the connection of the parent' );
    ends_well( $pid, $dir );
};

subtest 'Mojolicious, with calls and streams across the fork' => sub {
    plan skip_all => 'needs Mojolicious (Debian: libmojolicious-perl)'
        if !eval { require Mojo::Server::Prefork; 1 };
    my $daemon = Session->new or plan skip_all => 'needs libvirtd (Debian: libvirt-daemon)';
    my $dir    = File::Temp->newdir;
    open my $file, '>', "$dir/app.pl" or die $!;
    print {$file} <<'PERL';
use strict;
use warnings;
use Mojolicious::Lite;
use Mojo::Server::Prefork;
use Sys::Virt;

# The parent's: a call that is under way when it forks, and the file handle of a stream.
my ( $uri, $parent ) = ( $ENV{TEST_URI}, $$ );
sub picture {
    my ($conn) = @_;
    my $stream = $conn->new_stream;
    $conn->get_domain_by_name('test')->screenshot( $stream, 0 );
    return $stream->handle( timeout => 20 );
}
sub whole { my ($handle) = @_; local $/ = undef; my $all = <$handle>; return close $handle ? length $all : "close: $!" }
my $before = Sys::Virt->new( uri => $uri );
my $host   = $before->get_hostname;
my $size   = whole( picture($before) );
my $handle = picture($before);
my $future = $before->async->get_hostname;
$SIG{USR2} = sub {
    open my $report, '>', "$ENV{TEST_REPORT}.new" or die $!;
    my @found = (
    eval { $future->get eq $host } || "future: $@",
    whole($handle) == $size || 'not whole',
    eval { $before->get_hostname eq $host } || $@,
);
    print {$report} "@found";
    close $report;
    rename "$ENV{TEST_REPORT}.new", $ENV{TEST_REPORT};
};
my ( $mine, $theirs );
get '/' => sub {
    my $c = shift;
    $c->render_later;
    my $answer = sub {
        my ($name) = @_;
        my @found = (
        $$, $$ != $parent ? 'worker' : 'parent',
        $theirs, $name eq $host ? 'same' : 'other',
        whole( picture($mine) ) == $size ? 'whole' : 'part',
    );
        $c->render( text => "@found" );
    };
    $theirs //= eval { $future->get; 1 } ? 'result' : "$@" =~ /before a fork/ ? 'forked' : "$@";
    $mine   //= Sys::Virt->new( uri => $uri );
    my $call = $mine->async->get_hostname;
    $call->on_ready( sub { $answer->( eval { $call->get } // $@ ) } );
};
my $server = Mojo::Server::Prefork->new(
    app      => app,
    listen   => ["http://127.0.0.1:$ENV{TEST_PORT}"],
    workers  => 3,
    accepts  => 5,
    silent   => 1,
    pid_file => "$ENV{TEST_REPORT}.pid",
);
$server->run;
PERL
    close $file;
    my $port = IO::Socket::INET->new( Listen => 1, LocalAddr => '127.0.0.1' )->sockport;
    my $pid  = fork // die $!;

    if ( !$pid ) {
        local @ENV{qw(TEST_URI TEST_REPORT TEST_PORT)} = ( $daemon->uri, "$dir/report", $port );
        local $ENV{PERL5LIB} = join q{:}, grep { !ref } @INC;
        open STDERR, '>', "$dir/log" or die $!;
        exec $^X, "$dir/app.pl" or POSIX::_exit(1);
    }
    my $up;
    for ( 1 .. 200 ) { last if $up = page( $port, q{/} ); Time::HiRes::sleep(0.1) }
    ok( $up, 'it serves' ) or diag slurp("$dir/log");
    my ( %worker, %answer );
    for ( 1 .. 60 ) {
        my ( $worker, $answer ) = split q{ }, page( $port, q{/} ) // 'none nothing', 2;
        $worker{$worker} = 1;
        $answer{$answer}++;
    }
    is_deeply(
        \%answer,
        { 'worker forked same whole' => 60 },
        'each worker has calls and streams of its own; the call of the parent fails there'
    );
    cmp_ok( scalar keys %worker, '>', 8, 'workers end and are replaced' );
    kill USR2 => $pid;
    for ( 1 .. 100 ) { last if -e "$dir/report"; Time::HiRes::sleep(0.1) }
    is( slurp("$dir/report"), '1 1 1', '... and the parent has its call, its stream and its connection' );
    ends_well( $pid, $dir );
};

subtest 'Moose' => sub {
    plan skip_all => 'needs Moose (Debian: libmoose-perl)' if !eval { require Moose; 1 };
    ok( eval <<'PERL', 'classes' ) or diag $@;    ## no critic (ProhibitStringyEval)
package Host;
use Moose;
use Moose::Util::TypeConstraints;

class_type 'Sys::Virt';
has uri  => ( is => 'ro', isa => 'Str', default => 'test:///default' );
has conn => (
    is        => 'ro',
    isa       => 'Sys::Virt',
    lazy      => 1,
    predicate => 'connected',
    clearer   => 'disconnect',
    default   => sub { Sys::Virt->new( uri => $_[0]->uri ) },
    handles   => { guests => 'list_all_domains', guest => 'get_domain_by_name', version => 'get_version' },
);
has watched => ( is => 'ro', isa => 'HashRef[Sys::Virt::Domain]', default => sub { {} } );
sub watch { my ( $self, $name ) = @_; return $self->watched->{$name} = $self->guest($name) }
__PACKAGE__->meta->make_immutable;

package Connection;
use Moose;
extends 'Sys::Virt';
my $calls = 0;
sub calls { return $calls }
before list_all_domains => sub { $calls++ };
around get_hostname => sub { my ( $next, $self ) = @_; return 'on ' . $self->$next };
no Moose;
1;
PERL
    my $host = Host->new;
    ok( !$host->connected, 'lazy' );
    is( ref( ( $host->guests )[0] ),    'Sys::Virt::Domain', 'delegated methods' );
    is( $host->watch('test')->get_name, 'test',              'a typed hash of domains' );
    ok( !eval { Host->new( conn => $host->guest('test') ) }, 'a domain is not a connection' );
    my $guest = $host->guest('test');
    $host->disconnect;
    is( $guest->is_active, 1, 'a domain outlives the attribute' );
    undef $host;
    is( $guest->get_connect->get_uri, 'test:///default', '... and the object' );
    my $conn = Connection->new( uri => 'test:///default' );
    isa_ok( $conn, 'Connection' );
    $conn->list_all_domains for 1 .. 3;
    is( Connection->calls, 3, 'method modifiers' );
    like( $conn->get_hostname, qr/\Aon \S/, '... around' );
    is( ref $guest->get_connect, 'Sys::Virt', 'objects of ours stay ours' );
};

done_testing;
