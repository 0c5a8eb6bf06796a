# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Child;
use Patience;
use Throws;
use File::Temp   ();
use Config       qw(%Config);
use Scalar::Util qw(weaken);
use Sys::Virt;
use Sys::Virt::Event;

local $SIG{ALRM} = sub { die "the event loop hangs\n" };
alarm 60;

my $uri = 'test:///default';

subtest 'without a loop' => sub {
    throws( 'D8: run_default', qr/call register_default first/, sub { Sys::Virt::Event::run_default() } );
    throws(
        'B33: add_timeout',
        qr/no event loop/,
        sub {
            Sys::Virt::Event::add_timeout( 1, sub { } );
        }
    );
    throws(
        'B33: add_handle',
        qr/no event loop/,
        sub {
            Sys::Virt::Event::add_handle( 0, 1, sub { } );
        }
    );
    my $early = Sys::Virt->new( uri => $uri );
    for my $register ( [ domain_event_register_any => undef, 0 ], [ domain_event_register => ], ) {
        my ( $method, @args ) = @$register;
        throws(
            $method,
            Sys::Virt::Error::ERR_INTERNAL_ERROR,
            sub {
                $early->$method( @args, sub { } );
            }
        );
        like(
            $@->message,
            qr/event timer.*call Sys::Virt::Event::register_default\(\) before Sys::Virt->new/,
            '... and says what to do'
        );
    }
};

is( Sys::Virt::Event::register_default(), undef, 'register_default returns nothing' );
my $c = Sys::Virt->new( uri => $uri );

# One iteration of the event loop, which never waits for long.
sub turn {
    my $timer = Sys::Virt::Event::add_timeout( 0, sub { } );
    my $ok    = eval { Sys::Virt::Event::run_default(); 1 };
    my $error = $@;
    Sys::Virt::Event::remove_timeout($timer);
    die $error if !$ok;
    return;
}

sub turns { turn() for 1 .. 3; return }

subtest 'timers and handles' => sub {
    my @fired;
    my $timer = Sys::Virt::Event::add_timeout( 0, sub { push @fired, [@_] } );
    cmp_ok( $timer, '>', 0, 'an id' );
    Sys::Virt::Event::run_default();
    is_deeply( $fired[0], [$timer], 'a timer gets its id' );
    Sys::Virt::Event::update_timeout( $timer, -1 );
    @fired = ();
    turn();
    is( @fired, 0, 'a disabled timer is quiet' );
    Sys::Virt::Event::remove_timeout($timer);

    pipe my $read, my $write or die $!;
    binmode $_ for $read, $write;    # PERL_UNICODE
    my @ready;
    my $watch = Sys::Virt::Event::add_handle(
        fileno $read,
        Sys::Virt::Event::HANDLE_READABLE(),
        sub { push @ready, [@_] }
    );
    syswrite $write, 'x';
    Sys::Virt::Event::run_default();
    is_deeply( $ready[0], [ $watch, fileno $read, 1 ], 'a handle gets watch, descriptor, events' );
    Sys::Virt::Event::update_handle( $watch, 0 );
    @ready = ();
    turn();
    is( @ready, 0, 'a handle that waits for nothing' );
    Sys::Virt::Event::remove_handle($watch);

    for my $sub (qw(remove_handle remove_timeout)) {
        throws(
            "B33: $sub of an unknown id",
            qr/there is no \w+ 9999/,
            sub { Sys::Virt::Event->can($sub)->(9999) }
        );
    }
    is( Sys::Virt::Event::update_handle( 9999, 1 ),  undef, 'B32: update_handle of an unknown id is silent' );
    is( Sys::Virt::Event::update_timeout( 9999, 1 ), undef, 'B32: update_timeout too' );

    # A value that is not code is accepted, and fails when it is called; a named sub may be defined later.
    my @said;
    local $SIG{__WARN__} = sub { push @said, @_ };
    my $bad = Sys::Virt::Event::add_timeout( 0, [] );
    throws(
        'no code',
        qr/\ANot a CODE reference at/,
        sub {
            Sys::Virt::Event::run_default() for 1 .. 5;
        }
    );
    Sys::Virt::Event::remove_timeout($bad);
    our $called = 0;
    my $later = Sys::Virt::Event::add_timeout( 0, 'comes_later' );
    {
        no strict 'refs';
        *{'main::comes_later'} = sub { $called++ };
    }
    for ( 1 .. 5 ) { Sys::Virt::Event::run_default() if !$called }
    is( $called, 1, 'the name of a sub that comes later' );
    Sys::Virt::Event::remove_timeout($later);
    is( scalar( grep { /\ASys::Virt::Event::add_timeout: coderef is not a CODE reference at/ } @said ),
        2, '... both are warned of' );
};

subtest 'D4: exceptions in callbacks' => sub {
    my $count = 0;
    my $timer = Sys::Virt::Event::add_timeout( 0, sub { $count++; die { count => $count } } );

    # An iteration may end early, after an internal change of the event loop.
    my $until_it_dies = sub {
        for ( 1 .. 5 ) {
            eval { Sys::Virt::Event::run_default(); 1 } or return;
        }
    };
    for my $turn ( 1, 2 ) {
        $until_it_dies->();
        is( ref $@,      'HASH', 'come out of run_default' );
        is( $@->{count}, $turn,  'each time: the timer lives on' );
    }
    my $handled = 0;
    {
        local $SIG{__DIE__} = sub { $handled++ };
        $until_it_dies->();
    }
    is( $handled, 1, '$SIG{__DIE__} is called once' );
    Sys::Virt::Event::remove_timeout($timer);

    my @timers = map {
        my $number = $_;
        Sys::Virt::Event::add_timeout( 0, sub { die "timer $number\n" } )
    } 1 .. 3;
    my @warnings;
    {
        local $SIG{__WARN__} = sub { push @warnings, @_ };
        $until_it_dies->();
    }
    is( $@,          "timer 1\n",           'of several in an iteration, the first' );
    is( "@warnings", "timer 2\n timer 3\n", '... the others are warnings' );
    eval {
        local $SIG{__WARN__} = sub { die "warned: @_" };
        $until_it_dies->();
        1;
    } or is( $@, "warned: timer 2\n", '... which a handler may make fatal' );
    Sys::Virt::Event::remove_timeout($_) for @timers;

    local $@ = 'mine';
    $timer = Sys::Virt::Event::add_timeout(
        0,
        sub {
            eval { die "of its own\n" }
        }
    );
    Sys::Virt::Event::run_default() for 1 .. 3;
    Sys::Virt::Event::remove_timeout($timer);
    is( $@, 'mine', 'a callback leaves $@ alone' );
};

subtest 'domain events' => sub {
    my ( @all, @one );
    my $d     = $c->get_domain_by_name('test');
    my $first = $c->domain_event_register_any(
        undef,
        Sys::Virt::Domain::EVENT_ID_LIFECYCLE(),
        sub { push @all, [@_] }
    );
    my $next =
        $c->domain_event_register_any( $d, Sys::Virt::Domain::EVENT_ID_LIFECYCLE(), sub { push @one, [@_] } );
    is( $next, $first + 1, 'ids count' );
    $d->suspend;
    turns();
    is( @all, 1, 'an event for all domains' );
    is( @one, 1, 'and for this one' );
    my ( $conn, $dom, $event, $detail ) = @{ $all[0] };
    is( $conn, $c, 'the connection is the one that it was registered on' );
    isa_ok( $dom, 'Sys::Virt::Domain' );
    is( $dom->get_name, 'test',                                      'the domain can be kept and used' );
    is( $event,         Sys::Virt::Domain::EVENT_SUSPENDED(),        'event' );
    is( $detail,        Sys::Virt::Domain::EVENT_SUSPENDED_PAUSED(), 'detail' );
    is( $c->domain_event_deregister_any($next), undef,               'deregister' );
    $d->resume;
    turns();
    is( @one, 1, 'no more events for the one' );
    is( @all, 2, 'but not for the other' );
    $c->domain_event_deregister_any($first);
    is( $c->domain_event_deregister_any(4711), undef, 'B32: an unknown id is no error, as ever' );

    my $legacy = 0;
    $c->domain_event_register( sub { $legacy++; return 1 } );
    throws(
        'a second legacy registration fails',
        'INVALID_ARG',
        sub {
            $c->domain_event_register( sub { } );
        }
    );
    $d->suspend;
    turns();
    is( $legacy, 1, 'the legacy form delivers' );
    $c->domain_event_deregister;
    $d->resume;
    turns();
    is( $legacy, 1, 'until it is unregistered' );

    for my $bad ( -1, 30, 1000 ) {
        throws(
            "event $bad",
            8,
            sub {
                $c->domain_event_register_any( undef, $bad, sub { } );
            }
        );
    }
    throws(
        'a connection for a domain',
        qr/domref is not a Sys::Virt::Domain object/,
        sub {
            $c->domain_event_register_any( $c, 0, sub { } );
        }
    );
};

subtest 'the object of an event' => sub {
    my ( $d, %kept, $weak, $handler ) = $c->get_domain_by_name('test');
    my $id    = $c->domain_event_register_any( undef, 0, sub { $handler->(@_) } );
    my $event = sub {
        ($handler) = @_;
        $d->suspend;
        turns();
        eval { $d->resume };
        turns();
    };
    my $name = sub {
        my ($dom) = @_;
        return eval { $dom->get_name } || "$@";
    };
    $event->( sub { $kept{reference} = $_[1] } );
    $event->( sub { $kept{alias}     = \$_[1] } );
    $event->(
        sub {
            my ( undef, $dom ) = @_;
            $kept{closure} = sub { $dom }
        }
    );
    $event->( sub { $kept{inner} = ${ $_[1] }; weaken( $weak = $_[1] ) } );
    $event->( sub { @kept{qw(all arguments)} = ( [@_], \@_ ) } );
    is( $name->( $kept{reference} ),   'test', 'a copy of the reference keeps it' );
    is( $name->( ${ $kept{alias} } ),  'test', 'a reference to the argument' );
    is( $name->( $kept{closure}->() ), 'test', 'a closure' );
    is( $name->( $kept{all}[1] ),      'test', 'a list of the arguments' );
    is( $name->( $kept{reference} ),   'test', 'more than once' );
    is( $weak,                         undef,  'a weak reference does not' );
    like( $kept{inner}, qr/\A[0-9]+\z/, 'nor does its id' );
    undef %kept;

    my $once;
    eval {
        $event->( sub { die $_[1] if !$once++ } );
        1;
    } and fail('no exception');
    is( $name->($@), 'test', 'an exception keeps it' );
    $d->resume if ( $d->get_state )[0] == Sys::Virt::Domain::STATE_PAUSED();
    turns();

    $event->( sub { $kept{closed} = $_[1]; $_[1]->DESTROY } );
    like( $name->( $kept{closed} ), qr/invalid domain pointer/, 'one that the callback cleared' );
    $event->( sub { $kept{assigned} = $_[1]; $_[1] = 'another' } );
    is( $name->( $kept{assigned} ), 'test', 'an argument that the callback assigned to' );
    $event->( sub { $_[1] = undef } );

    my ( @resurrected, $destroyed );
    no warnings 'once';
    local @Resurrecting::ISA     = ('Sys::Virt::Domain');
    local *Resurrecting::DESTROY = sub { push @resurrected, $_[0] if $destroyed++ < 2 };
    $event->( sub { bless $_[1], 'Resurrecting' } );
    is( $destroyed,                 2,      'a DESTROY of the script is called' );
    is( $name->( $resurrected[0] ), 'test', '... and may keep the object' );

    my $nested = 0;
    $event->(
        sub {
            push @{ $kept{nested} }, $_[1];
            return if $nested++;
            $d->resume;
            turns();
            is( $name->( $_[1] ), 'test', 'a loop in a callback: the outer one' );
        }
    );
    is_deeply( [ map { $name->($_) } @{ $kept{nested} } ], [ ('test') x @{ $kept{nested} } ],
        '... all kept' );
SKIP: {
        skip 'this perl has no threads', 1 if !$Config{useithreads};
        require threads;
        my $thread;
        $event->(
            sub {
                my ( undef, $dom ) = @_;
                $thread ||= threads->create( sub { sleep 1; return $name->($dom) } );
            }
        );
        is( $thread->join, 'test', 'a thread that was made in a callback has it' );
    }
    $c->domain_event_deregister_any($id);
};

subtest 'other events' => sub {
    my %seen;
    my @ids = (
        [ network => $c->network_event_register_any( undef, 0, sub { push @{ $seen{network} }, [@_] } ) ],
        [
            storage_pool =>
                $c->storage_pool_event_register_any( undef, 0, sub { push @{ $seen{pool} }, [@_] } )
        ],
        [
            storage_pool =>
                $c->storage_pool_event_register_any( undef, 1, sub { push @{ $seen{refresh} }, [@_] } )
        ],
        [
            node_device =>
                $c->node_device_event_register_any( undef, 0, sub { push @{ $seen{device} }, [@_] } )
        ],
    );
    my $net = $c->get_network_by_name('default');
    $net->destroy;
    $net->create;
    my $pool = $c->get_storage_pool_by_name('default-pool');
    $pool->refresh;
    $pool->destroy;
    $pool->create;
    turns();
    is_deeply( [ map { $_->[2] } @{ $seen{network} } ], [ 3, 2 ], 'network: stopped, started' );
    isa_ok( $seen{network}[0][1], 'Sys::Virt::Network' );
    is_deeply( [ map { $_->[2] } @{ $seen{pool} } ], [ 3, 2 ], 'pool: stopped, started' );
    isa_ok( $seen{pool}[0][1], 'Sys::Virt::StoragePool' );
    cmp_ok( scalar @{ $seen{refresh} }, '>=', 1, 'pool: refreshed' );
    is( @{ $seen{refresh}[0] }, 2, 'a refresh has no further arguments' );

    for (@ids) {
        my ( $kind, $id ) = @$_;
        my $method = "${kind}_event_deregister_any";
        is( $c->$method($id), undef, $method );
    }
    throws(
        'an unknown secret event',
        'INVALID_ARG',
        sub {
            $c->secret_event_register_any( undef, 7, sub { } );
        }
    );
};

# Within libvirt's frames it would leave libvirt's locks locked: the script would hang when it uses them again.
subtest 'exit in the DESTROY of a value that a callback captured' => sub {
    my $script = File::Temp->new( SUFFIX => '.pl' );
    print {$script} <<'PERL';
use strict; use warnings; use Sys::Virt; use Sys::Virt::Event;
Sys::Virt::Event::register_default();
my $c = Sys::Virt->new( uri => 'test:///default' );
sub Exits::DESTROY { exit 3 }
my $id = do { my $held = bless {}, 'Exits'; $c->domain_event_register_any( undef, 0, sub { $held } ) };
END { alarm 20; $c->domain_event_register_any( undef, 0, sub { } ); print 'ended' }
$c->domain_event_deregister_any($id);
print 'not reached';
PERL
    close $script or die $!;
    is( child_output("$script"), 'ended', 'END blocks run, nothing else' );
    is( $? >> 8,                 3,       '... and that is the status' );
};

my $freed = 0;
sub Canary::DESTROY { $freed++; return }

subtest 'life of callbacks' => sub {
    my $d = $c->get_domain_by_name('test');
    my @called;
    my $cb = sub { push @called, 'A' };
    my $id = $c->domain_event_register_any( undef, 0, $cb );
    $cb = sub { push @called, 'B' };
    $d->suspend;
    turns();
    is_deeply( \@called, ['A'], 'D1: the sub is copied when it is registered' );
    $cb = undef;
    $d->resume;
    turns();
    is_deeply( \@called, [ 'A', 'A' ], 'D1: and kept' );
    $c->domain_event_deregister_any($id);

    {
        my $canary = bless [], 'Canary';
        $id = $c->domain_event_register_any( undef, 0, sub { my $keep = $canary } );
    }
    turns();
    is( $freed, 0, 'captured values live as long as the registration of a callback' );
    $c->domain_event_deregister_any($id);
    turns();
    is( $freed, 1, 'and no longer' );
    my $canary = bless [], 'Canary';
    my $sub    = sub { return $canary };
    eval { $c->domain_event_register_any( undef, 4711, $sub ) };
    eval { Sys::Virt->new( uri => $uri )->domain_event_register_any( undef, 0, $sub ) };
    undef $sub;
    undef $canary;
    ok( $freed >= 1, 'C10: a registration that fails holds nothing' );
    $sub = sub { return $freed };
    $c->register_close_callback($sub);
    Scalar::Util::weaken($sub);
    ok( $sub, 'C13: a close callback is kept' );
    $c->unregister_close_callback;
    is( $sub, undef, '... until it is unregistered, also where connections never break' );

    my $self;
    $self = $c->domain_event_register_any( undef, 0,
        sub { push @called, 'once'; $_[0]->domain_event_deregister_any($self) } );
    @called = ();
    $d->suspend;
    $d->resume;
    turns();
    is_deeply( \@called, ['once'], 'a callback may unregister itself' );
};

subtest 'life of connections' => sub {
    my ( @events, $weak );
    {
        my $conn = Sys::Virt->new( uri => $uri );
        $conn->domain_event_register_any( undef, 0, sub { push @events, [@_] } );
        $weak = $conn;
        weaken($weak);
        my $dom = $conn->get_domain_by_name('test');
        $dom->suspend;
    }
    is( $weak, undef, 'D3: the script\'s object goes when the script lets go of it' );
    turns();
    is( @events, 1, 'D2: events still arrive' );
    isa_ok( $events[0][0], 'Sys::Virt', 'D2: the connection' );
    is( $events[0][0]->get_uri, $uri, '... which works' );
    $events[0][0]->close;

    my $conn = Sys::Virt->new( uri => $uri );
    $conn->domain_event_register_any( undef, $_, sub { } ) for 0, 1;
    $conn->network_event_register_any( undef, 0, sub { } );
    is( $conn->close, undef, 'close takes back all callbacks' );
    throws( 'and the object is closed', Sys::Virt::Error::ERR_INVALID_CONN(), sub { $conn->get_hostname } );
    $conn->close;
    pass('closing twice is harmless');
};

subtest 'close callbacks' => sub {
    my $registered = eval {
        $c->register_close_callback( sub { } );
        1;
    };
    my $supported = $registered || $@->code != 3;
    ok( $supported || $@->code == 3, 'the driver decides' );
    is( $c->unregister_close_callback, undef, 'unregistering without a callback is not an error' );
};

# libvirt frees a callback with locks held that these methods want. In a separate process, which an alarm ends.
subtest 'a callback whose destruction calls methods' => sub {
    my $script = <<'SCRIPT';
alarm 20;
$| = 1;
Sys::Virt::Event::register_default();
my $c    = Sys::Virt->new( uri => 'test:///default' );
my $more = $c->domain_event_register_any( undef, 1, sub { } );
sub Farewell::DESTROY { $_[0][0]->() }
for my $end (
    sub { print 'another ' if $c->domain_event_register_any( undef, 2, sub { } ) },
    sub { $c->domain_event_deregister_any($more); print 'back ' },
    sub { $c->close; print 'closed ' },
    )
{
    my $id = do {
        my $farewell = bless [$end], 'Farewell';
        $c->domain_event_register_any( undef, 0, sub { return $farewell } );
    };
    $c->domain_event_deregister_any($id);
}
print 'end';
SCRIPT
    my @perl = ( child_perl(), '-MSys::Virt', '-MSys::Virt::Event' );
    open my $child, '-|', @perl, '-e', $script or die $!;
    is( join( q{}, <$child> ), 'another back closed end', 'it registers, takes back, closes' );
    close $child;
    is( $?, 0, 'its status' );
};

subtest 'exit in a callback' => sub {
    my $script = <<'SCRIPT';
Sys::Virt::Event::register_default();
my $c = Sys::Virt->new( uri => 'test:///default' );
my $d = $c->get_domain_by_name('test');
my @kept;
$c->domain_event_register_any( undef, 0, sub { @kept = @_; Sys::Virt::Event::add_timeout( 0, sub { } ); exit 3 } );
$d->suspend;
Sys::Virt::Event::run_default() for 1 .. 5;
print 'not reached';
END { print $d->get_name, ' ', scalar( my @all = $c->list_all_domains ), ' ', $kept[1]->get_name }
SCRIPT
    my @perl = ( child_perl(), '-MSys::Virt', '-MSys::Virt::Event' );
    open my $child, '-|', @perl, '-e', $script or die $!;
    is( join( q{}, <$child> ), 'test 1 test', 'END blocks run after it, and may call methods' );
    close $child;
    is( $? >> 8, 3, 'its status' );
};

done_testing;
