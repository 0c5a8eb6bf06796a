# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Descriptors handed to libvirt, sleeping guests, keep-alive, identities, and what the QEMU driver refuses.
use strict;
use warnings;

use Socket;
use Test::More;
use lib qw(t/lib xt/lib);
use Stack;
use Throws;

my $conn = Stack::connect('a');

subtest 'descriptors of disks' => sub {
    my $image = Stack::image( 'fd', 'raw', '4M' );
    open my $write, '+<:raw', $image or die $!;
    syswrite $write, 'through a descriptor';
    my $disk =
        "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='$image.gone' fdgroup='mine'/>"
        . "<target dev='vda' bus='virtio'/></disk>";
    my $guest = $conn->define_domain( Stack::xml( name => 'fd', agent => 1, disks => [$disk] ) );
    throws( 'without them', qr/./, sub { $guest->create } );
    $guest->fd_associate( 'mine', [ fileno $write ] );
    Stack::lives( 'a guest starts with a descriptor', sub { $guest->create } ) or return;
    Stack::ready('fd') && Stack::agent_ready($guest);
    is( Stack::in_guest( $guest, 'head -c 20 /dev/vda' ), 'through a descriptor', '... and reads from it' );
    $guest->destroy;
    my @warnings;
    {
        local $SIG{__WARN__} = sub { push @warnings, @_ };
        eval { $guest->fd_associate( 'mine', ['x'] ) };
    }
    like(
        "@warnings",
        qr/\AArgument "x" isn't numeric in \S+fd_associate \(fds\[0\]\)/,
        'not a number: a warning'
    );
    throws( 'a closed one', qr/./, sub { $guest->fd_associate( 'mine', [999] ) } );
};

subtest 'a screen over a socket of ours' => sub {
    my $guest = $conn->create_domain(
        Stack::xml( name => 'screen', devices => "<graphics type='vnc' autoport='yes'/>" ) );
    socketpair my $mine, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die $!;
    $guest->open_graphics( 0, fileno $theirs, Sys::Virt::Domain::OPEN_GRAPHICS_SKIPAUTH );
    close $theirs or die $!;
    sysread $mine, my $hello, 12;
    like( $hello, qr/\ARFB 003/, 'QEMU greets' );
    throws( 'no second screen', qr/./, sub { $guest->open_graphics( 1, fileno $mine ) } );
    $guest->destroy;
};

subtest 'sleep' => sub {
    my %seen;
    my $guest = Stack::boot(
        $conn,
        name   => 'sleep',
        agent  => 1,
        domain => "<pm><suspend-to-mem enabled='yes'/></pm>"
    );
    for my $kind (qw(PMSUSPEND PMWAKEUP)) {
        my $number = Sys::Virt::Domain->can("EVENT_ID_$kind")->();
        $conn->domain_event_register_any( $guest, $number, sub { $seen{$kind} = [ @_[ 2 .. $#_ ] ] } );
    }
    my $slept = eval { $guest->pm_suspend_for_duration( Sys::Virt::NODE_SUSPEND_TARGET_MEM, 0 ); 1 };
    like( $slept ? q{} : $@, qr/\A\z|agent command|not supported/, 'sleeps, if its kernel can' );
    if ( $slept && ok( Stack::wait_for( 'sleep', 30, sub { $seen{PMSUSPEND} } ), '... event' ) ) {
        is( ( $guest->get_state )[0], Sys::Virt::Domain::STATE_PMSUSPENDED, '... state' );
        is_deeply( $seen{PMSUSPEND}, [0], '... reason' );
        $guest->pm_wakeup;
        ok( Stack::wait_for( 'waking', 30, sub { $seen{PMWAKEUP} } ), 'is woken' );
        is( ( $guest->get_state )[0], Sys::Virt::Domain::STATE_RUNNING, '... and runs' );
        ok( Stack::agent_ready($guest), '... with its agent' );
    }
    throws( 'a duration', qr/./,
        sub { $guest->pm_suspend_for_duration( Sys::Virt::NODE_SUSPEND_TARGET_MEM, 5 ) } );
};

subtest 'the connection' => sub {
    my $other = Stack::connect('a');
    Stack::lives( 'keep-alive', sub { $other->set_keep_alive( 1, 3 ) } );
    my $start = time;
    Stack::wait_for( 'some rounds of it', 4, sub { time > $start + 2 } );
    is( $other->is_alive, 1, 'alive after some rounds of it' );
    Stack::lives(
        'an identity',
        sub {
            $other->set_identity(
                { Sys::Virt::IDENTITY_USER_NAME => 'somebody', Sys::Virt::IDENTITY_UNIX_USER_ID => 1000 } );
        }
    );
    $other->close;
    throws( 'closed', qr/./, sub { $other->get_hostname } );
    is( $conn->is_alive, 1, 'the first one stays' );
    my $both = Stack::connect('b');
    isnt( $both->get_hostname, $conn->get_hostname, 'two daemons, two hosts' );
};

subtest 'what QEMU or this libvirt refuses' => sub {
    my $guest = $conn->define_domain( Stack::xml( name => 'refused' ) );
    my %calls = (
        create_with_files   => sub { $guest->create_with_files( [0] ) },
        send_process_signal => sub { $guest->send_process_signal( 1, 9 ) },
        change_interfaces   => sub { $conn->interface_change_begin },
    );
    for my $name ( sort keys %calls ) {
        my $lived = eval { $calls{$name}->(); 1 };
        ok( !$lived && ref $@ && $@->code == Sys::Virt::Error::ERR_NO_SUPPORT, "$name: not supported" )
            or diag $@;
    }
SKIP: {
        $conn->get_library_version < 10_002_000 or skip 'this libvirt has graphics_reload', 1;
        throws(
            'a function of a newer libvirt',
            qr/virDomainGraphicsReload.*10[.]2[.]0/,
            sub { $guest->graphics_reload(0) }
        );
    }
    my $disk = Stack::xml( name => 'from-disk', disk_boot => Stack::part('disk.img') );
    my $boot = $conn->create_domain( $disk =~ s{<target dev='vda' bus='virtio'/>}{$&<transient/>}r );
    ok( Stack::ready('from-disk'), 'a guest boots from a disk by its BIOS, and leaves it as it was' );
    $boot->destroy;
};

done_testing;
