# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# What Sys::Virt::EventImpl::* have to do, whatever the loop: on the test driver, and over a socket to a daemon. A process has
# one event loop, so each backend of a loop has a process of its own, under strace where that is possible.
package Loops;
use strict;
use warnings;

use File::Temp   ();
use Scalar::Util ();
use Test::More;
use Time::HiRes ();
use Sys::Virt;
use Sys::Virt::Event;
use Sys::Virt::Reconnect;
use lib __FILE__ =~ s{[^/]+\z}{../../t/lib}r;
use Patience;
use Session;

my ( $turn, $name );

# `module`, with its Debian `package`, is the event loop; `backends` are environments by name; `turn` runs it for at most 50 ms.
sub test {
    my (%loop) = @_;
    if ( @ARGV && $ARGV[0] eq '--backend' ) {
        $turn = $loop{turn};
        $name = $ARGV[1];
        return backend( $loop{implementation} );
    }
    plan skip_all => "$loop{module} is not installed (Debian: $loop{package})" if !installed( $loop{module} );
    my $strace = grep { -x "$_/strace" } split /:/, $ENV{PATH};
    $strace &&= !system 'strace -o /dev/null true 2>/dev/null';
    for my $backend ( sort keys %{ $loop{backends} } ) {
        my ( $needs, %environment ) = @{ $loop{backends}{$backend} };
    SKIP: {
            skip( "$needs is not installed", 1 ) if $needs && !installed($needs);
            local @ENV{ keys %environment } = values %environment;
            my $trace    = File::Temp->new;
            my @watched  = $strace ? ( 'strace', '-f', '-e', 'trace=close,execve', '-o', "$trace" ) : ();
            my @includes = map { "-I$_" } grep { !ref } @INC;
            open my $pipe, '-|', @watched, $^X, @includes, $0, '--backend', $backend or die $!;
            my $output = do { local $/ = undef; <$pipe> };
            close $pipe;
            is( $?, 0, "$loop{implementation} with $backend" )
                or diag join q{}, grep { !/^ok/ } $output =~ /.*\n/g;
            like( $output, qr/^1[.][.]\d\d/m, '... all of its tests ran' );
            skip( 'no descriptors are watched: strace is not installed or not allowed', 1 ) if !$strace;
            is( join( q{}, bad_closes($trace) ), q{}, '... and nobody closed a descriptor of another\'s' );
        }
    }
    return done_testing();
}

# Descriptors that the process and its threads closed although they were not open; other programs that it starts do not count.
sub bad_closes {
    my ($trace) = @_;
    my ( $first, %other, @bad ) = scalar <$trace>;
    while (<$trace>) {
        my ($pid) = /\A(\d+)/;
        $other{$pid} = 1 if /execve/;
        push @bad, [ $pid, $_ ] if /EBADF/;
    }
    return map { $_->[1] } grep { !$other{ $_->[0] } } @bad;
}

sub installed {
    my ($module) = @_;
    my $file = $module =~ s{::}{/}gr . '.pm';
    return grep { !ref && -e "$_/$file" } @INC;
}

sub turn_until {
    my ( $condition, $seconds ) = @_;
    my $end = Time::HiRes::time() + ( $seconds // 10 );
    while ( !$condition->() ) {
        return if Time::HiRes::time() > $end;
        $turn->();
    }
    return 1;
}

sub turn_for {
    my ($seconds) = @_;
    turn_until( sub { 0 }, $seconds );
    return;
}

sub backend {
    my ($implementation) = @_;
    alarm 240;
    eval "use $implementation; 1" or die $@;
    isa_ok( $Sys::Virt::Event::eventimpl, $implementation, "$name: the loop" );
    timers();
    handles();
    waits();
    events('test:///default');

    if ( my $daemon = Session->new ) {
        events( $daemon->uri );
        connection($daemon);
        reconnecting($daemon);
    }
    else {
    SKIP: { skip( 'no libvirtd is installed (Debian: libvirt-daemon)', 1 ) }
    }
    return done_testing();
}

# An object that reports when it is freed.
sub witness {
    my $object = bless {}, 'Loops::Witness';
    Scalar::Util::weaken( my $weak = $object );
    return ( $object, \$weak );
}

sub timers {
    my ( $often, $each, $never, $once ) = (0) x 4;
    my $start = Time::HiRes::time();
    my $slow  = Sys::Virt::Event::add_timeout( 100, sub { $often++ } );
    my $fast  = Sys::Virt::Event::add_timeout( 0,   sub { $each++ } );
    my $off   = Sys::Virt::Event::add_timeout( -1,  sub { $never++ } );
    my $self;
    my ( $object, $alive ) = witness();
    my $during;
    $self = Sys::Virt::Event::add_timeout(
        10,
        sub {
            $once++;
            Sys::Virt::Event::remove_timeout($self);
            turn_for(0.1);
            $during = defined $$alive;
            undef $object;
        }
    );
    ok( turn_until( sub { $often >= 3 } ), "$name: a timer fires again and again" );
    my $took = Time::HiRes::time() - $start;
    cmp_ok( $took, '>', 0.29, '... not before its time' );
    cmp_ok( $each, '>', 5,    'a timer of 0 ms fires with each turn, and starves nobody' );
    is( $never, 0, 'one that is off does not fire' );
    is( $once,  1, 'one that removes itself does not fire again' );
    ok( $during,                                '... its callback is kept while it runs' );
    ok( turn_until( sub { !defined $$alive } ), '... and freed when it is over' );

    Sys::Virt::Event::update_timeout( $fast, -1 );
    Sys::Virt::Event::update_timeout( $off,  20 );
    my $before = $each;
    ok( turn_until( sub { $never >= 2 } ), 'updated: one is on' );
    is( $each, $before, '... and one is off' );

    # A callback that runs the event loop is not called within itself.
    my ( $depth, $deepest ) = ( 0, 0 );
    my $nested = Sys::Virt::Event::add_timeout(
        0,
        sub {
            $deepest = $depth if ++$depth > $deepest;
            turn_for(0.06);
            $depth--;
        }
    );
    turn_for(0.3);
    is( $deepest, 1, 'no callback of a timer within itself' );

    my $died = Sys::Virt::Event::add_timeout( 5, sub { $never++; die "in a timer\n" } );
    $never = 0;
    my @told = told(
        sub {
            turn_until( sub { $never >= 5 } );
        }
    );
    cmp_ok( $never, '>=', 5, 'a timer goes on after an exception' );
    like( "@told", qr/in a timer/, '... which the loop gets' );
    Sys::Virt::Event::remove_timeout($_) for $slow, $fast, $off, $nested, $died;
    return;
}

# Event loops handle exceptions in different ways: they throw, warn, or call a handler.
sub told {
    my ($code) = @_;
    my @told;
    local $SIG{__WARN__} = sub { push @told, @_ };
    push @told, $@ while !eval { $code->(); 1 } && @told < 100;
    return @told;
}

sub handles {
    my ( $r, $w, $hup, $err ) = map { 1 << $_ } 0, 1, 3, 2;
    pipe my $read, my $write or die $!;
    my @seen;
    my $hold  = 0;
    my $watch = Sys::Virt::Event::add_handle( fileno $read, $r,
        sub { push @seen, [@_]; sysread $read, my $x, 1 if !$hold } );
    turn_for(0.1);
    is( @seen, 0, "$name: a pipe with nothing in it" );
    syswrite $write, 'x';
    ok( turn_until( sub { @seen == 1 } ), 'readable' );
    is_deeply( $seen[0], [ $watch, fileno $read, $r ], '... with the descriptor that it was registered for' );

    Sys::Virt::Event::update_handle( $watch, 0 );
    syswrite $write, 'x';
    turn_for(0.1);
    is( @seen, 1, 'turned off' );
    Sys::Virt::Event::update_handle( $watch, $r );
    ok( turn_until( sub { @seen == 2 } ), 'and on again' );

    my @again;
    my $second = Sys::Virt::Event::add_handle( fileno $read, $r, sub { push @again, [@_] } );
    $hold = 1;
    syswrite $write, 'x';
    ok( turn_until( sub { @again && @seen > 2 } ), 'two watches of one descriptor' );
    Sys::Virt::Event::remove_handle($second);
    my $fired = @again;
    $hold = @seen = ();
    ok( turn_until( sub { @seen } ), '... one goes on when the other is removed' );
    is( @again, $fired, '... which fires no more' );
    ok( -e '/proc/self/fd/' . fileno $read, 'the descriptor is still open' );

    my @ready;
    my $writable = Sys::Virt::Event::add_handle(
        fileno $write,
        $r | $w,
        sub {
            push @ready, $_[2];
            Sys::Virt::Event::update_handle( $_[0], $r );
        }
    );
    ok( turn_until( sub { @ready } ), 'writable' );
    turn_for(0.1);
    is_deeply( \@ready, [$w], '... once, for then it waits for something else' );
    @ready = ();
    my @end;
    my $hangup = Sys::Virt::Event::add_handle( fileno $read, $hup,
        sub { push @end, $_[2]; Sys::Virt::Event::remove_handle( $_[0] ) } );
    @seen = ();
    syswrite $write, 'x';
    ok( turn_until( sub { @seen } ), 'data is no end' );
    is( @end, 0, '... for one that waits for the end alone' );
    Sys::Virt::Event::update_handle( $watch, $r | $w );

    pipe my $other, my $broken or die $!;
    my @errors;
    my $error = Sys::Virt::Event::add_handle( fileno $broken,
        $err, sub { push @errors, $_[2]; Sys::Virt::Event::remove_handle( $_[0] ) } );
    close $other;
    ok( turn_until( sub { @errors } ), 'an error' );
    is( $errors[0] & ( $r | $hup | $err ), $err, '... is an error' );

    Sys::Virt::Event::remove_handle($writable);
    @seen = ();
    close $write;
    ok( turn_until( sub { @end && @seen } ), 'the end of a pipe' );
    is_deeply( \@end, [$hup], '... is a hangup' );
    is( $seen[0][2] & $hup, $hup, '... to whom waits for data, too' );
    Sys::Virt::Event::remove_handle($watch);

    # Removed by its own callback, which then runs the event loop; not called within itself.
    pipe $read, $write or die $!;
    syswrite $write, 'xxx';
    my ( $object, $alive ) = witness();
    my ( $times, $kept, $depth, $deepest ) = (0) x 4;
    $watch = Sys::Virt::Event::add_handle(
        fileno $read,
        $r,
        sub {
            $deepest = $depth if ++$depth > $deepest;
            if ( ++$times == 2 ) {
                Sys::Virt::Event::remove_handle( $_[0] );
                turn_for(0.1);
                $kept = defined $$alive;
                undef $object;
            }
            turn_for(0.1);
            $depth--;
        }
    );
    ok( turn_until( sub { !defined $$alive } ), 'what is removed by its own callback is freed' );
    is_deeply(
        [ $times, $kept, $deepest ],
        [ 2,      1,     1 ],
        '... when that is over; and no callback within itself'
    );
    return;
}

# Waits end with the event, and their timers are the loop's.
sub waits {
    my $dom    = Sys::Virt->new( uri => 'test:///default' )->get_domain_by_name('test');
    my $paused = Sys::Virt::Domain::STATE_PAUSED;
    my $future = $dom->async->wait_for_state( $paused, interval => 20 );
    ok( turn_until( sub { Sys::Virt::Async->pending == 0 } ), "$name: a wait begins" );
    turn_for(0.2);
    ok( !$future->is_ready, '... and goes on' );
    my $start = Time::HiRes::time();
    $dom->suspend;
    ok( turn_until( sub { $future->is_ready }, 5 ), '... and ends with the event' );
    cmp_ok( Time::HiRes::time() - $start, '<', 10, '... at once' );
    is( scalar $future->get, $paused, '... with the state' );
    $dom->resume;
    $start  = Time::HiRes::time();
    $future = $dom->async->wait_for_state( $paused, timeout => 0.4 );
    ok( turn_until( sub { $future->is_ready }, 5 ), 'a time limit' );
    cmp_ok( Time::HiRes::time() - $start, '>=', 0.39, '... not before its time' );
    is( $future->failure->code, Sys::Virt::Error::ERR_OPERATION_TIMEOUT, '... is an error' );
    my $ensured = $dom->get_connect->async->ensure_domain( $dom, 'stopped' );
    ok( turn_until( sub { $ensured->is_ready }, 5 ), 'a domain is stopped' );
    $dom->create;
    is( $dom->get_connect->ensure_domain( $dom, 'stopped' ), 1, '... also by a call that turns the loop' );
    $dom->create;
    return;
}

sub events {
    my ($uri) = @_;
    my $conn  = Sys::Virt->new( uri => $uri );
    my $dom   = $conn->get_domain_by_name('test');
    my @seen;
    my $id = $conn->domain_event_register_any(
        $dom,
        Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
        sub { push @seen, $_[2] }
    );
    $dom->suspend;
    $dom->resume;
    ok( turn_until( sub { @seen == 2 } ), "$name, $uri: events arrive" );
    is_deeply( \@seen, [ Sys::Virt::Domain::EVENT_SUSPENDED, Sys::Virt::Domain::EVENT_RESUMED ],
        '... in order' );
    $conn->domain_event_deregister_any($id);

    # A callback that unregisters itself, makes a call, and runs the event loop.
    my @names;
    $id = $conn->domain_event_register_any(
        $dom,
        Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
        sub {
            my ( $c, $d ) = @_;
            $conn->domain_event_deregister_any($id);
            push @names, $d->get_name, $c->get_hostname;
            $turn->();
        }
    );
    $dom->suspend;
    ok( turn_until( sub { @names == 2 } ), 'a callback may unregister itself, and call' );
    $dom->resume;
    turn_for(0.2);
    is( @names, 2, '... and is not called again' );

    my $count = 0;
    $id = $conn->domain_event_register_any(
        $dom,
        Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
        sub { $count++; die "in an event\n" }
    );
    $dom->suspend;
    $dom->resume;
    my @told = told(
        sub {
            turn_until( sub { $count == 2 } );
        }
    );
    is( $count, 2, 'a callback that dies stops nothing' );
    like( "@told", qr/in an event/, '... and the loop gets the exception' );
    $conn->domain_event_deregister_any($id);
    return;
}

sub connection {
    my ($daemon) = @_;
    turn_for(0.2);
    my $open = descriptors();
    my @closed;
    my $connect = sub {
        my $conn = Sys::Virt->new( uri => $daemon->uri );
        $conn->register_close_callback( sub { push @closed, $_[1] } );
        return $conn;
    };
    my $conn = $connect->();
    $conn->set_keep_alive( 1, 3 );
    turn_for(2.5);
    is( "@closed",           q{}, "$name: keepalive is answered" );
    is( $conn->is_alive + 0, 1,   '... the connection lives' );
    $conn->set_keep_alive( 1, 1 );
    $daemon->signal('STOP');
    ok( turn_until( sub { @closed } ), 'and when it is not' );
    $daemon->signal('CONT');
    is( "@closed", Sys::Virt::CLOSE_REASON_KEEPALIVE, '... the close callback says so' );

    @closed = ();
    $conn   = $connect->();
    my $was = $conn;
    $daemon->stop;
    ok( turn_until( sub { @closed } ), 'the daemon is killed' );
    is( "@closed", Sys::Virt::CLOSE_REASON_EOF, '... the close callback says so' );
    $daemon->restart;
    events( $daemon->uri );
    undef $was;
    undef $conn;
    turn_for(0.2);
    is( descriptors(), $open, 'no descriptor is left' );
    return;
}

# A connection that comes back, by the loop alone.
sub reconnecting {
    my ($daemon) = @_;
    Sys::Virt->new( uri => 'test:///default', timeout => 5 )->get_hostname;    # its descriptors stay
    turn_for(0.2);
    my $open = descriptors();
    my ( @told, @seen );
    my $rc = Sys::Virt::Reconnect->new(
        uri        => $daemon->uri,
        min_delay  => 0.05,
        max_delay  => 0.5,
        keep_alive => [ 1, 1 ],
        on_connect => sub {
            push @told, join q{ }, 'connect', map { $_->{name} } values %{ $_[2]{domain} };
        },
        on_disconnect => sub { push @told, 'disconnect' },
    );
    $rc->domain_event_register_any( undef, Sys::Virt::Domain::EVENT_ID_LIFECYCLE, sub { push @seen, $_[2] } );
    my @ticks;
    my $ticker = Sys::Virt::Event::add_timeout( 50, sub { push @ticks, Time::HiRes::time() } );
    for my $how ( 'from the start', 'killed', 'hanging' ) {
        @told = @seen = ();
        if ( $how eq 'killed' ) {
            $daemon->stop;
            ok( turn_until( sub { @told } ), "$name: the daemon is killed" );
            turn_for(0.3);
            $daemon->restart;
        }
        if ( $how eq 'hanging' ) {
            $daemon->signal('STOP');
            ok( turn_until( sub { @told } ), "$name: the daemon hangs" );
            @ticks = ();
            turn_for(1);    # attempts are made
            cmp_ok( scalar @ticks, '>', 5, '... which does not stop the loop' );
            $daemon->signal('CONT');
        }
        ok( turn_until( sub { $rc->is_connected }, 40 ), "$name: connected, $how" );
        is_deeply(
            \@told,
            [ $how eq 'from the start' ? () : 'disconnect', 'connect test' ],
            '... which is told'
        );
        my $dom = $rc->connection->get_domain_by_name('test');
        $dom->suspend;
        $dom->resume;
        ok( turn_until( sub { @seen >= 2 } ), '... events come' );
        is_deeply(
            \@seen,
            [ Sys::Virt::Domain::EVENT_SUSPENDED, Sys::Virt::Domain::EVENT_RESUMED ],
            '... once each'
        );
    }
    Sys::Virt::Event::remove_timeout($ticker);
    undef $rc;
    ok( turn_until( sub { descriptors() <= $open } ), 'no descriptor is left' );
    return;
}

sub descriptors {
    opendir my $folder, '/proc/self/fd' or return 0;
    return scalar grep { /\d/ } readdir $folder;
}

1;
