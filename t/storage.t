# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Storage pools and volumes.
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
    throws( sub { $pool->list_storage_vol_names(-1) }, qr/maxnames is negative/, 'A11: a negative count' );
    throws( sub { $vol->resize(-1) },                  qr/capacity is out of range/, 'B23: a negative size' );
    throws( sub { $vol->download( $vol, 0, 0 ) }, qr/st is not a Sys::Virt::Stream object/,
        'A10: no stream' );
    throws( sub { $vol->upload( undef, 0, 0 ) }, qr/st is not a blessed SV reference/, 'A9: undef' );
    throws(
        sub { $pool->create_volume( '<x/>', 2**33 ) },
        qr/flags is out of range/,
        'E: flags of create_volume'
    );
    throws(
        sub { $pool->clone_volume( '<x/>', 'x' x 3, -1 ) },
        qr/flags is out of range/,
        'E: of clone_volume'
    );
    throws(
        sub { Sys::Virt::StorageVol->_new( name => 'x' ) },
        qr/\Apool parameter is required at/,
        'no pool'
    );
    throws(
        sub { Sys::Virt::StorageVol->_new( connection => $c ) },
        qr/\Aname, key, path or xml parameters/,
        'no name'
    );
    $_->delete for $copy, $vol;
    $pool->destroy;
    is( $pool->is_active, 0, 'destroy' );
    $pool->create;
    my $new =
        $c->define_storage_pool('<pool type="dir"><name>p</name><target><path>/p</path></target></pool>');
    $new->build;
    $new->create(0);
    throws( sub { $c->get_storage_pool_by_target_path('/p') }, qr/not supported/,
        'not by target path, here' );
    $new->destroy;
    $new->undefine;
    throws( sub { $c->get_storage_pool_by_name('p') }, qr/./, 'undefine' );
    is( ref eval { $c->find_storage_pool_sources( 'logical', undef ) } || q{}, q{}, 'B29: no source' );
};

done_testing;
