# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A guest's QEMU is killed while something is under way.
use strict;
use warnings;

use Test::More;
use lib 'xt/lib';
use Stack;
use Faults;
use Sys::Virt::Event;

# A connection that gets the guest's events, and the guest: booted, or with `paused` only started.
sub scene {
    my (%o) = @_;
    Sys::Virt::Event::register_default();
    my $conn = Stack::connect('a');
    my @events;
    $conn->domain_event_register_any(
        undef,
        Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
        sub { push @events, [ @_[ 2, 3 ] ] }
    );
    my $guest = $o{paused} ? $conn->define_domain( Stack::xml(%o) ) : Stack::boot( $conn, define => 1, %o );
    $guest->create(Sys::Virt::Domain::START_PAUSED) if $o{paused};
    return { conn => $conn, guest => $guest, events => \@events };
}

# The guest is off, for the right reason, with the right event, and can be started again.
sub aftermath {
    my ($scene) = @_;
    my $guest   = $scene->{guest};
    my $failed  = sub {
        grep {
            $_->[0] == Sys::Virt::Domain::EVENT_STOPPED && $_->[1] == Sys::Virt::Domain::EVENT_STOPPED_FAILED
        } @{ $scene->{events} };
    };
    Faults::within( 'the event', 5, sub { Stack::wait_for( 'the event', 5, $failed ) } );
    is( scalar $failed->(), 1, '... stopped, failed: once' ) || diag explain $scene->{events};
    is_deeply(
        [ $guest->get_state ],
        [ Sys::Virt::Domain::STATE_SHUTOFF, Sys::Virt::Domain::STATE_SHUTOFF_CRASHED ],
        'the guest is off, crashed'
    );
    is( $guest->get_info->{state}, Sys::Virt::Domain::STATE_SHUTOFF, '... also by get_info' );
    Faults::dies( 'a call that needs it running', 2, sub { $guest->suspend }, 'OPERATION_INVALID' );
    Stack::lives( 'it starts again', sub { $guest->create(Sys::Virt::Domain::START_PAUSED) } );
    $guest->destroy;
    $guest->undefine(Sys::Virt::Domain::UNDEFINE_CHECKPOINTS_METADATA);
    return;
}

Faults::case(
    'at rest, with get_info under way',
    40,
    sub {
        my $scene = scene( name => 'rest', paused => 1 );
        my $guest = $scene->{guest};
        Faults::later( 0.5, Faults::qemu( $guest, 'KILL' ) );
        my %state;
        my $end = time + 3;
        Faults::within( 'three seconds of get_info',
            5, sub { $state{ $guest->get_info->{state} }++ while time < $end } );
        my %want = map { $_ => 1 } Sys::Virt::Domain::STATE_PAUSED, Sys::Virt::Domain::STATE_SHUTOFF;
        is_deeply( { map { $_ => 1 } keys %state }, \%want, 'paused, then off; no exception' );
        aftermath($scene);
    }
);

# QEMU is stopped first, so that the call waits for it.
my %calls = (
    'suspend'    => sub { $_[0]->suspend },
    'save'       => sub { $_[0]->save( Stack::file('saved') ) },
    'core_dump'  => sub { $_[0]->core_dump( Stack::file('core') ) },
    'screenshot' => sub { $_[0]->screenshot( $_[1]->new_stream, 0 ) },
    'peeking'    => sub { $_[0]->memory_peek( 0, 8, Sys::Virt::Domain::MEMORY_PHYSICAL ) },
);
for my $name ( sort keys %calls ) {
    Faults::case(
        "during a call: $name",
        40,
        sub {
            my $scene = scene(
                name    => 'call',
                paused  => $name ne 'suspend',
                devices => "<video><model type='vga'/></video>"
            );
            my $guest = $scene->{guest};
            Stack::control( Faults::qemu( $guest, 'STOP' ) );
            Faults::later( 0.5, Faults::qemu( $guest, 'KILL' ) );
            Faults::dies( "$name, killed after 0.5 s", 3, sub { $calls{$name}->( $guest, $scene->{conn} ) } );
            ok( !-e Stack::file($_), "no file $_ is left" ) for qw(saved core);
            aftermath($scene);
        }
    );
}

Faults::case(
    'during a command of the agent',
    90,
    sub {
        my $scene = scene( name => 'agent', agent => 1 );
        my $guest = $scene->{guest};
        Stack::control( Faults::qemu( $guest, 'STOP' ) );
        Faults::later( 0.5, Faults::qemu( $guest, 'KILL' ) );
        Faults::dies( 'get_time, killed after 0.5 s', 3, sub { $guest->get_time } );
        aftermath($scene);
    }
);

Faults::case(
    'during a stream from the console',
    60,
    sub {
        my $scene  = scene( name => 'console', paused => 1 );
        my $guest  = $scene->{guest};
        my $stream = $scene->{conn}->new_stream;
        $guest->open_console( $stream, undef );
        Faults::later( 0.5, Faults::qemu( $guest, 'KILL' ) );
        my ( $count, $error );
        Faults::within(
            'recv, killed after 0.5 s',
            3,
            sub {
                $count = eval { $stream->recv( my $buffer, 1000 ) };
                $error = $@;
            }
        );
        ok( defined $count ? $count == 0 : ref $error eq 'Sys::Virt::Error', 'it ends, or throws' )
            or diag $count // $error;
        note 'recv: ', $count // $error;
        Faults::within(
            'abort', 1,
            sub {
                eval { $stream->abort }
            }
        );
        aftermath($scene);
    }
);

Faults::case(
    'during a backup',
    60,
    sub {
        my $image = Stack::image( 'disk', 'qcow2', '32M' );
        my $scene = scene(
            name   => 'backup',
            paused => 1,
            disks  => [
                "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='$image'/>"
                    . "<target dev='vda' bus='virtio'/></disk>"
            ]
        );
        my $guest  = $scene->{guest};
        my $socket = Stack::file('nbd');
        my @jobs;
        $scene->{conn}->domain_event_register_any(
            $guest,
            Sys::Virt::Domain::EVENT_ID_JOB_COMPLETED,
            sub { push @jobs, $_[2] }
        );
        $guest->backup_begin(
            "<domainbackup mode='pull'><server transport='unix' socket='$socket'/>"
                . "<disks><disk name='vda' type='file'><scratch file='$socket.scratch'/></disk></disks></domainbackup>",
            undef
        );
        is( ( $guest->get_job_stats )[0], Sys::Virt::Domain::JOB_UNBOUNDED, 'a backup is under way' );
        Stack::control( Faults::qemu( $guest, 'KILL' ) );
        aftermath($scene);
        ok( Stack::wait_for( 'the job', 5, sub { @jobs } ),          'the job ends with an event' );
        ok( @jobs == 1 && !$jobs[0]{Sys::Virt::Domain::JOB_SUCCESS}, '... one, without success' )
            || diag explain \@jobs;
    }
);

Faults::finish();
