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
    $conn->set_keep_alive( 1, 2 )                                             if $o{alive};
    return \%scene;
}

Faults::prepare(
    sub {
        my $conn = Stack::connect('a');
        my $dir  = Stack::file('pool');
        mkdir $dir or die "$dir: $!\n";
        my $pool = $conn->create_storage_pool(
            "<pool type='dir'><name>faults-daemon-pool</name><target><path>$dir</path></target></pool>");
        $pool->create_volume( "<volume><name>volume</name><capacity unit='MiB'>256</capacity>"
                . "<target><format type='raw'/></target></volume>" );
        Stack::boot( $conn, name => 'mobile' );
    }
);

# The reason that the close callback got after the event loop has run: exactly this one.
sub closed {
    my ( $scene, $reason, $seconds ) = @_;
    Faults::within(
        'the close callback',
        $seconds,
        sub {
            Stack::wait_for( 'the close callback', $seconds, sub { $scene->{closed} } );
        }
    );
    is_deeply(
        $scene->{closed},
        [ Sys::Virt->can("CLOSE_REASON_$reason")->() ],
        "... with the reason $reason"
    );
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
        'A17: killed before a call' . ( $loop ? ', with a loop' : q{} ),
        15,
        sub {
            my $scene = scene( loop => $loop );
            my $conn  = $scene->{conn};
            my ( $asked, $never_asked ) = map { Stack::connect('a') } 1, 2;
            $asked->get_type;
            Faults::daemon( 'a', 'kill' );
            is( $asked->get_type,       'QEMU',   'a type that was asked for' );
            is( $never_asked->get_type, 'remote', 'one that was not is the name of the client' );
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
        Faults::daemon( 'a', 'freeze' );
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
    'D13: killed during a call in another thread',
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

        # Either thread may be the one that reads the end.
        my %ends = map { $_ => 1 } Sys::Virt::Error::ERR_INTERNAL_ERROR, Sys::Virt::Error::ERR_SYSTEM_ERROR;
        my $code = $thread->join;
        ok( $ends{$code}, "the call in the other thread throws: $code" );
        aftermath($scene);
    }
);

# libvirt holds a lock at that time, which these calls would wait for.
for my $what (qw(unregister_close_callback close register_close_callback)) {
    Faults::case(
        "D13: $what within the close callback",
        15,
        sub {
            my $scene = scene( loop => 1 );
            my $error;
            $scene->{conn}->unregister_close_callback;
            $scene->{conn}->register_close_callback(
                sub {
                    my ( $conn, $reason ) = @_;
                    eval {
                        $conn->$what( $what =~ /^register/ ? sub { } : () );
                        1;
                    } or $error = $@->code;
                    push @{ $scene->{closed} }, $reason;
                }
            );
            Faults::daemon( 'a', 'kill' );
            Faults::within(
                'the close callback',
                2,
                sub {
                    Stack::wait_for( 'the close callback', 2, sub { $scene->{closed} } );
                }
            );
            is_deeply( $scene->{closed}, [Sys::Virt::CLOSE_REASON_EOF], '... runs, once' );
            is(
                $error,
                $what =~ /^register/ ? Sys::Virt::Error::ERR_OPERATION_INVALID : undef,
                $error               ? '... which is refused'                  : '... without error'
            );
            my $end = time + 2;
            Stack::wait_for( 'more of the loop', 3, sub { time >= $end } );
            is( scalar @{ $scene->{closed} }, 1, '... not again' );
            aftermath($scene);
        }
    );
}

# A guest that starts and goes away is an event each.
sub events_arrive {
    my ( $conn, $events, $what ) = @_;
    @$events = ();
    my $guest = $conn->create_domain( Stack::xml( name => 'event' ), Sys::Virt::Domain::START_PAUSED );
    $guest->destroy;
    return ok(
        Stack::wait_for(
            'an event',
            10,
            sub {
                grep { $_ == Sys::Virt::Domain::EVENT_STOPPED } @$events;
            }
        ),
        $what
    );
}

sub listen_to {
    my ($conn) = @_;
    my @events;
    $conn->domain_event_register_any(
        undef,
        Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
        sub { push @events, $_[2] }
    );
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
        Faults::within(
            'three seconds of the loop',
            5,
            sub {
                Stack::wait_for( 'time', 4, sub { time > $end } );
            }
        );
        is( $scene->{closed}, undef, 'nothing happens' );
        Faults::daemon( 'a', 'thaw' );
        events_arrive( $scene->{conn}, $events, 'events go on' );
        $scene->{conn}->close;
        is( $scene->{closed}, undef, 'closed on purpose: no close callback' );
        aftermath($scene);
    }
);

# A stream up or down the volume.
sub transfer {
    my ( $scene, $way, $flags ) = @_;
    my $volume =
        $scene->{conn}->get_storage_pool_by_name('faults-daemon-pool')->get_volume_by_name('volume');
    my $stream = $scene->{conn}->new_stream( $flags // 0 );
    $volume->$way( $stream, 0, 0 );
    return $stream;
}

for my $way (qw(upload download)) {
    Faults::case(
        "killed during an $way, blocking" =~ s/an d/a d/r,
        20,
        sub {
            my $scene  = scene();
            my $stream = transfer( $scene, $way );
            my ( $calls, $end ) = ( 0, 0 );
            my $handler = sub {
                Faults::daemon( 'a', 'kill' ) if ++$calls == 5;
                $end  = Time::HiRes::time() if $calls == 5;
                $_[1] = 'x' x $_[2]         if $way eq 'upload';
                return $_[2];
            };
            my $method = $way eq 'upload' ? 'send_all' : 'recv_all';
            Faults::dies( $method, 10, sub { $stream->$method($handler) } );
            cmp_ok( Time::HiRes::time() - $end, '<', 1, '... soon after' );
            Faults::dies( 'finish',        1, sub { $stream->finish } );
            Faults::dies( 'the next call', 1, sub { $scene->{conn}->get_hostname } );
            Faults::within(
                'abort', 1,
                sub {
                    eval { $stream->abort }
                }
            );
            undef $stream;
            aftermath($scene);
        }
    );

    for my $fault (qw(kill freeze)) {
        my $name = $fault eq 'kill' ? 'killed' : 'stopped, with keep-alive,';
        Faults::case(
            "$name during a non-blocking $way",
            30,
            sub {
                my $scene  = scene( loop => 1, alive => $fault eq 'freeze' );
                my $stream = transfer( $scene, $way, Sys::Virt::Stream::NONBLOCK );
                my ( $bytes, $error, $seen ) = (0);
                my $wanted =
                    $way eq 'upload' ? Sys::Virt::Stream::EVENT_WRITABLE : Sys::Virt::Stream::EVENT_READABLE;
                my $move = sub {
                    my ($st) = @_;
                    return $st->send( 'x' x 65536, 65536 ) if $way eq 'upload';
                    return $st->recv( my $buffer, 65536 );
                };
                $stream->add_callback(
                    $wanted | Sys::Virt::Stream::EVENT_ERROR | Sys::Virt::Stream::EVENT_HANGUP,
                    sub {
                        my ( $st, $events ) = @_;
                        $seen = $events if $events & ~$wanted;
                        my $count = eval { $move->($st) };
                        $error = $@ if !defined $count;
                        $bytes += $count     if defined $count && $count > 0;
                        $st->remove_callback if $error || $seen;
                    }
                );
                ok( Stack::wait_for( 'bytes', 5, sub { $bytes > 2**20 } ), 'bytes move by callbacks' );
                Faults::daemon( 'a', $fault );

                # A full socket also blocks a non-blocking stream of libvirt, and so this loop.
                if ( "$fault $way" eq 'freeze upload' ) {
                    Faults::later( 2, 'daemon', 'a', 'thaw' );
                    my $before = $bytes;
                    Faults::within(
                        'it continues after 2 s',
                        6,
                        sub {
                            Stack::wait_for( 'bytes', 6, sub { $bytes > $before + 2**22 } );
                        }
                    );
                    Faults::within( 'abort', 1, sub { $stream->abort } );
                    return aftermath($scene);
                }
                closed( $scene, $fault eq 'kill' ? 'EOF' : 'KEEPALIVE', 6 );

                # The data before the end is still there.
                my $rest = 0;
                $rest++ while $rest < 1000 && ( eval { $move->($stream) } // -1 ) > 0;
                cmp_ok( $rest, '<', 1000, 'no more bytes move' );
                Faults::dies( 'finish', 1, sub { $stream->finish } );
                note 'the stream: events ', $seen // 'none', ', error ', $error // 'none';
                Faults::within(
                    'abort', 1,
                    sub {
                        eval { $stream->abort }
                    }
                );
                undef $stream;
                aftermath($scene);
            }
        );
    }
}

# The guest moves slowly; the fault comes a second after it has begun.
for my $fault ( [ 'a', 'kill' ], [ 'b', 'kill' ] ) {
    my ( $side, $action ) = @$fault;
    Faults::case(
        "killed during a migration, at its " . ( $side eq 'a' ? 'source' : 'destination' ),
        60,
        sub {
            my ( $here, $there ) = map { Stack::connect($_) } qw(a b);
            my $guest = $here->get_domain_by_name('faults-daemon-mobile');
            $guest->migrate_set_max_speed(15);
            Faults::later( 2, 'daemon', $side, $action );
            Faults::dies( 'migrate', 40, sub { $guest->migrate( $there, Sys::Virt::Domain::MIGRATE_LIVE ) } );
            Faults::within( 'all objects go', 2, sub { undef $guest; undef $here; undef $there } );
            Faults::daemon( $side, 'start' );
            my $new     = Stack::connect('a')->get_domain_by_name('faults-daemon-mobile');
            my $running = sub { ( $new->get_state )[0] == Sys::Virt::Domain::STATE_RUNNING };
            Sys::Virt::Event::register_default();
            ok( Stack::wait_for( 'the guest', 10, $running ), 'the guest runs at the source' );
            my @others = grep { /mobile/ } map { $_->get_name } Stack::connect('b')->list_all_domains;
            is( "@others", q{}, '... and not at the destination' );
        }
    );
}

Faults::finish();
