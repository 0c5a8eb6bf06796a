# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# vCPUs: their number, where they run, the time that they used; the emulator; I/O threads.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Patience;
use Throws;
use Sys::Virt;
use Sys::Virt::Domain;

local $SIG{ALRM} = sub { die "stuck\n" };
alarm 60;

my $c = Sys::Virt->new( uri => q{test:///default} );

# The test driver of an older libvirt has not all the functions; 9.0.0 is the oldest that has them for certain.
my $old = $c->get_library_version < 9_000_000;
my $d   = $c->get_domain_by_name(q{test});

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
    ( Sys::Virt::Domain::VCPU_LIVE(), Sys::Virt::Domain::VCPU_CONFIG(), Sys::Virt::Domain::VCPU_MAXIMUM(), );

# The host of the test driver has 16 CPUs: its masks have two bytes.
my $anywhere = "\xff\xff";

subtest 'how many' => sub {
    is( $on->get_vcpus,                        2,     'get_vcpus' );
    is( $on->get_vcpus($live),                 2,     '... of the running one' );
    is( $on->get_vcpus($maximum),              4,     '... at most' );
    is( $off->get_vcpus($config),              2,     '... of the next start' );
    is( $off->get_vcpus( $config | $maximum ), 4,     '... of that, at most' );
    is( $on->get_max_vcpus,                    4,     'get_max_vcpus' );
    is( $on->set_vcpus(1),                     undef, 'set_vcpus' );
    is( $on->get_vcpus,                        1,     '... takes effect' );
    is( $on->set_vcpus( 4, $live ),            undef, 'set_vcpus with flags: the largest' );
    is( $on->get_vcpus,                        4,     '... takes effect' );
    is( $off->set_vcpus( 3, $config ),         undef, 'set_vcpus for the next start' );
    is( $off->get_vcpus($config),              3,     '... takes effect' );
    is_deeply( [ $on->set_vcpus(2) ], [], 'a setter returns nothing' );

    throws( 'no vCPU',                   8,  sub { $on->set_vcpus(0) } );
    throws( 'more than at most',         8,  sub { $on->set_vcpus(5) } );
    throws( 'one that does not run',     55, sub { $off->set_vcpus(1) } );
    throws( 'live of one that does not', 55, sub { $off->get_vcpus($live) } );
    throws( 'two flags that exclude',    8,  sub { $on->get_vcpus( $live | $config ) } );
    throws( 'config of a transient one', 55, sub { $on->get_vcpus($config) } );
    is( $off->get_max_vcpus, -1, 'B6: get_max_vcpus of one off' );
    throws( 'B23: num', qr/set_vcpus: num is out of range: -1 is not within/, sub { $on->set_vcpus(-1) } );
    throws( 'B23: num 2**32', qr/num is out of range/,   sub { $on->set_vcpus( 2**32 ) } );
    throws( 'B23: flags',     qr/flags is out of range/, sub { $on->set_vcpus( 1, 2**32 ) } );
    is( $on->get_vcpus, 2, 'none of these changed anything' );
};

subtest 'get_vcpu_info' => sub {
    my @vcpus = $on->get_vcpu_info;
    is( scalar @vcpus, 2, 'a hash each' );
    for my $number ( 0, 1 ) {
        my $vcpu = $vcpus[$number];
        is_deeply( [ sort keys %$vcpu ], [qw(affinity cpu cpuTime number state)], 'its keys' );
        is( $vcpu->{number},   $number,                           'its number' );
        is( $vcpu->{state},    Sys::Virt::Domain::VCPU_RUNNING(), 'it runs' );
        is( $vcpu->{affinity}, $anywhere,                         '... anywhere' );
        cmp_ok( $vcpu->{cpuTime}, '>', 2**32, '... since long: its time has 64 bits' );
    }
    is_deeply(
        [ $off->get_vcpu_info ],
        [ map { { number => $_, state => 0, cpuTime => 0, cpu => 0, affinity => $anywhere } } 0 .. 2 ],
        'one that does not run knows where it will'
    );
    is_deeply( [ $off->get_vcpu_info($config) ], [ $off->get_vcpu_info ], '... as with the flag' );
    is( ( $on->get_vcpu_info($live) )[1]{state}, 0, 'with flags nothing but the maps' );
    throws( 'two flags that exclude',    8,  sub { $on->get_vcpu_info(3) } );
    throws( 'live of one that does not', 55, sub { $off->get_vcpu_info($live) } );

    # C3, as far as a script can see it: each call returns new hashes.
    my ($again) = $on->get_vcpu_info;
    $vcpus[0]{affinity} = 'mine';
    is( $again->{affinity}, $anywhere, 'C3: hashes are not shared' );
};

subtest 'pin_vcpu' => sub {
    is( $on->pin_vcpu( 0, "\x05" ),              undef,      'a map that is shorter than the host\'s' );
    is( ( $on->get_vcpu_info )[0]{affinity},     "\x05\x00", '... takes effect' );
    is( ( $on->get_vcpu_info )[1]{affinity},     $anywhere,  '... there only' );
    is( $on->pin_vcpu( 1, "\0\x80" . "\0" x 9 ), undef,      'a longer one' );
    is( ( $on->get_vcpu_info )[1]{affinity},     "\0\x80",   '... is cut' );
    utf8::upgrade( my $mask = "\xf0\xff" );
    is( $on->pin_vcpu( 0, $mask ),           undef,      'B21: a map with the UTF8 flag' );
    is( ( $on->get_vcpu_info )[0]{affinity}, "\xf0\xff", '... means its characters' );

    throws( 'an empty map',          8,                              sub { $on->pin_vcpu( 0,  q{} ) } );
    throws( 'no such vCPU',          8,                              sub { $on->pin_vcpu( 99, "\1" ) } );
    throws( 'one that does not run', 55,                             sub { $off->pin_vcpu( 0, "\1" ) } );
    throws( 'B21: wide characters', qr/mask holds a wide character/, sub { $on->pin_vcpu( 0,  "\x{100}" ) } );
    throws( 'B23: a negative one',  qr/vcpu is out of range/,        sub { $on->pin_vcpu( -1, "\1" ) } );
    throws( 'a reference as map',   qr/mask is a reference/,         sub { $on->pin_vcpu( 0,  [] ) } );
    is( ( $on->get_vcpu_info )[0]{affinity}, "\xf0\xff", 'none of these changed anything' );
};

subtest 'the emulator' => sub {
    is( $on->pin_emulator("\x03"),            undef,      'pin_emulator' );
    is( $on->get_emulator_pin_info,           "\x03\x00", 'get_emulator_pin_info' );
    is( $off->get_emulator_pin_info,          $anywhere,  '... anywhere' );
    is( $off->pin_emulator( "\1", $config ),  undef,      'for the next start' );
    is( $off->get_emulator_pin_info($config), "\1\0",     '... takes effect' );
    throws( 'an empty map',              8,  sub { $on->pin_emulator(q{}) } );
    throws( 'config of a transient one', 55, sub { $on->get_emulator_pin_info($config) } );
    throws( 'B21: wide characters', qr/mask holds a wide character/, sub { $on->pin_emulator("\x{263a}") } );
};

subtest 'I/O threads' => sub {
    plan skip_all => 'the test driver of this libvirt lacks virDomainGetIOThreadInfo' if $old;
    my @threads = $on->get_iothread_info;
    is_deeply( [ map { $_->{number} } @threads ], [ 1, 2 ],              'get_iothread_info' );
    is_deeply( [ sort keys %{ $threads[0] } ],    [qw(affinity number)], 'its keys' );
    is( ref \$threads[0]{affinity}, 'SCALAR', 'the map is a string' );
    is( $on->add_iothread(5),       undef,    'add_iothread' );
    is_deeply( [ map { $_->{number} } $on->get_iothread_info ], [ 1, 2, 5 ], '... takes effect' );
    is( $on->del_iothread(5), undef, 'del_iothread' );
    is_deeply( [ map { $_->{number} } $on->get_iothread_info ], [ 1, 2 ], '... takes effect' );
    is( $on->pin_iothread( 1, "\1" ), undef, 'pin_iothread' );
    is_deeply( [ $d->get_iothread_info ], [], 'one without' );

    throws( 'one that exists',      8, sub { $off->add_iothread( 1, $config ) } );
    throws( 'one that does not',    8, sub { $off->del_iothread( 9, $config ) } );
    throws( 'no I/O thread to pin', 8, sub { $d->pin_iothread( 9, "\1" ) } );
    throws( 'B23: a negative one',  qr/iothread_id is out of range/, sub { $on->add_iothread(-1) } );
    throws( 'no I/O thread to set', 8, sub { $d->set_iothread( 9, { poll_max_ns => 5 } ) } );
    throws( 'no parameters',        8, sub { $d->set_iothread( 9, {} ) } );
    throws(
        'B23: poll_shrink -1',
        qr/poll_shrink is out of range/,
        sub { $d->set_iothread( 1, { poll_shrink => -1 } ) }
    );
    throws(
        'B23: too large',
        qr/poll_max_ns is out of range/,
        sub { $d->set_iothread( 1, { poll_max_ns => 2**64 } ) }
    );
    throws(
        'B24: a misspelled key',
        qr/unknown key 'poll_max'/,
        sub { $d->set_iothread( 1, { poll_max => 1 } ) }
    );
    throws( 'no hash', qr/newparams is not a HASH reference/, sub { $d->set_iothread( 1, '5' ) } );
};

subtest 'get_cpu_stats' => sub {
    my @one = $d->get_cpu_stats( 0, 1 );
    is( scalar @one, 1, 'A1: a hash for each processor asked for' );
    is_deeply( [ sort keys %{ $one[0] } ], [qw(cpu_time vcpu_time)], '... with keys of libvirt\'s only' );
    my @all = $d->get_cpu_stats( 0, 0 );
    cmp_ok( scalar @all, '>=', 2, '0 stands for all' );
    is_deeply( [ map { join q{ }, sort keys %$_ } @all ], [ ('cpu_time vcpu_time') x @all ], '... alike' );
    is_deeply( $all[0],                                   $one[0], '... the first is the first' );
    my ( $total, @more ) = $d->get_cpu_stats( -1, 1 );
    is_deeply( \@more,                [],                                   'the sum is one' );
    is_deeply( [ sort keys %$total ], [qw(cpu_time system_time user_time)], 'A1: ... with all of its keys' );

    my $held = sub { \@_ }
        ->( $d->get_cpu_stats( 0, 1 ) );
    my @others = map { { x => $_ } } 1 .. 100;
    is_deeply( [ sort keys %{ $held->[0] } ], [qw(cpu_time vcpu_time)], 'A2: the hash is the caller\'s' );
    is( scalar @others, 100, '... and others are others' );

    throws( 'a sum of several',      8,  sub { $d->get_cpu_stats( -1, 2 ) } );
    throws( 'A11: of very many',     8,  sub { $d->get_cpu_stats( -1, 2**31 ) } );
    throws( 'one that does not run', 55, sub { $off->get_cpu_stats( 0, 1 ) } );
    throws( 'C12: unknown flags',    8,  sub { $d->get_cpu_stats( 0, 1, 0x100 ) } );
    throws( 'B23: ncpus',            qr/ncpus is out of range/,     sub { $d->get_cpu_stats( 0,     -1 ) } );
    throws( 'B23: start',            qr/start_cpu is out of range/, sub { $d->get_cpu_stats( 2**31, 1 ) } );
    ok( eval { scalar( @all = $d->get_cpu_stats( 0, 2**32 - 1 ) ) <= 2 || 1 } || $@->code,
        'A11: a huge ncpus does no harm' );
};

subtest 'what the test driver may lack' => sub {
    for my $call (
        sub { $d->set_vcpu( '0', 1 ) },
        sub { $d->get_guest_vcpus },
        sub { $d->set_guest_vcpus( '0', 1 ) }
    ) {
        throws( 'an error of libvirt\'s own', 3, $call );
    }
    throws( 'B20: NUL in a map', qr/cpumap holds a NUL character/, sub { $d->set_vcpu( "0\0", 1 ) } );
    throws( 'B23: state',        qr/state is out of range/, sub { $d->set_guest_vcpus( '0', 2**31 ) } );
};

$_->destroy for $on;
is( $on->get_max_vcpus, -1, 'B6: get_max_vcpus of a domain that is gone' );
throws( 'get_vcpu_info throws', 42, sub { $on->get_vcpu_info } );

done_testing;
