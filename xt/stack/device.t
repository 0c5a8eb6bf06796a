# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Changing a running machine: disks, network cards, processors, memory, I/O threads; with the events of it.
use strict;
use warnings;

use Test::More;
use lib qw(t/lib xt/lib);
use Stack;
use Throws;

my $conn = Stack::connect('a');
my ( $live, $config ) = ( Sys::Virt::Domain::AFFECT_LIVE, Sys::Virt::Domain::AFFECT_CONFIG );
my $guest = Stack::boot(
    $conn,
    name      => 'main',
    agent     => 1,
    network   => 1,
    define    => 1,
    vcpus     => 1,
    max_vcpus => 3,
    domain    => '<iothreads>1</iothreads>',
    devices   => "<controller type='pci' model='pcie-root'/>"
        . join( q{}, map { "<controller type='pci' model='pcie-root-port'/>" } 1 .. 6 ),
);
my ( %added, %removed );
my $count = 0;
$conn->domain_event_register_any(
    $guest,
    Sys::Virt::Domain::EVENT_ID_DEVICE_ADDED,
    sub { $added{ $_[2] }++ }
);
$conn->domain_event_register_any(
    $guest,
    Sys::Virt::Domain::EVENT_ID_DEVICE_REMOVED,
    sub { $removed{ $_[2] }++ }
);

sub in_guest { return Stack::in_guest( $guest, $_[0] ) }

sub disk {
    my ( $name, $target ) = @_;
    my $file = -e Stack::file($name) ? Stack::file($name) : Stack::image( $name, 'raw', '4M' );
    return "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='$file'/>"
        . "<target dev='$target' bus='virtio'/><alias name='ua-$name'/></disk>";
}

subtest 'disks' => sub {
    $guest->attach_device( disk( 'one', 'vda' ) );
    ok( Stack::wait_for( 'the event', 10, sub { $added{'ua-one'} } ), 'event: added' );
    my $there = sub { in_guest('ls /dev/vda 2>/dev/null') };
    ok( Stack::wait_for( 'the disk', 20, $there ), 'the guest has it' );
    is( in_guest('cat /sys/block/vda/size'), "8192\n", '... with its size' );
    $guest->detach_device( disk( 'one', 'vda' ) );
    ok( Stack::wait_for( 'the event', 30, sub { $removed{'ua-one'} } ), 'event: removed' );
    is( $there->(), q{}, 'the guest has it no more' );

    $guest->attach_device( disk( 'two', 'vdb' ), $live | $config );
    my $inactive = $guest->get_xml_description(Sys::Virt::Domain::XML_INACTIVE);
    like( $inactive, qr/ua-two/, 'attached for good, too' );
    throws( 'the same twice', qr/./, sub { $guest->attach_device( disk( 'two', 'vdb' ) ) } );
    $guest->detach_device_alias( 'ua-two', $live | $config );
    ok( Stack::wait_for( 'the event', 30, sub { $removed{'ua-two'} } ), 'detached by its alias' );
    unlike( $guest->get_xml_description(Sys::Virt::Domain::XML_INACTIVE), qr/ua-two/, '... for good' );
    throws( 'an unknown alias', qr/ua-none/, sub { $guest->detach_device_alias( 'ua-none', $live ) } );
};

subtest 'CD-ROM: update' => sub {
    $guest->attach_device(
        "<disk type='file' device='cdrom'><target dev='sdz' bus='sata'/><readonly/></disk>", $config );
    is( $guest->get_xml_description =~ /sdz/, q{}, 'not at once' );
    like( $guest->get_xml_description(Sys::Virt::Domain::XML_INACTIVE),
        qr/sdz/, '... but it is in the definition' );
    $guest->destroy;
    $guest->create;
    Stack::ready('main') && Stack::agent_ready($guest);
    my $image = Stack::image( 'cd', 'raw', '1M' );
    $guest->update_device(
        "<disk type='file' device='cdrom'><source file='$image'/><target dev='sdz' bus='sata'/><readonly/></disk>"
    );
    like( $guest->get_xml_description, qr/\Q$image\E/, 'a medium is put in' );
    $guest->update_device(
        "<disk type='file' device='cdrom'><target dev='sdz' bus='sata'/><readonly/></disk>",
        Sys::Virt::Domain::DEVICE_MODIFY_FORCE );
    unlike( $guest->get_xml_description, qr/\Q$image\E/, '... and taken out' );
};

subtest 'network cards' => sub {
    my $nic = sub {
        my ( $mac, $more ) = @_;
        return
            "<interface type='network'><mac address='$mac'/><source network='default'/><model type='virtio'/>"
            . "<alias name='ua-nic'/>@{[ $more // q{} ]}</interface>";
    };
    my $mac = '52:54:00:aa:bb:01';
    $guest->attach_device( $nic->($mac) );
    my $cards = sub { in_guest('cat /sys/class/net/*/address') };
    ok( Stack::wait_for( 'a card', 20, sub { $cards->() =~ /\Q$mac\E/ } ), 'the guest has a second card' );
    my ($device) = $guest->get_xml_description =~ /\Q$mac\E.*?<target dev='(vnet\d+)'/s;
    my $stats = $guest->interface_stats($device);
    is( join( q{,}, sort keys %$stats ),
        'rx_bytes,rx_drop,rx_errs,rx_packets,tx_bytes,tx_drop,tx_errs,tx_packets', 'counters' );
    $guest->update_device( $nic->( $mac, "<link state='down'/>" ) );
    like( $guest->get_xml_description, qr/<link state='down'/, 'the link is cut' );
    $guest->detach_device_alias( 'ua-nic', $live );
    ok( Stack::wait_for( 'the event', 30, sub { $removed{'ua-nic'} } ), 'event: removed' );
    unlike( $cards->(), qr/\Q$mac\E/, 'the guest has it no more' );
    my ($first) = $guest->get_xml_description =~ /<target dev='(vnet\d+)'/;
    in_guest('ping -c 2 192.168.122.1');
    cmp_ok( $guest->interface_stats($first)->{rx_packets}, '>', 0, 'packets are counted' );
    Stack::same( 'interface_stats', $guest, "\$dom->interface_stats('$first')" );

    # For the next start, as kernels without traffic control cannot limit it at once.
    my ($card) = $guest->get_xml_description(Sys::Virt::Domain::XML_INACTIVE) =~ /<mac address='([^']+)'/;
    my %limit = ( 'outbound.average' => 500, 'outbound.peak' => 1000, 'outbound.burst' => 64 );
    $guest->set_interface_parameters( $card, \%limit, $config );
    my $got = $guest->get_interface_parameters( $card, $config );
    is_deeply( { map { $_ => $got->{$_} } keys %limit }, \%limit, 'bandwidth' );
    is( $got->{Sys::Virt::Domain::BANDWIDTH_IN_AVERAGE}, 0, '... of one direction' );
    Stack::same( 'get_interface_parameters', $guest, "\$dom->get_interface_parameters('$first')" );
    Stack::same( '... of the next start',    $guest, "\$dom->get_interface_parameters( '$card', 2 )" );
    my $now = eval { $guest->set_interface_parameters( $first, \%limit, $live ); 1 };
    like( $now ? q{} : $@, qr/\A\z|Child process \(\S*tc /, '... or at once' );
};

subtest 'CPUs' => sub {
    is( $guest->get_vcpus($live),                                     1, 'one' );
    is( $guest->get_vcpus( $live | Sys::Virt::Domain::VCPU_MAXIMUM ), 3, '... of three' );
    is( $guest->get_max_vcpus,                                        3, '... in the old way' );
    my $online = sub { scalar( () = in_guest('cat /proc/cpuinfo') =~ /^processor/mg ) };
    $guest->set_vcpus( 2, $live );
    ok( Stack::wait_for( 'a CPU', 30, sub { $online->() == 2 } ), 'the guest has two' );
    $guest->set_vcpu( '2', 1, $live );
    ok( Stack::wait_for( 'a CPU', 30, sub { $online->() == 3 } ), '... and the third by its number' );
    $guest->pin_vcpu( 1, "\1" );
    my @info = $guest->get_vcpu_info;
    is( scalar @info, 3, 'three in the list' );
    is( unpack( 'b2', $info[1]{affinity} ), '10', '... the second is pinned' );
    is( unpack( 'b1', $info[0]{affinity} ), '1',  '... the first is not' );
    Stack::same( 'get_vcpu_info', $guest,
        'map { delete @$_{qw(cpuTime cpu state)}; $_ } $dom->get_vcpu_info' );
    Stack::same( 'get_vcpu_info(config)', $guest,
        'map { delete @$_{qw(cpuTime cpu state)}; $_ } $dom->get_vcpu_info(2)' );
    $guest->pin_emulator("\1");
    is( unpack( 'b2', $guest->get_emulator_pin_info ), '10', 'the emulator is pinned' );
    Stack::same( 'get_emulator_pin_info', $guest, 'unpack "b*", $dom->get_emulator_pin_info' );
    throws( 'a fourth', 'INVALID_ARG', sub { $guest->set_vcpus( 4, $live ) } );

    # libvirt waits five seconds for the guest, which can take longer.
    my $left =
        eval { $guest->set_vcpu( '2', 0, $live ); 1 } || $@->code == Sys::Virt::Error::ERR_OPERATION_TIMEOUT;
    ok( $left,                                                    'one less' ) or diag $@;
    ok( Stack::wait_for( 'a CPU', 30, sub { $online->() == 2 } ), 'the guest gave it back' );
};

subtest 'memory' => sub {
    my $actual;
    my $id = $conn->domain_event_register_any(
        $guest,
        Sys::Virt::Domain::EVENT_ID_BALLOON_CHANGE,
        sub { $actual = $_[2] }
    );
    my $total  = sub { ( in_guest('cat /proc/meminfo') =~ /MemTotal: *(\d+)/ )[0] };
    my $before = $total->();
    $guest->set_memory( 96 * 1024, $live );
    ok( Stack::wait_for( 'the event', 20, sub { ( $actual // 0 ) == 96 * 1024 } ),
        'event: the balloon has its size' );
    cmp_ok( $total->(), '<=', $before - 30_000, 'the guest has less memory' );
    is( $guest->get_info->{memory}, 96 * 1024,  'as libvirt says' );
    is( $guest->get_max_memory,     128 * 1024, 'the largest size stays' );
    $guest->set_memory_stats_period( 1, $live );
    my $fresh = sub { $guest->memory_stats->{last_update} };
    ok( Stack::wait_for( 'statistics', 20, $fresh ), 'statistics come' );
    my $stats = $guest->memory_stats;
    is( $stats->{actual_balloon}, 96 * 1024, 'the balloon' );
    cmp_ok( $stats->{$_}, '>', 0, $_ ) for qw(unused available usable rss last_update minor_fault);
    Stack::same( 'memory_stats', $guest, '$dom->memory_stats' );
    $guest->set_memory( 128 * 1024 );
    ok( Stack::wait_for( 'the event', 20, sub { $actual == 128 * 1024 } ), 'all of it again' );
    throws( 'more than that',                        qr/./, sub { $guest->set_memory( 256 * 1024 ) } );
    throws( 'a new maximum needs a machine at rest', qr/./, sub { $guest->set_max_memory( 256 * 1024 ) } );
    $conn->domain_event_deregister_any($id);
};

subtest 'I/O threads' => sub {
    $guest->add_iothread( 5, $live );
    is_deeply( [ sort map { $_->{number} } $guest->get_iothread_info($live) ], [ 1, 5 ], 'a second' );
    $guest->pin_iothread( 5, "\1", $live );
    my ($five) = grep { $_->{number} == 5 } $guest->get_iothread_info($live);
    is( unpack( 'b2', $five->{affinity} ), '10', 'pinned' );
    $guest->set_iothread(
        5,
        {
            Sys::Virt::Domain::IOTHREAD_PARAM_POLL_MAX_NS => 65_536,
            Sys::Virt::Domain::IOTHREAD_PARAM_POLL_GROW   => 2
        },
        $live
    );
    my ($stats) = $conn->get_all_domain_stats( Sys::Virt::Domain::STATS_IOTHREAD, [$guest] );
    is( $stats->{data}{'iothread.5.poll-max-ns'}, 65_536, 'its setting, in the statistics' );
    is( $stats->{data}{'iothread.5.poll-grow'},   2,      '... another' );
    Stack::same( 'get_iothread_info', $guest,
        'map { { %$_, affinity => unpack "b*", $_->{affinity} } } $dom->get_iothread_info(1)' );
    $guest->del_iothread( 5, $live );
    is( scalar( my @left = $guest->get_iothread_info($live) ), 1, 'deleted' );
    throws( 'deleted twice', 'INVALID_ARG', sub { $guest->del_iothread( 5, $live ) } );
};

subtest 'memory modules' => sub {

    # A guest that could grow beyond 4 GiB of addresses sets 64 MiB aside, so it gets more.
    my $slots = "<maxMemory slots='4' unit='MiB'>1024</maxMemory>";
    my $xml   = Stack::xml( name => 'dimm', agent => 1, memory => 256, domain => $slots );
    $xml =~ s{</cpu>}{<numa><cell id='0' cpus='0' memory='256' unit='MiB'/></numa></cpu>};
    my $dimm = $conn->create_domain($xml);
    Stack::ready('dimm') && Stack::agent_ready($dimm);
    my %seen;
    for my $kind (qw(DEVICE_ADDED MEMORY_DEVICE_SIZE_CHANGE)) {
        my $number = Sys::Virt::Domain->can("EVENT_ID_$kind")->();
        $conn->domain_event_register_any( $dimm, $number,
            sub { push @{ $seen{$kind} }, [ @_[ 2 .. $#_ ] ] } );
    }
    my $target = "<target><size unit='MiB'>128</size><node>0</node>";
    $dimm->attach_device( "<memory model='dimm'>$target</target></memory>", $live );
    ok( Stack::wait_for( 'the module', 20, sub { $seen{DEVICE_ADDED} } ), 'a module is added' );
    is( $dimm->get_max_memory, 384 * 1024, '... and counts' );
    my $more = "<block unit='MiB'>2</block><requested unit='KiB'>0</requested></target>";
    $dimm->attach_device( "<memory model='virtio-mem'>$target$more</memory>", $live );
    my ($now) = $dimm->get_xml_description =~ m{(<memory model='virtio-mem'.*?</memory>)}s;
    ( my $larger = $now ) =~ s{<requested unit='KiB'>0<}{<requested unit='KiB'>65536<};
    $dimm->update_device( $larger, $live );
    my $grown = sub {
        grep { $_->[1] == 65_536 } @{ $seen{MEMORY_DEVICE_SIZE_CHANGE} // [] };
    };
    ok( Stack::wait_for( 'memory', 30, $grown ), 'one whose size is asked for: the guest takes it, event' )
        || diag explain \%seen;
    like( $dimm->get_xml_description, qr{<current unit='KiB'>65536<}, '... and has it' );
    $dimm->destroy;
};

done_testing;
