# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Interfaces of the host.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Throws;
use Sys::Virt;

my $c = Sys::Virt->new( uri => 'test:///default' );

subtest 'interfaces' => sub {
    my $if = $c->get_interface_by_name('eth1');
    is( $c->get_interface_by_mac( $if->get_mac )->get_name, 'eth1', 'by MAC address' );
    is( $if->is_active,                                     1,      'active' );
    $if->destroy;
    is( $if->is_active, 0, 'destroy' );
    $if->create;
    is( $c->num_of_interfaces, 1, 'number' );
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    my $new = $c->create_interface(
        $if->get_xml_description =~ s/eth1/eth9/r =~ s/aa:bb:cc:dd:ee:ff/aa:bb:cc:dd:ee:01/r );
    is( $new->is_active, 0,   'create_interface defines' );
    is( "@warnings",     q{}, 'E: without a warning' );
    $new->undefine;
    $c->interface_change_begin;
    $c->interface_change_rollback;
    throws( 'nothing to commit', qr/./, sub { $c->interface_change_commit } );
    throws(
        '_new',
        qr/\Aname, mac or xml parameters are required/,
        sub { Sys::Virt::Interface->_new( connection => $c ) }
    );
};

done_testing;
