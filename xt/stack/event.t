# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Events of a booting, pausing, rebooting, ending guest, in their order, through the default event loop. Those of jobs,
# devices, limits, pools, networks and secrets are in other tests.
use strict;
use warnings;

use Test::More;
use lib 'xt/lib';
use Stack;

my $conn = Stack::connect('a');
my %seen;
my @ids;

# Collects the arguments of one kind of event, all but the connection.
sub collect {
    my ( $kind, $dom ) = @_;
    my $number = Sys::Virt::Domain->can("EVENT_ID_$kind")->();
    push @ids,
        $conn->domain_event_register_any( $dom, $number, sub { push @{ $seen{$kind} }, [ @_[ 1 .. $#_ ] ] } );
    return;
}

# The names of those life cycle events that have been seen, with their details; forgets them.
my %lifecycle;
for my $event (qw(DEFINED UNDEFINED STARTED SUSPENDED RESUMED STOPPED SHUTDOWN PMSUSPENDED CRASHED)) {
    my $number = Sys::Virt::Domain->can("EVENT_$event")->();
    $lifecycle{$number} = $event;
}

sub lifecycle_is {
    my ( $want, $name ) = @_;
    my $got = sub {
        join q{ }, map { "$lifecycle{ $_->[1] }/$_->[2]" } @{ $seen{LIFECYCLE} // [] };
    };
    Stack::wait_for( "$name: $want", 20, sub { $got->() eq $want } );
    is( $got->(), $want, $name );
    $seen{LIFECYCLE} = [];
    return;
}

sub detail { my ($name) = @_; return Sys::Virt::Domain->can("EVENT_$name")->() }

collect($_)
    for qw(LIFECYCLE REBOOT RTC_CHANGE WATCHDOG IO_ERROR IO_ERROR_REASON GRAPHICS TRAY_CHANGE AGENT_LIFECYCLE
    METADATA_CHANGE PMWAKEUP PMSUSPEND CONTROL_ERROR DEVICE_REMOVAL_FAILED);

my $guest;
subtest 'life cycle' => sub {
    $guest = Stack::boot(
        $conn,
        name    => 'main',
        define  => 1,
        agent   => 1,
        devices =>
            "<graphics type='vnc' autoport='yes'/><video><model type='vga'/></video><watchdog model='i6300esb' action='none'/>"
            . "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>",
    );
    is( $seen{LIFECYCLE}[0][0]->get_name, $guest->get_name, 'the domain is an argument' );
    my @started = ( detail('DEFINED_ADDED'), detail('RESUMED_UNPAUSED'), detail('STARTED_BOOTED') );
    lifecycle_is( "DEFINED/$started[0] RESUMED/$started[1] STARTED/$started[2]", 'defined and started' );
    my $connected = sub {
        grep { $_->[1] == detail('AGENT_LIFECYCLE_STATE_CONNECTED') } @{ $seen{AGENT_LIFECYCLE} // [] };
    };
    ok( Stack::wait_for( 'the agent', 20, $connected ), 'the agent came' );
    is( $seen{AGENT_LIFECYCLE}[-1][2], detail('AGENT_LIFECYCLE_REASON_CHANNEL'), '... by its channel' );
    $guest->suspend;
    $guest->resume;
    my @paused = ( detail('SUSPENDED_PAUSED'), detail('RESUMED_UNPAUSED') );
    lifecycle_is( "SUSPENDED/$paused[0] RESUMED/$paused[1]", 'paused and resumed' );
    Stack::by_agent( $guest, 'reboot', Sys::Virt::Domain::REBOOT_GUEST_AGENT );
    ok( Stack::wait_for( 'reboot', 30, sub { $seen{REBOOT} } ), 'rebooted' );
    is( scalar @{ $seen{REBOOT}[0] }, 1, '... which has no details' );
    Stack::ready( 'main', 60, 2 ) && Stack::agent_ready($guest);
    ok( Stack::wait_for( 'the agent', 20, sub { $connected->() == 2 } ), 'the agent came again' );
    is( $seen{AGENT_LIFECYCLE}[-2][1], detail('AGENT_LIFECYCLE_STATE_DISCONNECTED'), '... after it went' );
};

subtest 'what the guest does' => sub {
    Stack::in_guest( $guest, 'date -s 2030-01-01; hwclock -w -u -f /dev/rtc0; date' );
    if ( ok( Stack::wait_for( 'the clock', 20, sub { $seen{RTC_CHANGE} } ), 'its clock was set' ) ) {
        cmp_ok( $seen{RTC_CHANGE}[-1][1], '>', 86_400 * 100, '... far from ours' );
    }
    Stack::in_guest( $guest, 'for n in 1 2 3; do eject /dev/sr0; done 2>&1' );
    $guest->set_metadata( Sys::Virt::Domain::METADATA_TITLE, 'a title' );
    $guest->set_metadata( Sys::Virt::Domain::METADATA_ELEMENT, '<x/>', 'k', 'urn:x' );
    ok( Stack::wait_for( 'metadata', 20, sub { @{ $seen{METADATA_CHANGE} // [] } == 2 } ), 'metadata' );
    is_deeply(
        [ map { [ @$_[ 1, 2 ] ] } @{ $seen{METADATA_CHANGE} } ],
        [ [ Sys::Virt::Domain::METADATA_TITLE, undef ], [ Sys::Virt::Domain::METADATA_ELEMENT, 'urn:x' ] ],
        '... with kind and name space'
    );
};

subtest 'a client connects to a screen' => sub {
    my $descriptor = $guest->open_graphics_fd(0);
    open my $screen, '+<&=', $descriptor or die $!;
    sysread $screen, my $text, 12;
    syswrite $screen, $text;
    sysread $screen, my $kinds, 2;
    syswrite $screen, "\1";
    sysread $screen, $text, 4;
    syswrite $screen, "\1";
    ok( Stack::wait_for( 'a viewer', 20, sub { @{ $seen{GRAPHICS} // [] } >= 2 } ), 'a viewer' ) or return;
    my @phases = map { $_->[1] } @{ $seen{GRAPHICS} };
    is_deeply(
        [ @phases[ 0, 1 ] ],
        [ Sys::Virt::Domain::EVENT_GRAPHICS_CONNECT, Sys::Virt::Domain::EVENT_GRAPHICS_INITIALIZE ],
        '... comes'
    );
    is( join( q{,}, sort keys %{ $seen{GRAPHICS}[0][2] } ), 'family,node,service', '... from an address' );
    is( ref $seen{GRAPHICS}[0][5],                          'ARRAY',               '... with identities' );
    close $screen or die $!;
    ok(
        Stack::wait_for(
            'it leaves', 20, sub { $seen{GRAPHICS}[-1][1] == Sys::Virt::Domain::EVENT_GRAPHICS_DISCONNECT }
        ),
        '... and leaves'
    );
};

subtest 'one domain, and no longer' => sub {
    my ( $mine, $old ) = ( 0, 0 );
    my $small = $conn->define_domain( Stack::xml( name => 'small' ) );
    my $of    = sub {
        my ($dom) = @_;
        return grep { $_->[0]->get_name eq $dom->get_name } @{ $seen{LIFECYCLE} };
    };
    Stack::wait_for( 'the definition', 20, sub { $of->($small) } );
    $seen{LIFECYCLE} = [];
    my $id =
        $conn->domain_event_register_any( $small, Sys::Virt::Domain::EVENT_ID_LIFECYCLE, sub { $mine++ } );
    $conn->domain_event_register( sub { $old++ } );
    $guest->suspend;
    $guest->resume;
    $small->create;
    $small->destroy;
    my $stopped = sub {
        grep { $lifecycle{ $_->[1] } eq 'STOPPED' } $of->($small);
    };
    ok( Stack::wait_for( 'all events', 20, $stopped ), 'events of two' );
    cmp_ok( $mine, '>=', 3, '... of one alone' );
    is( $mine, scalar( my @its = $of->($small) ), '... all of its own' );
    is( $old,  scalar @{ $seen{LIFECYCLE} },      '... all in the old way' );
    $conn->domain_event_deregister_any($id);
    $conn->domain_event_deregister;
    my @before = ( $mine, $old );
    $seen{LIFECYCLE} = [];
    $small->create;
    $small->destroy;
    Stack::wait_for( 'all events', 20, $stopped );
    is_deeply( [ $mine, $old ], \@before, 'deregistered: no more' );
    my $count = 0;
    my $dying = $conn->domain_event_register_any(
        $small,
        Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
        sub { $count++; die "from a callback\n" }
    );
    $small->create;
    my $error = q{};

    for ( 1 .. 50 ) {
        eval {
            Stack::wait_for( 'a death', 1, sub { $count } );
            1;
        } or $error = $@;
        last if $error;
    }
    is( $error, "from a callback\n", 'an exception in a callback comes out of the loop' );
    $conn->domain_event_deregister_any($dying);
    $small->destroy;
    $small->undefine;
};

subtest 'the end' => sub {
    $seen{LIFECYCLE} = [];
    Stack::by_agent( $guest, 'shutdown', Sys::Virt::Domain::SHUTDOWN_GUEST_AGENT );
    Stack::wait_for( 'the end', 40, sub { !$guest->is_active } );
    my $stopped = join q{/}, 'STOPPED', detail('STOPPED_SHUTDOWN');
    my $own     = sub {
        grep { $_->[0]->get_name eq $guest->get_name } @{ $seen{LIFECYCLE} };
    };
    ok(
        Stack::wait_for(
            'stopped',
            10,
            sub {
                grep { $lifecycle{ $_->[1] } eq 'STOPPED' } $own->();
            }
        ),
        'stopped'
    );
    my @last = map { "$lifecycle{ $_->[1] }/$_->[2]" } $own->();
    is( $last[-1], $stopped, '... on its own account' );
    is(
        ( grep { /^SHUTDOWN/ } @last )[0],
        'SHUTDOWN/' . detail('SHUTDOWN_GUEST'),
        '... which the guest announced'
    );
    $guest->undefine;
    ok( Stack::wait_for( 'undefined', 10, sub { ( $own->() )[-1][1] == Sys::Virt::Domain::EVENT_UNDEFINED } ),
        'undefined' );
    $conn->domain_event_deregister_any($_) for @ids;
    is( $conn->is_alive, 1, 'the connection lives' );
};

done_testing;
