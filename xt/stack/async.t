# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Calls that do not block, on real guests: many slow ones beside fast ones and keepalive, and a migration that is watched and
# aborted on the connection of a page that stays live.
use strict;
use warnings;

use File::Temp ();
use Test::More;
use Time::HiRes ();
use lib         qw(t/lib xt/lib);
use Samples;
use Stack;
use Throws;

my $conn  = Stack::connect('a');
my $guest = Stack::boot( $conn, name => 'main', agent => 1 );

subtest 'twelve slow calls, and keepalive' => sub {
    my @closed;
    $conn->register_close_callback( sub { push @closed, $_[1] } );
    $conn->set_keep_alive( 1, 3 );
    Stack::in_guest( $guest,
        '(sleep 1; kill -STOP $(pidof qemu-ga); sleep 8; kill -CONT $(pidof qemu-ga)) >/dev/null 2>&1 &' );
    my $asleep = Time::HiRes::time() + 2;
    Stack::wait_for( 'the agent sleeps', 5, sub { Time::HiRes::time() > $asleep } );
    my $start = Time::HiRes::time();
    my @slow  = map { $guest->async->get_hostname(Sys::Virt::Domain::GET_HOSTNAME_AGENT) } 1 .. 12;
    my ( $worst, $asked, $aborted, $abort_time ) = ( 0, 0 );
    my $asking = 0;
    Stack::wait_for(
        'all of them',
        60,
        sub {
            if ( !$asking ) {
                my $sent = Time::HiRes::time();
                $asking = 1;
                $conn->async->get_hostname->on_done(
                    sub {
                        my $took = Time::HiRes::time() - $sent;
                        $worst  = $took if $took > $worst;
                        $asking = 0;
                        $asked++;
                    }
                );
            }
            if ( !$abort_time && Time::HiRes::time() - $start > 1 ) {
                my $sent = Time::HiRes::time();
                $abort_time = -1;
                $guest->async->abort_job->on_ready(
                    sub { $aborted = $_[0]->failure; $abort_time = Time::HiRes::time() - $sent } );
            }
            return !grep { !$_->is_ready } @slow;
        }
    );
    my $took = Time::HiRes::time() - $start;
    is( scalar( grep { $_->is_ready } @slow ), 12, 'all of them end' );
    is( scalar( grep { $_->is_failed && !ref $_->failure } @slow ),
        0, '... with an answer, or an exception of libvirt\'s' );
    cmp_ok( $took,             '>', 4,   sprintf 'that took %.1f s', $took );
    cmp_ok( $asked,            '>', 20,  "$asked calls during that time" );
    cmp_ok( $worst,            '<', 0.1, sprintf 'the slowest took %.3f s',           $worst );
    cmp_ok( $abort_time // 99, '<', 1,   sprintf 'abort_job gets through, in %.3f s', $abort_time // 99 );
    isa_ok( $aborted, 'Sys::Virt::Error', 'its answer, for there is no job' );
    is( "@closed",           q{}, 'keepalive is answered all the time' );
    is( $conn->is_alive + 0, 1,   'the connection lives' );
    note sprintf
        'twelve slow calls: %.1f s; get_hostname at the same time: at most %.3f s; abort_job: %.3f s',
        $took, $worst, $abort_time;
    $conn->unregister_close_callback;
};

subtest 'a migration, and a page that stays live' => sub {
    my @missing = Samples::missing('use Mojolicious::Lite;');
    plan skip_all => 'Mojolicious is not installed (Debian: libmojolicious-perl)' if @missing;
    $guest->migrate_set_max_speed(1);
    my $script = File::Temp->new( SUFFIX => '.pl' );
    print {$script} do { local $/ = undef; <DATA> };
    close $script or die $!;
    my @includes = map { "-I$_" } grep { !ref } @INC;
    open my $pipe, '-|', 'timeout', 120, $^X, @includes, "$script", Stack::uri('a'), $guest->get_name
        or die $!;
    my %said = map { /\A(\w+): (.*)\n/ ? ( $1 => $2 ) : () } <$pipe>;
    close $pipe;
    is( $?, 0, 'the server ends well' );
    cmp_ok( $said{polls} // 0, '>=', 3, 'the migration was watched' );
    is( $said{type},      Sys::Virt::Domain::JOB_UNBOUNDED,        '... while it ran' );
    is( $said{migration}, Sys::Virt::Error::ERR_OPERATION_ABORTED, '... and aborted' );
    cmp_ok( $said{pages}   // 0, '>=', 20, 'the page was read ' . ( $said{pages} // 0 ) . ' times' );
    cmp_ok( $said{slowest} // 9, '<',  1,  "... within $said{slowest} s each" );
    is( $said{states},     '1', '... and the state of the guest was reported' );
    is( $guest->is_active, 1,   'the guest is here' );
    note map { "$_: $said{$_}\n" } sort keys %said;
};

done_testing;

__DATA__
use Mojolicious::Lite -signatures;
use Mojo::Server::Daemon;
use Mojo::UserAgent;
use Time::HiRes qw(time);
use Sys::Virt;
use Sys::Virt::EventImpl::Mojo;

my ( $uri, $name ) = @ARGV;
my $conn = Sys::Virt->new( uri => $uri );
$conn->set_keep_alive( 1, 5 );
my $dom = $conn->get_domain_by_name($name);

get '/' => sub ($c) {
    $c->render_later;
    $dom->async( timeout => 20 )->get_state->promise->then( sub (@state) { $c->render( text => $state[0] ) } )
        ->catch( sub ($error) { $c->render( text => "$error", status => 502 ) } );
};
app->log->level('warn');
my $server = Mojo::Server::Daemon->new( app => app, listen => ['http://127.0.0.1'], silent => 1 )->start;
my $page   = 'http://127.0.0.1:' . $server->ports->[0];
my $ua     = Mojo::UserAgent->new;

my ( $over, $polls, $type, $pages, $slowest, %states ) = ( 0, 0, 0, 0, 0 );
my $migration = $dom->async->migrate_to_uri( 'qemu+tcp://stack-b:16510/system',
    Sys::Virt::Domain::MIGRATE_LIVE | Sys::Virt::Domain::MIGRATE_PEER2PEER );
$migration->on_ready( sub ($f) { $over = 1 } );

my $read;
$read = sub {
    my $sent = time;
    $ua->get_p($page)->then(
        sub ($tx) {
            my $took = time - $sent;
            $slowest = $took if $took > $slowest;
            $pages++;
            $states{ $tx->res->body }++;
            Mojo::IOLoop->timer( 0.02 => $read ) if !$over;
        } )->catch( sub ($error) { $states{$error}++ } );
};
$read->();

my $watch;
$watch = sub {
    $dom->async->get_job_info->on_done(
        sub ($info) {
            return Mojo::IOLoop->timer( 0.2 => $watch ) if !$info->{type} && !$over;
            $type = $info->{type} if $polls < 3;
            return $dom->async->abort_job if ++$polls == 10;
            Mojo::IOLoop->timer( 0.2 => $watch ) if !$over;
        } );
};
$watch->();
Mojo::IOLoop->one_tick while !$over;
my $error = $migration->failure;
print "migration: ", ref $error ? $error->code : $error // 'done', "\n";
print "polls: $polls\ntype: $type\npages: $pages\nslowest: ", sprintf( '%.3f', $slowest ), "\nstates: @{[ sort keys %states ]}\n";
