# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Node devices.
use strict;
use warnings;

use Test::More;
use Sys::Virt;

my $c = Sys::Virt->new( uri => 'test:///default' );

sub throws {
    my ( $code, $pattern, $name ) = @_;
    ok( !eval { $code->(); 1 }, $name );
    return like( ref $@ ? $@->message : $@, $pattern, '... and says why' );
}

subtest 'node devices' => sub {
    my @all = $c->list_all_node_devices;
    cmp_ok( scalar @all, '>=', 1, 'there are some' );
    my $computer = $c->get_node_device_by_name('computer');
    throws( sub { $computer->get_parent }, qr/no parent/, 'the root has no parent, says the test driver' );
    is_deeply( [ $computer->list_capabilities ], ['system'], 'capabilities' );
    is( scalar( my @system = $c->list_node_devices('system') ), 1, 'of a capability' );
    is( $c->num_of_node_devices('system'),                      1, 'their number' );
    throws( sub { $computer->detach }, qr/./, 'detach is there' );
    throws(
        sub { $computer->dettach },
        qr/\AUsage: Sys::Virt::NodeDevice::dettach\(dev, driversv, flags=0\)/,
        'dettach wants a driver'
    );
    throws( sub { Sys::Virt::NodeDevice->_new( connection => $c ) },
        qr/\Aname parameter is required at/, '_new' );
};

done_testing;
