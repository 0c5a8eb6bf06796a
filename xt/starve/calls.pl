# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# calls.pl [all]: runs under starve.c, whose file STARVE names: typical calls, in each of which every allocation of ours fails
# once, or with "all" together with those that follow. Prints the
# call, how many allocations it made, how many of the failures it threw for, and by how many bytes a failure made the process
# grow, at most; separated by tabs. Each call runs in a separate process; if a signal ends it, that is reported instead.
use strict;
use warnings;
no warnings 'numeric';

use POSIX ();
use Sys::Virt;
use Sys::Virt::Event;

open my $words, '+<', $ENV{STARVE} or die "$ENV{STARVE}: $!\n";

sub word {
    my ( $index, $value ) = @_;
    sysseek $words, 8 * $index, 0;
    if ( defined $value ) { syswrite $words, pack 'q', $value }
    else                  { sysread $words, $value, 8; $value = unpack 'q', $value }
    return $value;
}

Sys::Virt::Event::register_default();
my $timer  = Sys::Virt::Event::add_timeout( -1, sub { } );
my $c      = Sys::Virt->new( uri => 'test:///default' );
my $d      = $c->get_domain_by_name('test');
my $net    = $c->get_network_by_name('default');
my $pool   = $c->get_storage_pool_by_name('default-pool');
my $volume = '<volume><name>v</name><capacity>1048576</capacity></volume>';
my $wide   = "<metadata>\x{263a}" . 'x' x 6_000 . '</metadata>';
my $nested = '<domainsnapshot><name>s</name></domainsnapshot>';

# Runs the event loop until it has been through its timers, and then through what it does when nothing else is left.
sub turn {
    Sys::Virt::Event::update_timeout( $timer, 0 );
    Sys::Virt::Event::run_default();
    Sys::Virt::Event::update_timeout( $timer, -1 );
    Sys::Virt::Event::update_timeout( $timer, 1 );
    Sys::Virt::Event::run_default() for 1 .. 2;
    Sys::Virt::Event::update_timeout( $timer, -1 );
    return;
}

sub events {
    my ($code) = @_;
    my $id = $c->domain_event_register_any( undef, Sys::Virt::Domain::EVENT_ID_LIFECYCLE, $code );
    $d->suspend;
    $d->resume;
    turn() for 1 .. 2;
    $c->domain_event_deregister_any($id);
    return;
}

my @calls = (
    'connect'       => sub { Sys::Virt->new( uri => 'test:///default' ) },
    'connect, auth' => sub {
        Sys::Virt->new( uri => 'test:///default', auth => 1, credlist => [ 1, 2 ], callback => sub { 0 } );
    },
    'refused connect' => sub { Sys::Virt->new( uri => 'none:///' . 'x' x 5_000 ) },
    'list domains'    => sub { $c->list_all_domains },
    'list, legacy'    => sub { $c->list_domains },
    'ids'             => sub { $c->list_domain_ids(10_000) },
    'names'           => sub { $c->list_defined_domain_names(10_000) },
    'lookup by name'  => sub { $c->get_domain_by_name('test') },
    'lookup by UUID'  => sub { $c->get_domain_by_uuid( $d->get_uuid ) },
    'failed lookup'   => sub { $c->get_domain_by_name( 'x' x 5_000 ) },
    'usage'           => sub { $d->set_memory('x') },
    'info'            => sub { $d->get_info },
    'XML'             => sub { $d->get_xml_description },
    'statistics'      => sub { $c->get_all_domain_stats(0) },
    'statistics of'   => sub { $c->get_all_domain_stats( 0, [ ($d) x 60 ] ) },
    'node info'       => sub { $c->get_node_info },
    'capabilities'    => sub { $c->get_capabilities },
    'get scheduler'   => sub { $d->get_scheduler_parameters },
    'set scheduler'   => sub { $d->set_scheduler_parameters( { weight => 50 } ) },
    'blkio'           => sub { $d->get_blkio_parameters },
    'vcpu info'       => sub { $d->get_vcpu_info },
    'pin vcpu'        => sub { $d->pin_vcpu( 0, "\1" ) },
    'memory stats'    => sub { $d->memory_stats },
    'addresses'       => sub { $d->get_interface_addresses(0) },
    'file systems'    => sub { $d->get_fs_info },
    'guest info'      => sub { $d->get_guest_info(0) },
    'threads'         => sub { $d->get_iothread_info },
    'disk errors'     => sub { $d->get_disk_errors },
    'metadata'        => sub { $d->set_metadata( 2, $wide, 'k', 'urn:x' ); $d->get_metadata( 2, 'urn:x' ) },
    'networks'        => sub { $c->list_all_networks, $net->get_xml_description },
    'leases'          => sub { $net->get_dhcp_leases },
    'pools'           => sub { $c->list_all_storage_pools, $pool->get_info },
    'volume'          => sub { $pool->create_volume($volume)->delete },
    'node devices'    => sub { $c->list_all_node_devices },
    'device names'    => sub { $c->list_node_device_names( 'system', 100 ) },
    'free memory'     => sub { $c->get_node_cells_free_memory( 0, 1 ) },
    'free pages'      => sub { $c->get_node_free_pages( [ 4, 2048 ], 0, 1 ) },
    'CPU map'         => sub { $c->get_node_cpu_map },
    'CPU models'      => sub { $c->get_cpu_model_names('x86_64') },
    'baseline'        =>
        sub { $c->baseline_cpu( [ ("<cpu><arch>x86_64</arch><model>qemu64</model></cpu>") x 60 ] ) },
    'snapshot'   => sub { $d->create_snapshot($nested)->delete },
    'screenshot' => sub {
        my $stream = $c->new_stream;
        $d->screenshot( $stream, 0 );
        $stream->recv_all( sub { length $_[1] } );
        $stream->finish;
    },
    'receive' => sub {
        my $stream = $c->new_stream;
        $d->screenshot( $stream, 0 );
        $stream->recv( my $data, 100_000 );
        $stream->abort;
    },
    'timer' => sub {
        my $id = Sys::Virt::Event::add_timeout( 0, sub { } );
        turn();
        Sys::Virt::Event::remove_timeout($id);
    },
    'event' => sub {
        events( sub { } );
    },
    'dying event' => sub {
        events( sub { die 'x' x 5_000 } );
    },
    'close' => sub {
        my $conn = Sys::Virt->new( uri => 'test:///default' );
        $conn->register_close_callback( sub { } );
        $conn->unregister_close_callback;
    },
);

while ( my ( $name, $code ) = splice @calls, 0, 2 ) {
    my $child = fork // die "fork: $!\n";
    if ($child) {
        waitpid $child, 0;
        print "$name\tstatus\t$?\n" if $?;
        next;
    }
    my ( $number, $thrown, $grown ) = ( 0, 0, 0 );
    my $run = sub {
        my ($fail) = @_;
        word( 4, @ARGV ? 1 : 0 );
        word( 1, 0 );
        word( 0, $fail );
        my $lived = eval { $code->(); 1 };
        word( 0, 0 );
        $@ = q{};    ## no critic (RequireLocalizedPunctuationVars)
        turn() for 1 .. 2;
        $d->resume if $d->get_info->{state} != 1;
        return $lived;
    };
    eval { $code->() } for 1 .. 3;
    while (1) {
        my ( $least, $threw ) = ( 9**9 );
        for ( 1 .. 4 ) {
            my $before = word(2);
            $threw = !$run->( $number + 1 );
            last if !word(1);
            my $more = word(2) - $before;
            $least = $more if $more < $least;
        }
        last if !word(1);
        $number++;
        $thrown++       if $threw;
        $grown = $least if $least > $grown;
    }
    print "$name\t$number\t$thrown\t$grown\n";
    close STDOUT;
    POSIX::_exit(0);
}
