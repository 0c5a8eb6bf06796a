# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Storage pools and volumes.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Throws;
use Sys::Virt;

my $c = Sys::Virt->new( uri => 'test:///default' );

subtest 'storage' => sub {
    my $pool = $c->get_storage_pool_by_name('default-pool');
    my $info = $pool->get_info;
    is_deeply( [ sort keys %$info ], [qw(allocation available capacity state)], 'info' );
    cmp_ok( $info->{capacity}, '>', 2**32, 'sizes are 64 bits wide' );
    my $vol = $pool->create_volume('<volume><name>one</name><capacity>1048576</capacity></volume>');
    is( $vol->get_info->{capacity},                                 1_048_576,      'capacity' );
    is( $pool->get_volume_by_name('one')->get_key,                  $vol->get_key,  'by name' );
    is( $c->get_storage_volume_by_path( $vol->get_path )->get_name, 'one',          'by path' );
    is( $c->get_storage_volume_by_key( $vol->get_key )->get_name,   'one',          'by key' );
    is( $c->get_storage_pool_by_volume($vol)->get_name,             'default-pool', 'its pool' );
    my $copy = $pool->clone_volume( '<volume><name>two</name><capacity>1048576</capacity></volume>', $vol );
    is( scalar( my @all = $pool->list_volumes ), 2, 'two volumes' );
    is( scalar $pool->list_volumes,              2, 'list_volumes counts in scalar context' );
    is( $pool->num_of_storage_volumes,           2, 'number' );
    is_deeply( [ sort { $a cmp $b } $pool->list_storage_vol_names(9) ], [qw(one two)], 'names' );
    throws( 'A11: a negative count', qr/maxnames is out of range/,
        sub { $pool->list_storage_vol_names(-1) } );
    throws( 'B23: a negative size', qr/capacity is out of range/, sub { $vol->resize(-1) } );
    throws( 'A10: no stream', qr/st is not a Sys::Virt::Stream object/,
        sub { $vol->download( $vol, 0, 0 ) } );
    {
        my @warnings;
        local $SIG{__WARN__} = sub { push @warnings, @_ };
        is( scalar $vol->upload( undef, 0, 0 ), undef, 'B27: undef is no stream' );
        like( "@warnings", qr/st is not a blessed SV reference at \Q$0/, '... with a warning' );
    }
    throws(
        'E: flags of create_volume',
        qr/flags is out of range/,
        sub { $pool->create_volume( '<x/>', 2**33 ) }
    );
    throws( 'E: of clone_volume', qr/flags is out of range/,
        sub { $pool->clone_volume( '<x/>', $vol, -1 ) } );
    throws(
        'no pool',
        qr/\Apool parameter is required at/,
        sub { Sys::Virt::StorageVol->_new( name => 'x' ) }
    );
    throws(
        'no name',
        qr/\Aname, key, path or xml parameters/,
        sub { Sys::Virt::StorageVol->_new( connection => $c ) }
    );
    $_->delete for $copy, $vol;
    $pool->destroy;
    is( $pool->is_active, 0, 'destroy' );
    $pool->create;
    my $new =
        $c->define_storage_pool('<pool type="dir"><name>p</name><target><path>/p</path></target></pool>');
    $new->build;
    $new->create(0);
    throws( 'not by target path, here', qr/not supported/,
        sub { $c->get_storage_pool_by_target_path('/p') } );
    $new->destroy;
    $new->undefine;
    throws( 'undefine', qr/./, sub { $c->get_storage_pool_by_name('p') } );
    is( ref eval { $c->find_storage_pool_sources( 'logical', undef ) } || q{}, q{}, 'B29: no source' );
};

done_testing;
