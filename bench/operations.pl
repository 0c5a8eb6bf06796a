# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The timed operations: name => [ preparation, operation ]. Both are closures made in the process that runs them, under
# either implementation; a preparation returns what its operation gets.
use strict;
use warnings;

use FindBin ();
use lib $FindBin::Bin;
use Bench;
use Sys::Virt;

my $default = Sys::Virt->new( uri => Bench::uri('/default') );
my $test    = $default->get_domain_by_name('test');

my $uuid = $test->get_uuid;
my $text = $test->get_uuid_string;
my $dies = sub {
    eval { $default->get_domain_by_name('nope') };
    return;
};
my $plain = sub {
    my ($code) = @_;
    return [ sub { return }, $code ];
};

our %OPERATIONS = (
    'connect'                => $plain->( sub { Sys::Virt->new( uri => Bench::uri('/default') ) } ),
    'get_type'               => $plain->( sub { $default->get_type } ),
    'get_uri'                => $plain->( sub { $default->get_uri } ),
    'get_version'            => $plain->( sub { $default->get_version } ),
    'get_hostname'           => $plain->( sub { $default->get_hostname } ),
    'get_node_info'          => $plain->( sub { $default->get_node_info } ),
    'get_capabilities'       => $plain->( sub { $default->get_capabilities } ),
    'num_of_domains'         => $plain->( sub { $default->num_of_domains } ),
    'domain get_name'        => $plain->( sub { $test->get_name } ),
    'domain get_id'          => $plain->( sub { $test->get_id } ),
    'domain get_uuid'        => $plain->( sub { $test->get_uuid } ),
    'domain get_uuid_string' => $plain->( sub { $test->get_uuid_string } ),
    'domain is_active'       => $plain->( sub { $test->is_active } ),
    'domain get_info'        => $plain->( sub { $test->get_info } ),
    'domain get_state'       => $plain->( sub { my @state = $test->get_state } ),
    'domain get_os_type'     => $plain->( sub { $test->get_os_type } ),
    'domain get_autostart'   => $plain->( sub { $test->get_autostart } ),
    'domain get_max_memory'  => $plain->( sub { $test->get_max_memory } ),
    'domain get_xml'         => $plain->( sub { $test->get_xml_description } ),
    'domain get_vcpu_info'   => $plain->( sub { my @vcpus = $test->get_vcpu_info } ),
    'domain scheduler get'   => $plain->( sub { $test->get_scheduler_parameters } ),
    'domain scheduler set'   => $plain->( sub { $test->set_scheduler_parameters( { weight => 50 } ) } ),
    'domain memory stats'    => $plain->( sub { $test->memory_stats } ),
    'domain set_memory'      => $plain->( sub { $test->set_memory(2_097_152) } ),
    'lookup by name'         => $plain->( sub { $default->get_domain_by_name('test') } ),
    'lookup by id'           => $plain->( sub { $default->get_domain_by_id(1) } ),
    'lookup by raw uuid'     => $plain->( sub { $default->get_domain_by_uuid($uuid) } ),
    'lookup by uuid text'    => $plain->( sub { $default->get_domain_by_uuid($text) } ),
    'failed lookup in eval'  => $plain->($dies),
    'lookup of a network'    => $plain->( sub { $default->get_network_by_name('default') } ),
    'lookup of a pool'       => $plain->( sub { $default->get_storage_pool_by_name('default-pool') } ),
    'all domain stats, 1'    => $plain->( sub { my @stats = $default->get_all_domain_stats(0) } ),
    'event dispatch'         => [
        sub {
            require Sys::Virt::Event;
            Sys::Virt::Event::register_default();
            my $c     = Sys::Virt->new( uri => Bench::uri('/default') );
            my $d     = $c->get_domain_by_name('test');
            my $count = 0;
            $c->domain_event_register_any( undef, 0, sub { $count++ } );
            return [ $c, $d ];
        },
        sub {
            my ($state) = @_;
            $state->[1]->suspend;
            $state->[1]->resume;
            Sys::Virt::Event::run_default()
                ;    # does not wait: libvirt hands queued events over by a timer of its own
        }
    ],
    'timer dispatch' => [
        sub {
            require Sys::Virt::Event;
            Sys::Virt::Event::register_default();
            return Sys::Virt::Event::add_timeout( 0, sub { } );
        },
        sub { Sys::Virt::Event::run_default() }
    ],
);

# The same of a host with many domains: "name, number".
my $number  = 0;
my %on_many = (
    'list_all_domains' => sub { my @all = $_[0]->list_all_domains },
    'list_domains'     => sub { my @all = $_[0]->list_domains },
    'all domain stats' => sub { my @all = $_[0]->get_all_domain_stats( Sys::Virt::Domain::STATS_STATE() ) },
    'num_of_domains'   => sub { $_[0]->num_of_domains },
    'lookup by name'   => sub { $_[0]->get_domain_by_name( sprintf 'vm%06d', another( $_[1] ) ) },
    'lookup by id'     => sub { $_[0]->get_domain_by_id( another( $_[1] ) ) },
    'lookup by uuid'   => sub {
        $_[0]->get_domain_by_uuid( sprintf '00000000-0000-0000-0000-%012d', another( $_[1] ) );
    },
);

# One of so many, each in its turn.
sub another { my ($count) = @_; return $number++ * 7919 % $count + 1 }

# The objects that bench/memory.pl keeps, besides results of the above, and bench/instructions.pl's measure of perl itself. They
# are not made before they are asked for.
my %kept = (
    'an empty method' => sub {
        *Sys::Virt::Domain::nothing = \&utf8::is_utf8;    # an XSUB, too
        return sub { $test->nothing };
    },
    'lookup of a volume' => sub {
        my $pool     = $default->get_storage_pool_by_name('default-pool');
        my $xml      = '<volume><name>bench.img</name><capacity>1</capacity></volume>';
        my ($volume) = ( $pool->list_all_volumes, eval { $pool->create_volume($xml) } );
        my $name     = $volume->get_name;
        return sub { $pool->get_volume_by_name($name) };
    },
    'lookup of an interface' => sub {
        return sub { $default->get_interface_by_name('eth1') }
    },
    'lookup of a node device' => sub {
        return sub { $default->get_node_device_by_name('computer') }
    },
    'stream' => sub {
        return sub { $default->new_stream }
    },
    'event subscription' => sub {
        require Sys::Virt::Event;
        Sys::Virt::Event::register_default();
        my $conn    = Sys::Virt->new( uri => Bench::host(2_000) );
        my @domains = $conn->list_all_domains;                      # one for each: libvirt wants no two alike
        return sub {
            $conn->domain_event_register_any( pop @domains, 0, sub { } );
        };
    },
    'timer' => sub {
        require Sys::Virt::Event;
        Sys::Virt::Event::register_default();
        return sub {
            Sys::Virt::Event::add_timeout( -1, sub { } );
        };
    },
);

my %hosts;

sub operation {
    my ($name) = @_;
    return $OPERATIONS{$name}           if $OPERATIONS{$name};
    return $plain->( $kept{$name}->() ) if $kept{$name};
    my ( $what, $count ) = $name =~ /\A(.+), (\d+)\z/ or die "no operation $name\n";
    my $code = $on_many{$what} or die "no operation $what\n";
    return [ sub { return ( $hosts{$count} ||= Sys::Virt->new( uri => Bench::host($count) ), $count ) },
        $code ];
}

# With 10,000 domains the original takes a second for list_domains.
$OPERATIONS{$_} = operation($_)
    for 'list_all_domains, 10000',
    map { ( "list_all_domains, $_", "list_domains, $_", "all domain stats, $_" ) } 20, 1_000;

# Over a socket, what takes the original more round trips than needed, and typed parameters of a real driver.
if ( $ENV{BENCH_SOCKET} ) {
    my $qemu  = Sys::Virt->new( uri => "qemu+unix:///system?socket=$ENV{BENCH_SOCKET}" );
    my $guest = sub { return $qemu->get_domain_by_name('bench-remote') };
    for my $what (qw(domains networks storage_pools interfaces nwfilters node_devices secrets)) {
        my $from = $what eq 'interfaces' ? $default : $qemu;
        for my $list ( "list_$what", "list_defined_$what", "list_all_$what" ) {
            $OPERATIONS{"real $list"} = $plain->( sub { my @all = $from->$list } ) if $from->can($list);
        }
    }
    my %of_guest = (
        get_memory_parameters    => [],
        get_numa_parameters      => [],
        get_blkio_parameters     => [],
        get_scheduler_parameters => [],
        get_block_iotune         => ['vda'],
        get_interface_parameters => ['52:54:00:be:9c:01'],
        get_perf_events          => [],
        block_stats              => ['vda'],
        memory_stats             => [],
        get_vcpu_info            => [],
        get_iothread_info        => [],
        get_emulator_pin_info    => [],
        get_info                 => [],
        get_job_stats            => [],
        get_cpu_stats            => [ -1, 1 ],
    );
    while ( my ( $method, $args ) = each %of_guest ) {
        $OPERATIONS{"real $method"} = [ $guest, sub { my @result = $_[0]->$method(@$args) } ];
    }
    $OPERATIONS{'real node memory stats'} = $plain->( sub { $qemu->get_node_memory_stats } );
    $OPERATIONS{'real node cpu stats'}    = $plain->( sub { $qemu->get_node_cpu_stats } );
    $OPERATIONS{'real all domain stats'}  = $plain->( sub { my @all = $qemu->get_all_domain_stats(0) } );
}

1;
