# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Calls that do not block, in the loops that scripts run: each case is a script of its own. While its daemon is stopped a call
# takes half a second; the loop must not notice.
use strict;
use warnings;

use File::Temp ();
use Test::More;
use lib qw(t/lib xt/lib);
use Loops;
use Patience;

my $daemon   = Session->new or plan skip_all => 'no libvirtd is installed (Debian: libvirt-daemon)';
my @includes = map { "-I$_" } grep { !ref } @INC;

my $prelude = <<'PRELUDE';
use strict; use warnings; use feature 'say'; use Time::HiRes qw(time sleep); use Sys::Virt; use Sys::Virt::Event;
use Scalar::Util ();
$| = 1;
alarm 20;
our ( $uri, $daemon ) = @ENV{qw(DAEMON_URI DAEMON_PID)};
our $late = 0;
our ( $start, $ticks, $due );

# To be called every 10 ms by the loop; the daemon sleeps for half a second.
sub tick {
    my $now = time;
    $late = $now - $due if $due && $now - $due > $late;
    $due  = $now + 0.01;
    $ticks++;
}
sub stopped {
    kill STOP => $daemon;
    my $pid = fork // die $!;
    if ( !$pid ) { sleep 0.5; kill CONT => $daemon; require POSIX; POSIX::_exit(0) }
    $start = time;
}
sub report {
    my $took = time - $start;
    say $took > 0.4 ? 'it took its time' : "too fast: $took";
    say $ticks > 5 ? 'the loop ran' : "the loop stood: $ticks";
    say $late < 0.35 ? 'in time' : "late by $late";
    wait;
}
PRELUDE
my $ran = "it took its time\nthe loop ran\nin time\n";

sub script {
    my ( $name, $modules, $script, $expected, %environment ) = @_;
SKIP: {
        my @missing = grep { !Loops::installed($_) } @$modules;
        skip( "$name: not installed: @missing", 1 ) if @missing;
        my $file = File::Temp->new( SUFFIX => '.pl' );
        print {$file} $prelude, "#line 1 \"$name\"\n", $script;
        close $file or die $!;
        local @ENV{ 'DAEMON_URI', 'DAEMON_PID', keys %environment } =
            ( $daemon->uri, $daemon->pid, values %environment );
        open my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', $^X, @includes, "$file" or die $!;
        my $output = do { local $/ = undef; <$pipe> };
        close $pipe;
        is( $output, $expected, $name );
        is( $?,      0,         '... exits well' );
        $daemon->signal('CONT');
    }
    return;
}

script(
    'IO::Async', ['IO::Async::Loop'],
    <<'SCRIPT',  "vm\n${ran}2 domains, test\nlibvirt\n1\n", IO_ASYNC_LOOP => $_ ) for qw(Poll Select);
use IO::Async::Loop; use IO::Async::Timer::Periodic; use Future;
my $loop = IO::Async::Loop->new;
my $conn = $loop->await( Sys::Virt->async->new( uri => $uri )->future )->get;
$loop->add( IO::Async::Timer::Periodic->new( interval => 0.01, on_tick => \&tick )->start );
stopped();
$conn->async->get_hostname->then( sub { say 'vm' if length $_[0]; report(); $loop->stop } );
$loop->run;
my @two = Future->needs_all( map { $_->future } $conn->async->get_domain_by_name('test'), $conn->async->list_all_domains )->get;
say scalar(@two), ' domains, ', $two[0]->get_name;
my $failed = $loop->await( $conn->async->get_domain_by_name('none')->future );
say +( $failed->failure )[1];
my $future = $conn->async->get_hostname->future;
$future->cancel;
say $future->is_cancelled ? 1 : 0;
SCRIPT

my $mojo = "${ran}test\nfailed: 42\nthenable: test\nended\nget: test\nnested: test\n";
script(
    "Mojo::IOLoop, $_",
    [ 'Mojo::IOLoop', $_ eq 'EV' ? 'EV' : () ],
    <<'SCRIPT', $mojo, MOJO_REACTOR => "Mojo::Reactor::$_" ) for qw(Poll EV);
use Mojo::IOLoop; use Mojo::Promise;
my $conn = Sys::Virt->async->new( uri => $uri )->get;
my $id = Mojo::IOLoop->recurring( 0.01 => \&tick );
stopped();
$conn->async->get_hostname->promise->then( sub { report(); Mojo::IOLoop->remove($id) } )->wait;
my $dom;
$conn->async->get_domain_by_name('test')->promise->then( sub { $dom = shift; $dom->async->get_name->promise } )
    ->then( sub { say shift; $conn->async->get_domain_by_name('none')->promise } )
    ->catch( sub { say 'failed: ', shift->code } )->wait;
Mojo::Promise->resolve( $dom->async->get_name )->then( sub { say 'thenable: ', shift } )->wait;
$dom->async->get_info;
Mojo::IOLoop->start;
say 'ended';
say 'get: ', $dom->async->get_name->get;
Mojo::IOLoop->next_tick( sub { say 'nested: ', $dom->async->get_name->get } );
Mojo::IOLoop->start;
SCRIPT

script(
    "AnyEvent, $_", [ 'AnyEvent', $_ eq 'EV' ? 'EV' : () ],
    <<'SCRIPT',     "${ran}get: test\nnested: test\n", PERL_ANYEVENT_MODEL => $_ ) for qw(Perl EV);
use AnyEvent;
my $conn = Sys::Virt->async->new( uri => $uri )->get;
my $timer = AnyEvent->timer( after => 0.01, interval => 0.01, cb => \&tick );
stopped();
my $over = AnyEvent->condvar;
$conn->async->get_hostname->on_ready( sub { $over->send } );
$over->recv;
report();
my $dom = $conn->async->get_domain_by_name('test')->get;
say 'get: ', $dom->async->get_name->get;
$over = AnyEvent->condvar;
my $within = AnyEvent->timer( after => 0, cb => sub { say 'nested: ', $dom->async->get_name->get; $over->send } );
$over->recv;
SCRIPT

script( 'EV', ['EV'], <<'SCRIPT', "${ran}ended\ntest\n" );
use EV;
my $conn = Sys::Virt->async->new( uri => $uri )->get;
my $timer = EV::timer( 0.01, 0.01, \&tick );
stopped();
$conn->async->get_hostname->then( sub { report(); undef $timer } );
EV::run();
say 'ended';
say $conn->async->get_domain_by_name('test')->get->get_name;
SCRIPT

script( 'Glib', ['Glib'], <<'SCRIPT', "${ran}test\n" );
use Glib;
my $loop = Glib::MainLoop->new;
my $conn = Sys::Virt->async->new( uri => $uri )->get;
Glib::Timeout->add( 10, sub { tick(); 1 } );
stopped();
$conn->async->get_hostname->then( sub { report(); $loop->quit } );
$loop->run;
say $conn->async->get_domain_by_name('test')->get->get_name;
SCRIPT

script( 'POE', ['POE'], <<'SCRIPT', "${ran}ended\ntest\n" );
use POE;
my $conn;
POE::Session->create( inline_states => {
    _start => sub {
        my ( $kernel, $session ) = @_[ KERNEL, SESSION ];
        Sys::Virt->async->new( uri => $uri )->on_done( sub { $conn = shift; $kernel->post( $session, 'go' ) } );
        $kernel->refcount_increment( $session->ID, 'go' );
    },
    go => sub {
        my ( $kernel, $session ) = @_[ KERNEL, SESSION ];
        stopped();
        $kernel->delay( tick => 0.01 );
        $kernel->refcount_decrement( $session->ID, 'go' );
        $conn->async->get_hostname->then( sub { report(); $kernel->call( $session, 'end' ) } );
    },
    tick => sub { tick(); $_[KERNEL]->delay( tick => 0.01 ) },
    end  => sub { $_[KERNEL]->delay('tick') },
} );
POE::Kernel->run;
say 'ended';
say $conn->async->get_domain_by_name('test')->get->get_name;
SCRIPT

script( q(libvirt's own), [], <<'SCRIPT', "${ran}test\nsuspended\nalarm\nnested: test\n" );
Sys::Virt::Event::register_default();
my $conn = Sys::Virt->async->new( uri => $uri )->get;
my $timer = Sys::Virt::Event::add_timeout( 10, \&tick );
stopped();
my $over;
$conn->async->get_hostname->then( sub { report(); $over = 1 } );
Sys::Virt::Event::run_default() while !$over;
Sys::Virt::Event::remove_timeout($timer);
my $dom = $conn->async->get_domain_by_name('test')->get;
say $dom->async->get_name->get;

# Events come while `get` waits, and handlers of signals run.
my $event;
$conn->domain_event_register_any( undef, 0, sub { $event = $_[2] } );
$dom->async->suspend->get;
stopped();
my $alarm;
local $SIG{USR1} = sub { $alarm = 1 };
if ( !fork ) { sleep 0.2; kill USR1 => getppid; require POSIX; POSIX::_exit(0) }
$conn->async->get_hostname->get;
Sys::Virt::Event::run_default() while !defined $event;
say $event == Sys::Virt::Domain::EVENT_SUSPENDED ? 'suspended' : "event $event";
say $alarm ? 'alarm' : 'no alarm';
$dom->resume;
$over = 0;
Sys::Virt::Event::add_timeout( 0, sub {
    Sys::Virt::Event::remove_timeout( $_[0] );
    say 'nested: ', $dom->async->get_name->get;
    $over = 1;
} );
Sys::Virt::Event::run_default() while !$over;
SCRIPT

# An event implementation for each of them: libvirt's threads make requests to the event loop in all cases.
my %turn = (
    Mojo     => [ 'Mojo::IOLoop',    'Mojo::IOLoop->one_tick' ],
    IOAsync  => [ 'IO::Async::Loop', 'IO::Async::Loop->new->loop_once' ],
    AnyEvent => [ 'AnyEvent',        'AnyEvent->_poll' ],
    Glib     => [ 'Glib',            'Glib::MainContext->default->iteration(1)' ],
    POE      => [ 'POE',             'POE::Kernel->run_one_timeslice' ],
);
for my $loop ( sort keys %turn ) {
    my ( $module, $turn ) = @{ $turn{$loop} };
    script( "Sys::Virt::EventImpl::$loop", [$module], <<"SCRIPT", "${ran}events: 50\nclosed\n" );
use $module; @{[ $loop eq 'POE' ? 'POE::Kernel->run;' : q{} ]}
use Sys::Virt::EventImpl::$loop;
sub turn { $turn }
my \$conn = Sys::Virt->async->new( uri => \$uri )->get;
my \$dom = \$conn->async->get_domain_by_name('test')->get;
my ( \$over, \$events, \$closed ) = ( 0, 0 );
my \$timer = Sys::Virt::Event::add_timeout( 10, \\&tick );
stopped();
\$conn->async->get_hostname->then( sub { report(); \$over = 1 } );
turn() while !\$over;
Sys::Virt::Event::remove_timeout(\$timer);
\$conn->domain_event_register_any( undef, 0, sub { \$events++ } );
for ( 1 .. 25 ) {
    my \$f = \$dom->async( ordered => 1 )->suspend;
    \$dom->async( ordered => 1 )->resume->await;
}
my \$end = time + 5;
turn() while \$events < 50 && time < \$end;
say "events: \$events";
\$conn->register_close_callback( sub { \$closed = \$_[1] } );
undef \$dom;
say 'closed' if !eval { \$conn->close; undef \$conn; 0 };
SCRIPT
}

script( 'no loop', [], <<'SCRIPT', "USR1\nit took its time\nleft: enough\nvm\n1\n" );
my $conn = Sys::Virt->async->new( uri => $uri )->get;
local $SIG{USR1} = sub { say 'USR1' };
if ( !fork ) { sleep 0.2; kill USR1 => getppid; require POSIX; POSIX::_exit(0) }
stopped();
$conn->async->get_hostname->get;
say time - $start > 0.4 ? 'it took its time' : 'too fast';
stopped();
local $SIG{ALRM} = sub { die "enough\n" };
Time::HiRes::ualarm(200_000);
my $future = $conn->async->get_hostname;
print 'left: ', eval { $future->get } // $@;
say 'vm' if length $future->get;
my $over = 0;
$conn->async->get_hostname->on_done( sub { $over = 1 } );
while ( !$over ) {
    vec( my $bits = q{}, Sys::Virt::Async->fileno, 1 ) = 1;
    select $bits, undef, undef, 5;
    Sys::Virt::Async->dispatch;
}
say $over;
SCRIPT

script( 'Future::AsyncAwait', ['Future::AsyncAwait'],
    <<'SCRIPT', "test 1\nfailed: 42\ninner: aborted\nouter: 1\ntop: test\nwith a Future: 3\nmany: 1000\n" );
BEGIN { require Sys::Virt; require Sys::Virt::Future }
use Future::AsyncAwait future_class => 'Sys::Virt::Future';
my $conn = Sys::Virt->new( uri => 'test:///default' );
async sub state_of {
    my ($name) = @_;
    my $dom = await $conn->async->get_domain_by_name($name);
    my ($state) = await $dom->async->get_state;
    return ( await( $dom->async->get_name ) . " $state" );
}
say state_of('test')->get;
say 'failed: ', state_of('none')->failure->code;

# A canceled future throws in the function that waits for it; canceling the function's own future ends the function.
my $inner = Sys::Virt::Future->new;
async sub waits { my ($f) = @_; eval { await $f; 1 } or return 'inner: aborted' if 1; return 'done' }
my $f = waits($inner);
$inner->cancel;
say $f->get;
my $resumed = 0;
async sub outer { my ($f) = @_; await $f; $resumed++; }
$inner = Sys::Virt::Future->new;
my $outer = outer($inner);
$outer->cancel;
say 'outer: ', $inner->is_cancelled && !$resumed ? 1 : 0;
undef $_ for $f, $outer, $inner;
say 'top: ', await $conn->get_domain_by_name('test')->async->get_name;
require Future;
async sub mixed { my $n = await Future->done(2); return $n + await $conn->async->num_of_domains }
say 'with a Future: ', mixed()->get;
my $count = 0;
async sub many { for my $i ( 1 .. 1000 ) { await $conn->async->get_hostname; $count++ } return $count }
say 'many: ', many()->get;
SCRIPT

script(
    'loops that are loaded later',
    [qw(Mojo::IOLoop IO::Async::Loop)],
    <<'SCRIPT', "Mojo\nIO::Async\nnamed\n" );
my $conn = Sys::Virt->new( uri => $uri );
$conn->async->get_hostname->get;
require Mojo::IOLoop;
$conn->async->get_hostname->on_ready( sub { say 'Mojo' } );
Mojo::IOLoop->start;
require IO::Async::Loop;
my $loop = IO::Async::Loop->new;
$conn->async->get_hostname->on_ready( sub { say 'IO::Async'; $loop->stop } );
$loop->run;
my $own = Mojo::IOLoop->new;
Sys::Virt::Async->join($own);
$conn->async->get_hostname->on_ready( sub { say 'named'; $own->stop } );
$own->start;
eval { Sys::Virt::Async->join('x') } or die $@ if !$@ && 0;
SCRIPT

script( 'a fork', ['Mojo::IOLoop'], <<'SCRIPT', "child: 1\nchild: test\nparent: vm\n" );
use Mojo::IOLoop;
my $conn = Sys::Virt->new( uri => $uri );
stopped();
my $future = $conn->async->get_hostname;
my $pid = fork // die $!;
if ( !$pid ) {
    say 'child: ', defined $future->failure ? 1 : 0;
    my $own = Sys::Virt->async->new( uri => 'test:///default' )->get;
    $own->async->get_domain_by_name('test')->then( sub { say 'child: ', $_[0]->get_name } );
    Mojo::IOLoop->start;
    require POSIX;
    POSIX::_exit(0);
}
waitpid $pid, 0;
$future->then( sub { say 'parent: ', length $_[0] ? 'vm' : 'nothing' } );
Mojo::IOLoop->start;
SCRIPT

done_testing;
