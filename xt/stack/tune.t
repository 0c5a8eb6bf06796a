# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Parameters of a running domain read and set, and all getters of it compared with the original.
use strict;
use warnings;

use Test::More;
use lib qw(t/lib xt/lib);
use Stack;
use Throws;

my $conn  = Stack::connect('a');
my $live  = Sys::Virt::Domain::AFFECT_LIVE;
my $image = Stack::image( 'disk', 'raw', '8M' );
my $guest = Stack::boot(
    $conn,
    name    => 'main',
    agent   => 1,
    network => 1,
    define  => 1,
    vcpus   => 2,
    domain  => '<iothreads>2</iothreads>',
    devices => "<graphics type='vnc' port='-1' autoport='yes' passwd='x'/><video><model type='vga'/></video>",
    disks   => [
        "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='$image'/><target dev='vda' bus='virtio'/></disk>"
    ],
);
my @tunables;
$conn->domain_event_register_any( $guest, Sys::Virt::Domain::EVENT_ID_TUNABLE,
    sub { push @tunables, $_[2] } );

# Sets a parameter, reads it back, and says why not where this machine has no such control group.
sub round_trip {
    my ( $what, $key, $value, $reason ) = @_;
    my ( $get, $set ) = ( "get_${what}_parameters", "set_${what}_parameters" );
    my $done  = eval { $guest->$set( { $key => $value }, $live ); 1 };
    my $error = $@;
    return $done
        ? is( $guest->$get($live)->{$key}, $value, "$what: $key" )
        : like( $error, $reason, "$what: $key refused" );
}

subtest 'memory' => sub {
    my $limit = 4_000_000;
    round_trip( 'memory', Sys::Virt::Domain::MEMORY_HARD_LIMIT, $limit,     qr/cgroup/ );
    round_trip( 'memory', Sys::Virt::Domain::MEMORY_SOFT_LIMIT, $limit / 2, qr/cgroup/ );
    my $big = 9_007_199_254_740_991;
    $guest->set_memory_parameters( { Sys::Virt::Domain::MEMORY_SOFT_LIMIT => $big },
        Sys::Virt::Domain::AFFECT_CONFIG );
    is( $guest->get_memory_parameters(Sys::Virt::Domain::AFFECT_CONFIG)->{soft_limit},
        $big, '53 bits, for later' );
    my $all = $guest->get_memory_parameters;
    is( $all->{swap_hard_limit} // Sys::Virt::Domain::MEMORY_PARAM_UNLIMITED,
        Sys::Virt::Domain::MEMORY_PARAM_UNLIMITED, 'unlimited' );
    throws( 'an unknown key', qr/swappiness/, sub { $guest->set_memory_parameters( { swappiness => 1 } ) } );
};

subtest 'scheduler' => sub {
    my $type = $guest->get_scheduler_type;
    is( $type, 'posix', 'its type' );
    round_trip( 'scheduler', Sys::Virt::Domain::SCHEDULER_CPU_SHARES, 512, qr/cgroup/ );
    $guest->set_scheduler_parameters(
        {
            Sys::Virt::Domain::SCHEDULER_VCPU_PERIOD => 50_000,
            Sys::Virt::Domain::SCHEDULER_VCPU_QUOTA  => 40_000
        },
        $live
    );
    my $got = $guest->get_scheduler_parameters;
    is( "$got->{vcpu_period} $got->{vcpu_quota}", '50000 40000', 'period and quota' );
    $guest->set_scheduler_parameters( { Sys::Virt::Domain::SCHEDULER_VCPU_QUOTA => -1 }, $live );
    is( $guest->get_scheduler_parameters->{vcpu_quota}, 17_592_186_044_415, 'a negative value: no limit' )
        unless $guest->get_scheduler_parameters->{vcpu_quota} == -1;
    ok(
        Stack::wait_for(
            'events', 10,
            sub {
                grep { exists $_->{'cputune.vcpu_quota'} } @tunables;
            }
        ),
        'events'
    ) || diag explain \@tunables;
    my ($negative) = grep { ( $_->{'cputune.vcpu_quota'} // 0 ) < 0 } @tunables;
    is( $negative->{'cputune.vcpu_quota'}, -1, '... with the negative value' );
};

subtest 'blkio, NUMA, perf' => sub {
    round_trip( 'blkio', Sys::Virt::Domain::BLKIO_WEIGHT, 500, qr/blkio|cgroup|weight/i );
    my $numa = $guest->get_numa_parameters;
    ok( exists $numa->{numa_mode}, 'NUMA: a mode' ) || diag explain $numa;
    my $set = eval {
        $guest->set_numa_parameters( { Sys::Virt::Domain::NUMA_NODESET => '0' },
            Sys::Virt::Domain::AFFECT_CONFIG );
        1;
    };
    ok( $set, 'NUMA: nodes' ) or diag $@;
    is( $guest->get_numa_parameters(Sys::Virt::Domain::AFFECT_CONFIG)->{numa_nodeset}, '0', '... set' );
    my $perf = $guest->get_perf_events;
    ok( exists $perf->{Sys::Virt::Domain::PERF_PARAM_CPU_CYCLES}, 'perf: events' );
    $guest->set_perf_events( { Sys::Virt::Domain::PERF_PARAM_CPU_CYCLES => 1 },
        Sys::Virt::Domain::AFFECT_CONFIG );
    is(
        $guest->get_perf_events(Sys::Virt::Domain::AFFECT_CONFIG)->{Sys::Virt::Domain::PERF_PARAM_CPU_CYCLES},
        1, '... one, for later'
    );
    my $enabled =
        eval { $guest->set_perf_events( { Sys::Virt::Domain::PERF_PARAM_CONTEXT_SWITCHES => 1 }, $live ); 1 };
    my $error = $@;

    if ($enabled) {
        my ($stats) = $conn->get_all_domain_stats( Sys::Virt::Domain::STATS_PERF, [$guest] );
        ok( exists $stats->{data}{'perf.context_switches'}, '... one at once' ) || diag explain $stats;
    }
    else {
        like( $error, qr/perf event/, 'a machine without them says so' );
    }
};

subtest 'keys, signals and more' => sub {
    Stack::lives( 'keys', sub { $guest->send_key( Sys::Virt::Domain::KEYCODE_SET_LINUX, 100, [ 29, 56 ] ) } );
    throws( 'too many', 'INVALID_ARG', sub { $guest->send_key( 0, 1, [ (1) x 17 ] ) } );
    Stack::lives( 'an NMI', sub { $guest->inject_nmi } );
    Stack::lives(
        'metadata',
        sub { $guest->set_metadata( Sys::Virt::Domain::METADATA_ELEMENT, '<x a="1"/>', 'k', 'urn:x', $live ) }
    );
    like(
        $guest->get_metadata( Sys::Virt::Domain::METADATA_ELEMENT, 'urn:x' ),
        qr/<x a=['"]1['"]\/>/,
        '... is back'
    );
    Stack::lives( 'the dirty rate', sub { $guest->start_dirty_rate_calc(1) } );
    my $rate = sub {
        my ($s) = $conn->get_all_domain_stats( Sys::Virt::Domain::STATS_DIRTYRATE, [$guest] );
        ( $s->{data}{'dirtyrate.calc_status'} // 0 ) == 2;
    };
    ok( Stack::wait_for( 'the dirty rate', 20, $rate ), '... is measured' );
    my $fd = eval { $guest->open_graphics_fd(0) };
    ok( defined $fd && $fd > 2, 'a descriptor of the screen' ) or diag $@;
    if ( open my $handle, '+<&=', $fd ) {
        sysread $handle, my $hello, 12;
        like( $hello, qr/\ARFB 003/, '... speaks VNC' );
    }
    is_deeply( [ $guest->get_messages ],            [ $guest->get_messages ],            'messages' );
    is_deeply( [ $guest->get_security_label_list ], [ $guest->get_security_label_list ], 'labels' );
};

my $leased = sub {
    return
        grep { @{ $_->{addrs} } }
        $guest->get_interface_addresses(Sys::Virt::Domain::INTERFACE_ADDRESSES_SRC_LEASE);
};
Stack::wait_for( 'a lease', 30, $leased );

my @getters = (
    'get_state',                   'get_control_info',
    'get_xml_description',         'get_xml_description(1)',
    'get_xml_description(2)',      'get_xml_description(8)',
    'get_info',                    'get_id',
    'get_max_memory',              'get_max_vcpus',
    'get_vcpus(0)',                'get_vcpus(1)',
    'get_vcpus(5)',                'get_os_type',
    'get_uuid_string',             'get_scheduler_type',
    'get_scheduler_parameters',    'get_scheduler_parameters(1)',
    'get_scheduler_parameters(2)', 'get_memory_parameters',
    'get_memory_parameters(2)',    'get_blkio_parameters',
    'get_blkio_parameters(2)',     'get_numa_parameters',
    'get_numa_parameters(2)',      'get_perf_events',
    'get_perf_events(2)',          'get_job_info',
    'get_security_label_list',     'get_security_label',
    'get_messages',                q{get_metadata( 2, 'urn:x', 0 )},
    'is_updated',                  'is_persistent',
    'get_autostart',               'has_managed_save_image',
    'get_disk_errors',             'migrate_get_max_downtime',
    'migrate_get_max_speed',       'migrate_get_compression_cache',
    'memory_stats',                'get_iothread_info(2)',
    q{get_block_iotune('vda')},    q{get_block_iotune('vda', 2)},
    q{block_stats('vda')},         q{get_block_info('vda')},
    'get_hostname(1)',
);
Stack::same( $_,                      $guest, "\$dom->$_" ) for @getters;
Stack::same( 'get_job_stats',         $guest, 'my ( $t, $s ) = $dom->get_job_stats; $s' );
Stack::same( 'get_emulator_pin_info', $guest, q{unpack 'b*', $dom->get_emulator_pin_info} );
Stack::same( 'get_time',              $guest, '$dom->get_time' );

# The original reads beyond its array here, and loses the last value of the total.
my ($total) = $guest->get_cpu_stats( -1, 1 );
is_deeply( [ sort keys %$total ], [qw(cpu_time system_time user_time)], 'CPU time: all CPUs' );
my @each = eval { $guest->get_cpu_stats( 0, 2 ) };
like( $@, qr/\A\z|cgroup V2/, '... each, where control groups count so' ) or diag $@;
cmp_ok( $each[0]{cpu_time}, '>', 0, '... the first' ) if @each;
my %stats = map { $_ => Sys::Virt::Domain->can("STATS_$_")->() }
    qw(STATE CPU_TOTAL BALLOON VCPU INTERFACE BLOCK PERF IOTHREAD MEMORY);
for my $kind ( sort keys %stats ) {
    my $text = "map { \$_->{data} } \$conn->get_all_domain_stats( $stats{$kind}, [\$dom] )";
    Stack::same( "statistics: $kind", $guest, $text );
}
Stack::same( "of the host: $_", $guest, "\$conn->$_" )
    for 'get_node_info', 'get_capabilities', 'get_node_cpu_map', 'get_node_memory_stats',
    'get_node_cpu_stats',
    'get_node_memory_parameters', 'get_node_security_model', 'get_max_vcpus("qemu")', 'get_hostname',
    'get_uri',                                                 'get_type',
    'get_domain_capabilities(undef, undef, undef, "qemu", 0)', 'get_cpu_model_names("x86_64")',
    'get_storage_pool_capabilities',
    'get_node_free_pages([4], 0, 0)', 'get_node_cells_free_memory(0, 0)', 'get_node_free_memory',
    'is_secure',                                                       'is_encrypted',
    'domain_xml_to_native("qemu-argv", $dom->get_xml_description(2))', 'list_node_device_names(undef, 500)';

done_testing;
