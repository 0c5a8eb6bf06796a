# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The daemon is killed, or stopped so that it does not answer, while something is under way.
use strict;
use warnings;

use Test::More;
use lib 'xt/lib';
use Stack;
use Faults;
use Sys::Virt::Event;

# A connection with objects of several classes; with the loop, its close callback and keep-alive of 1 s, twice.
sub scene {
    my (%o) = @_;
    Sys::Virt::Event::register_default() if $o{loop};
    my $conn  = Stack::connect('a');
    my %scene = ( conn => $conn, networks => [ $conn->list_all_networks ], stream => $conn->new_stream );
    $conn->register_close_callback( sub { push @{ $scene{closed} }, $_[1] } ) if $o{loop};
    $conn->set_keep_alive( 1, 2 )                                            if $o{alive};
    return \%scene;
}

# What the close callback heard, once the loop has run: exactly this reason.
sub closed {
    my ( $scene, $reason, $seconds ) = @_;
    Faults::within( 'the close callback', $seconds,
        sub { Stack::wait_for( 'the close callback', $seconds, sub { $scene->{closed} } ) } );
    is_deeply( $scene->{closed}, [ Sys::Virt->can("CLOSE_REASON_$reason")->() ], "... with the reason $reason" );
    is( $scene->{conn}->is_alive, 0, 'the connection is not alive' );
    return;
}

# Everything that is left can go, and another connection works.
sub aftermath {
    my ($scene) = @_;
    Faults::within( 'all objects go', 1, sub { delete @$scene{qw(networks stream conn)} } );
    Faults::daemon( 'a', 'start' );
    is( Stack::connect('a')->get_type, 'QEMU', 'a new connection works' );
    return;
}

for my $loop ( 0, 1 ) {
    Faults::case(
        'killed before a call' . ( $loop ? ', with a loop' : q{} ),
        15,
        sub {
            my $scene = scene( loop => $loop );
            my $conn  = $scene->{conn};
            Faults::daemon( 'a', 'kill' );
            Faults::dies( 'the first call',  1, sub { $conn->get_hostname } );
            Faults::dies( 'the second call', 1, sub { $conn->list_all_domains } );
            Faults::dies( 'of an object',    1, sub { $scene->{networks}[0]->get_xml_description } );
            is( $conn->is_alive, 0, 'the connection is not alive' );
            Faults::dies( 'no daemon to connect to', 1, sub { Stack::connect('a') } );
            aftermath($scene);
        }
    );
}


for my $loop ( 0, 1 ) {
    Faults::case(
        'killed during a call' . ( $loop ? ', with a loop' : q{} ),
        15,
        sub {
            my $scene = scene( loop => $loop );
            Faults::daemon( 'a', 'freeze' );
            Faults::later( 0.5, 'daemon', 'a', 'kill' );
            Faults::dies( 'the call, killed after 0.5 s', 2, sub { $scene->{conn}->get_hostname } );
            closed( $scene, 'EOF', 1 ) if $loop;
            aftermath($scene);
        }
    );
}

Faults::case(
    'stopped during a call, and going on',
    15,
    sub {
        my $scene = scene();
        Faults::daemon( 'a', 'freeze' );
        Faults::later( 1, 'daemon', 'a', 'thaw' );
        my $name;
        my $took = Faults::within( 'the call', 3, sub { $name = $scene->{conn}->get_hostname } );
        cmp_ok( $took, '>', 0.9, '... waits' );
        is( $name, 'stack-a', '... and has its result' );
        aftermath($scene);
    }
);

# libvirt's client looks at the clock only in the event loop: a call that waits in the same thread waits on.
Faults::case(
    'stopped during a call, with keep-alive, the loop in another thread',
    20,
    sub {
        require threads;
        my $scene = scene( loop => 1, alive => 1 );
        my $code  = 'ERR_' . 'none';
        Faults::daemon( 'a', 'freeze' );
        my $start  = time;
        my $thread = threads->create(
            sub {
                my $lived = eval { $scene->{conn}->get_hostname; 1 };
                return $lived ? 'no error' : ref $@ ? $@->code : $@;
            }
        );
        closed( $scene, 'KEEPALIVE', 6 );
        is( $thread->join, Sys::Virt::Error::ERR_INTERNAL_ERROR, 'the call in the other thread throws' );
        Faults::dies( 'the next call', 1, sub { $scene->{networks}[0]->get_xml_description } );
        aftermath($scene);
    }
);

Faults::case(
    'killed during a call in another thread',
    20,
    sub {
        require threads;
        my $scene = scene( loop => 1 );
        Faults::daemon( 'a', 'freeze' );
        my $thread = threads->create(
            sub {
                my $lived = eval { $scene->{conn}->get_hostname; 1 };
                return $lived ? 'no error' : ref $@ ? $@->code : $@;
            }
        );
        Faults::later( 0.5, 'daemon', 'a', 'kill' );
        closed( $scene, 'EOF', 3 );
        is( $thread->join, Sys::Virt::Error::ERR_INTERNAL_ERROR, 'the call in the other thread throws' );
        aftermath($scene);
    }
);

# A guest that starts and goes away is an event each.
sub events_arrive {
    my ( $conn, $events, $what ) = @_;
    @$events = ();
    my $guest = $conn->create_domain( Stack::xml( name => 'event' ), Sys::Virt::Domain::START_PAUSED );
    $guest->destroy;
    return ok(
        Stack::wait_for( 'an event', 10, sub { grep { $_ == Sys::Virt::Domain::EVENT_STOPPED } @$events } ),
        $what );
}

sub listen_to {
    my ($conn) = @_;
    my @events;
    $conn->domain_event_register_any( undef, Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
        sub { push @events, $_[2] } );
    return \@events;
}

for my $alive ( 0, 1 ) {
    my $with = $alive ? 'with' : 'without';
    Faults::case(
        "killed during a loop, $with keep-alive",
        40,
        sub {
            my $scene  = scene( loop => 1, alive => $alive );
            my $events = listen_to( $scene->{conn} );
            events_arrive( $scene->{conn}, $events, 'events before' );
            Faults::daemon( 'a', 'kill' );
            closed( $scene, 'EOF', 2 );
            Faults::dies( 'a call', 1, sub { $scene->{conn}->get_hostname } );
            aftermath($scene);
            my $conn = Stack::connect('a');
            events_arrive( $conn, listen_to($conn), 'events after, on a new connection' );
        }
    );
}

Faults::case(
    'stopped during a loop, with keep-alive',
    40,
    sub {
        my $scene  = scene( loop => 1, alive => 1 );
        my $events = listen_to( $scene->{conn} );
        Faults::daemon( 'a', 'freeze' );
        closed( $scene, 'KEEPALIVE', 6 );
        aftermath($scene);
        my $conn = Stack::connect('a');
        events_arrive( $conn, listen_to($conn), 'events after, on a new connection' );
    }
);

Faults::case(
    'stopped during a loop, without keep-alive',
    40,
    sub {
        my $scene  = scene( loop => 1 );
        my $events = listen_to( $scene->{conn} );
        Faults::daemon( 'a', 'freeze' );
        my $end = time + 3;
        Faults::within( 'three seconds of the loop',
            5, sub { Stack::wait_for( 'time', 4, sub { time > $end } ) } );
        is( $scene->{closed}, undef, 'nobody notices' );
        Faults::daemon( 'a', 'thaw' );
        events_arrive( $scene->{conn}, $events, 'events go on' );
        $scene->{conn}->close;
        is( $scene->{closed}, undef, 'closed on purpose: no close callback' );
        aftermath($scene);
    }
);

Faults::finish();
