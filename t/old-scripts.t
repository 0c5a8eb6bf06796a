# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Calls in the form of 2011, when Sys::Virt was at release 0.2.8: fewer arguments, flags in other places.
use strict;
use warnings;

use File::Temp ();
use FindBin;
use lib "$FindBin::Bin/lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Patience;
use Sys::Virt;

local $SIG{ALRM} = sub { die "stuck\n" };
alarm 120;

my $c = Sys::Virt->new( address => 'test:///default' );
my $d = $c->get_domain_by_name('test');

# Functions that only newer test drivers have: with others, the call only reaches the driver.
sub lives {
    my ( $name, $code ) = @_;
    my $lived = eval { $code->(); 1 };
    return ok( $lived || ref $@ && $@->code == Sys::Virt::Error::ERR_NO_SUPPORT(), "G: $name" ) || diag $@;
}

is( ref $c,      'Sys::Virt', 'G: address, the older name of uri' );
is( $_->[0]->(), $_->[1],     "G: $_->[2]" )
    for [ sub { $d->get_name }, 'test', 'get_name' ],
    [ sub { $d->get_id }, 1, 'get_id' ],
    [ sub { length $d->get_uuid },        16, 'get_uuid' ],
    [ sub { length $d->get_uuid_string }, 36, 'get_uuid_string' ],
    [ sub { $d->get_os_type },            'linux', 'get_os_type' ],
    [ sub { $d->is_active },              1,       'is_active' ],
    [ sub { $d->is_persistent },          1,       'is_persistent' ],
    [ sub { $d->is_updated },             0,       'is_updated' ],
    [ sub { $d->has_managed_save_image }, 0,       'has_managed_save_image' ],
    [ sub { $d->num_of_snapshots },       0,       'num_of_snapshots' ],
    [ sub { $d->has_current_snapshot },   0,       'has_current_snapshot' ];
like( $d->get_xml_description, qr/<name>test</, 'G: get_xml_description without flags' );
my $info = $d->get_info;
is_deeply( [ sort keys %$info ], [qw(cpuTime maxMem memory nrVirtCpu state)], 'G: get_info' );
is( ref $d->get_scheduler_parameters, 'HASH', 'G: get_scheduler_parameters is a reference' );
lives( 'set_scheduler_parameters', sub { $d->set_scheduler_parameters( { weight => 50 } ) } );
lives( 'set_memory without flags', sub { $d->set_memory( $info->{memory} / 2 ) } );
is( $d->get_info->{memory}, $info->{memory} / 2, '... sets it' );
lives( 'set_vcpus without flags', sub { $d->set_vcpus(1) } );
lives( 'pin_vcpu without flags',  sub { $d->pin_vcpu( 0, pack 'b*', '11' ) } );
is( ( $d->get_vcpu_info )[0]{number}, 0, 'G: get_vcpu_info' );
lives( 'interface_stats', sub { is( ref $d->interface_stats('testnet0'), 'HASH', '... is a reference' ) } );
lives( 'memory_stats',    sub { is( ref $d->memory_stats,                'HASH', '... is a reference' ) } );
lives( 'block_stats',     sub { $d->block_stats('vda') if $d->get_xml_description =~ /vda/ } );
$d->suspend;
is( $d->get_info->{state}, Sys::Virt::Domain::STATE_PAUSED, 'G: suspend' );
$d->resume;

is_deeply( [ $d->list_snapshot_names(10) ], [], 'G: list_snapshot_names' );
my $snapshot = $d->create_snapshot('<domainsnapshot><name>one</name></domainsnapshot>');
is_deeply( [ $d->list_snapshot_names(10) ],             ['one'], 'G: create_snapshot' );
is_deeply( [ map { $_->get_name } $d->list_snapshots ], ['one'], 'G: list_snapshots' );
$snapshot->revert_to;
$snapshot->delete;

my $file = File::Temp->new;
$d->save("$file");
is( $d->is_active, 0, 'G: save takes a file, and stops the domain' );
$c->restore_domain("$file");
is( $d->is_active, 1, 'G: restore_domain takes a file' );
$d->core_dump("$file");
ok( -s "$file", 'G: core_dump without flags' );
lives( 'reboot', sub { $d->reboot(0) } );

lives( 'shutdown without flags', sub { $d->shutdown } );
lives( 'destroy without flags',  sub { $d->destroy if $d->is_active } );
is( $d->get_name, 'test', 'G: the object stays usable' );
$d->undefine;
is( scalar( () = $c->list_defined_domains ), 0, 'G: undefine without flags' );
my $again = $c->define_domain(
    "<domain type='test'><name>old</name><memory>1024</memory><os><type>hvm</type></os></domain>");
$again->create;
is_deeply( [ map { $_->get_name } $c->list_domains ], ['old'], 'G: define_domain, create, list_domains' );

done_testing;
