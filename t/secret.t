# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Secrets, network filters and their bindings: the test driver has none.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Throws;
use Sys::Virt;

my $c = Sys::Virt->new( uri => 'test:///default' );

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
        throws( 'fails', 'NO_SUPPORT', sub { $code->() } );
    }
    my $s = 'Sys::Virt::Secret';
    throws(
        'a secret',
        qr/\AusageType parameter must be provided with usageID at/,
        sub { $s->_new( connection => $c, usageID => 'x' ) }
    );
    throws(
        'a secret',
        qr/\AusageID parameter must be provided with usageType at/,
        sub { $s->_new( connection => $c, usageType => 1 ) }
    );
    throws(
        'a secret',
        qr/\AusageID, xml or uuid parameters are required at/,
        sub { $s->_new( connection => $c ) }
    );
    throws(
        'a binding',
        qr/\Aportdev or xml parameters are required at/,
        sub { Sys::Virt::NWFilterBinding->_new( connection => $c ) }
    );
};

done_testing;
