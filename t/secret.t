# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Secrets, network filters and their bindings: the test driver has none.
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

subtest 'what the test driver has not' => sub {
    for my $code (
        sub { $c->list_all_secrets },
        sub { $c->define_secret('<secret/>') },
        sub { $c->get_secret_by_uuid( 'x' x 16 ) },
        sub { $c->list_all_nwfilters },
        sub { $c->define_nwfilter('<filter/>') },
        sub { $c->list_all_nwfilter_bindings },
        sub { $c->get_nwfilter_by_name('x') },
        sub { $c->create_nwfilter_binding('<x/>') },
    ) {
        ok( !eval { $code->(); 1 }, 'fails' );
        is( ref $@, 'Sys::Virt::Error', '... with libvirt\'s error' );
    }
    my $s = 'Sys::Virt::Secret';
    throws(
        sub { $s->_new( connection => $c, usageID => 'x' ) },
        qr/\AusageType parameter must be provided with usageID at/,
        'a secret'
    );
    throws(
        sub { $s->_new( connection => $c, usageType => 1 ) },
        qr/\AusageID parameter must be provided with usageType at/,
        'a secret'
    );
    throws(
        sub { $s->_new( connection => $c ) },
        qr/\AusageID, xml or uuid parameters are required at/,
        'a secret'
    );
    throws(
        sub { Sys::Virt::NWFilterBinding->_new( connection => $c ) },
        qr/\Aportdev or xml parameters are required at/,
        'a binding'
    );
};

done_testing;
