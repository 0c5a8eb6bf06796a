# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Node devices.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Throws;
use Sys::Virt;

my $c = Sys::Virt->new( uri => 'test:///default' );

subtest 'node devices' => sub {
    my @all = $c->list_all_node_devices;
    cmp_ok( scalar @all, '>=', 1, 'there are some' );
    my $computer = $c->get_node_device_by_name('computer');
    throws( 'the root has no parent, says the test driver', qr/no parent/, sub { $computer->get_parent } );
    is_deeply( [ $computer->list_capabilities ], ['system'], 'capabilities' );
    is( scalar( my @system = $c->list_node_devices('system') ), 1, 'of a capability' );
    is( $c->num_of_node_devices('system'),                      1, 'their number' );
    throws( 'detach is there', qr/./, sub { $computer->detach } );
    throws(
        'dettach wants a driver',
        qr/\AUsage: Sys::Virt::NodeDevice::dettach\(dev, driversv, flags=0\)/,
        sub { $computer->dettach }
    );
    throws(
        '_new',
        qr/\Aname parameter is required at/,
        sub { Sys::Virt::NodeDevice->_new( connection => $c ) }
    );
};

done_testing;
