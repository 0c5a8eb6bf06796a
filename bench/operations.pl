# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# What is timed: name => [ preparation, operation ]. Both are closures made in the process that runs them, under
# either implementation; a preparation returns what its operation gets.
use strict;
use warnings;

use File::Temp ();
use Sys::Virt;

my $default = Sys::Virt->new( uri => 'test:///default' );
my $test    = $default->get_domain_by_name('test');

# A host of the test driver with as many running domains as asked for.
my %files;

sub many {
    my ($count) = @_;
    my $file    = $files{$count} ||= do {
        my $temp = File::Temp->new( SUFFIX => '.xml' );
        print {$temp} '<node>';
        printf {$temp} '<domain type="test"><name>vm%06d</name><uuid>00000000-0000-0000-0000-%012d</uuid>'
            . '<memory>8192</memory><vcpu>2</vcpu><os><type>hvm</type></os></domain>', $_, $_
            for 1 .. $count;
        print {$temp} '</node>';
        close $temp or die $!;
        $temp;
    };
    return Sys::Virt->new( uri => "test://$file" );
}

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
    'connect'                => $plain->( sub { Sys::Virt->new( uri => 'test:///default' ) } ),
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
    'domain block stats'     => $plain->( sub { $test->block_stats('vda') if 0; $test->get_max_vcpus } ),
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
            my $c     = Sys::Virt->new( uri => 'test:///default' );
            my $d     = $c->get_domain_by_name('test');
            my $count = 0;
            $c->domain_event_register_any( undef, 0, sub { $count++ } );
            my $timer = Sys::Virt::Event::add_timeout( 0, sub { } );
            return [ $c, $d, $timer ];
        },
        sub {
            my ($state) = @_;
            $state->[1]->suspend;
            $state->[1]->resume;
            Sys::Virt::Event::run_default();
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
delete $OPERATIONS{'domain block stats'};

for my $count ( 20, 1_000, 10_000 ) {
    my $prepare = sub { return many($count) };
    $OPERATIONS{"list_all_domains, $count"} = [ $prepare, sub { my @all = $_[0]->list_all_domains } ];
    next if $count == 10_000;    # the original takes seconds for each call
    $OPERATIONS{"list_domains, $count"} = [ $prepare, sub { my @all = $_[0]->list_domains } ];
    $OPERATIONS{"all domain stats, $count"} =
        [ $prepare, sub { my @all = $_[0]->get_all_domain_stats( Sys::Virt::Domain::STATS_STATE() ) } ];
}

1;
