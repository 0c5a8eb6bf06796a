# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Memory: how much, statistics of it, and what is in it.
use strict;
use warnings;

use Config;
use FindBin;
use lib "$FindBin::Bin/../lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Patience;
use Throws;
use Sys::Virt;
use Sys::Virt::Domain;

local $SIG{ALRM} = sub { die "stuck\n" };
alarm 60;

# An unsigned long of libvirt has 32 bits on some machines.
my $long = $Config{longsize} > 4 ? 2**40 : 2**31;

# More than there is memory for; and a size_t has 32 bits on some machines.
my $huge = $Config{ptrsize} > 4 ? 2**62 : 2**31;

my $c = Sys::Virt->new( uri => q{test:///default} );
my $d = $c->get_domain_by_name(q{test});

my $devices = <<"XML";
<devices>
  <disk type="file" device="disk"><source file="/nowhere"/><target dev="vda"/></disk>
  <interface type="bridge"><source bridge="br0"/><target dev="tap0"/></interface>
</devices>
XML

# A domain with room for what is tuned here; it runs if `method` is create_domain.
sub domain {
    my ( $method, $name ) = @_;
    return $c->$method(<<"XML");
<domain type="test"><name>$name</name><memory>8192</memory><vcpu current="2">4</vcpu><iothreads>2</iothreads>
<os><type>hvm</type></os>$devices</domain>
XML
}

my ( $on, $off ) = ( domain( 'create_domain', 'on' ), domain( 'define_domain', 'off' ) );
my ( $live, $config, $maximum ) =
    ( Sys::Virt::Domain::MEM_LIVE(), Sys::Virt::Domain::MEM_CONFIG(), Sys::Virt::Domain::MEM_MAXIMUM() );

subtest 'how much' => sub {
    is( $off->get_max_memory,                         8192,  'get_max_memory' );
    is( $off->set_max_memory(16384),                  undef, 'set_max_memory' );
    is( $off->get_max_memory,                         16384, '... takes effect' );
    is( $off->set_memory( 8192, $config | $maximum ), undef, 'the same with flags' );
    is( $off->get_max_memory,                         8192,  '... takes effect' );
    is( $off->set_max_memory($long),                  undef, 'a pebibyte, or two tebibytes' );
    is( $off->get_max_memory,                         $long, '... is not cut' );
    is( $off->set_memory( 1024, $config ),            undef, 'set_memory for the next start' );
    is( $off->get_info->{memory},                     1024,  '... takes effect' );
    is( $on->set_memory(4096),                        undef, 'set_memory' );
    is( $on->get_info->{memory},                      4096,  '... takes effect' );
    is( $on->set_memory( 2048, $live ),               undef, 'set_memory with a flag' );
    is( $on->get_info->{memory},                      2048,  '... takes effect' );
    is( $on->set_memory(8192),                        undef, 'all of it' );
    is( $on->set_memory('4096'),                      undef, 'a number as text' );
    is( $on->set_memory( '2048.9' * length 'x' ),     undef, 'a fraction' );     # bignum makes 0 of a literal
    is( $on->get_info->{memory},                      2048,  '... is cut off' );
    is_deeply( [ $on->set_memory(2048) ], [], 'a setter returns nothing' );

    throws( 'none at all',                     8,  sub { $on->set_memory(0) } );
    throws( 'a byte more than at most',        8,  sub { $on->set_memory(8193) } );
    throws( 'one that does not run',           55, sub { $off->set_memory(1024) } );
    throws( 'the maximum of one that does',    55, sub { $on->set_max_memory(16384) } );
    throws( 'the maximum of one that does, 2', 55, sub { $on->set_memory( 8192, $maximum ) } );
    throws( 'no maximum at all',               8,  sub { $off->set_max_memory(0) } );
    for my $bad ( -1, 2**64, 1e300, '-1', '18446744073709551616' ) {
        throws( "B23: $bad", qr/set_max_memory: val is out of range/, sub { $off->set_max_memory($bad) } );
    }
    is( $off->get_max_memory, $long, 'none of these changed anything' );
};

subtest 'statistics' => sub {
    my $stats = $d->memory_stats;
    is( ref $stats, 'HASH', 'a hash' );
    my %known = map { $_ => 1 } qw(
        swap_in swap_out major_fault minor_fault unused available actual_balloon rss usable last_update disk_caches
        hugetlb_pgalloc hugetlb_pgfail
    );
    is_deeply( [ grep { !$known{$_} } keys %$stats ],                 [], '... with known keys' );
    is_deeply( [ grep { !defined || !/\A[0-9]+\z/ } values %$stats ], [], 'B18: ... and natural numbers' );
    is_deeply( $on->memory_stats,                                     {}, 'no statistics without a balloon' );
    is( $d->set_memory_stats_period(5),            undef, 'set_memory_stats_period' );
    is( $d->set_memory_stats_period( 0, $config ), undef, '... no statistics, for the next start' );

    throws( 'one that does not run',  55,                      sub { $off->memory_stats } );
    throws( 'unknown flags',          8,                       sub { $d->memory_stats(0x100) } );
    throws( 'one without a balloon',  1,                       sub { $on->set_memory_stats_period(5) } );
    throws( 'B23: a period of 2**31', qr/val is out of range/, sub { $d->set_memory_stats_period( 2**31 ) } );
    throws( 'no number',              qr/val is a reference/,  sub { $d->set_memory_stats_period( {} ) } );
};

subtest 'memory_peek' => sub {
    my $virtual = Sys::Virt::Domain::MEMORY_VIRTUAL();
    my $bytes   = join q{}, map { chr } 0 .. 255;
    is( $d->memory_peek( 0, 16, $virtual ), substr( $bytes, 0, 16 ), 'bytes' );
    is(
        $d->memory_peek( 7, 4, Sys::Virt::Domain::MEMORY_PHYSICAL() ),
        substr( $bytes, 7, 4 ),
        'not the first'
    );
    is( $d->memory_peek( 0, 256, $virtual ), $bytes, 'bytes of any kind' );
    is( $d->memory_peek( 0, 0,   $virtual ), q{},    'none' );
    is( length $d->memory_peek( 2**40 + 3, 2**16, $virtual ), 2**16, 'B2: an offset of 64 bits' );
    ok( !utf8::is_utf8( $d->memory_peek( 128, 8, $virtual ) ), 'a byte string' );

    throws( 'no flag',               8,                      sub { $d->memory_peek( 0, 16 ) } );
    throws( 'one that does not run', 55,                     sub { $off->memory_peek( 0, 16, $virtual ) } );
    throws( 'B2: offset 2**64',  qr/offset is out of range/, sub { $d->memory_peek( 2**64, 1,  $virtual ) } );
    throws( 'B2: offset -1',     qr/offset is out of range/, sub { $d->memory_peek( -1,    1,  $virtual ) } );
    throws( 'A11: a size of -1', qr/size is out of range/,   sub { $d->memory_peek( 0,     -1, $virtual ) } );
    throws( 'A11: a huge size',  qr/out of memory/,          sub { $d->memory_peek( 0, $huge,  $virtual ) } );
};

$on->destroy;
throws( 'B8: get_max_memory of a domain that is gone', 42, sub { $on->get_max_memory } );

done_testing;
