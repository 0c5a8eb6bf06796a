# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The host: CPUs, memory, capabilities.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Patience;
use Throws;
use Scalar::Util ();
use Sys::Virt;

local $SIG{ALRM} = sub { die "stuck\n" };
alarm 120;

my $c = Sys::Virt->new( uri => 'test:///default' );

# The test driver of an older libvirt has not all the functions; 9.0.0 is the oldest that has them for certain.
my $old = $c->get_library_version < 9_000_000;

subtest 'get_node_info' => sub {
    my $info = $c->get_node_info;
    is_deeply( [ sort keys %$info ], [qw(cores cpus memory mhz model nodes sockets threads)], 'its keys' );
    is_deeply(
        $info,
        {
            model   => 'i686',
            memory  => 3145728,
            cpus    => 16,
            mhz     => 1400,
            nodes   => 2,
            sockets => 2,
            cores   => 2,
            threads => 2
        },
        'its values'
    );
    throws 'usage', qr/\AUsage: Sys::Virt::get_node_info\(con\) at \Q$0/, sub { $c->get_node_info(1) };
};

subtest 'a result belongs to the script' => sub {
    my ( $first, $second ) = map { $c->get_node_info } 1, 2;
    $_ = 'changed' for values %$first;
    delete $first->{model};
    $first->{another} = 1;
    my %new = ( cpus => 16, mhz => 1400, model => 'i686', memory => 3145728, nodes => 2 );
    is_deeply( { map { $_ => $second->{$_} } keys %new }, \%new, 'one that was made before stays as it is' );
    is_deeply( $c->get_node_info,                         $second, 'and so does one that is made later' );
    ok( !Internals::SvREADONLY(%$second), 'keys may be added' );
    is( scalar( grep { Internals::SvREADONLY($_) } values %$second ), 0, 'values may be changed' );
    $second->{"key $_"} = $_ for 1 .. 100;
    is( keys %{$second},                       108, 'it grows as any hash does' );
    is( $second->{"key 99"} + $second->{cpus}, 115, 'and finds all its keys' );
};

subtest 'get_node_security_model' => sub {
    plan skip_all => 'the test driver of this libvirt lacks virNodeGetSecurityModel' if $old;
    is_deeply( $c->get_node_security_model, { model => 'testSecurity', doi => q{} }, 'its values' );
};

subtest 'CPUs' => sub {
    my @map = $c->get_node_cpu_map;
    is( @map,                           3,                          'get_node_cpu_map: three values' );
    is( length $map[1],                 int( ( $map[0] + 7 ) / 8 ), 'a bit for each CPU' );
    is( unpack( '%32b*', $map[1] ),     $map[2],                    'of which that many are set' );
    is( scalar( $c->get_node_cpu_map ), $map[2],                    'in scalar context their number' );
    throws 'unknown flags', 8, sub { $c->get_node_cpu_map(1) };

    my $stats = $c->get_node_cpu_stats;
    is_deeply(
        [ grep { $_ ne 'guest' } sort keys %$stats ],
        [qw(idle iowait kernel user)],
        'get_node_cpu_stats'
    );
    ok( $stats->{kernel} > 2**32, 'a 64-bit number' );
    is_deeply( $c->get_node_cpu_stats( Sys::Virt::NODE_CPU_STATS_ALL_CPUS() ), $stats, 'all CPUs' );
    is_deeply( [ sort keys %{ $c->get_node_cpu_stats(0) } ], [ sort keys %$stats ],    'one CPU' );
    throws 'unknown flags', 8, sub { $c->get_node_cpu_stats( -1, 1 ) };
    throws 'B23: out of range', qr/cpuNum is out of range: 2147483648/,
        sub { $c->get_node_cpu_stats( 2**31 ) };
    throws 'usage', qr/\(con, cpuNum=VIR_NODE_CPU_STATS_ALL_CPUS, flags=0\)/,
        sub { $c->get_node_cpu_stats( 1, 0, 0 ) };

    my @models = $c->get_cpu_model_names('x86_64');
    ok( scalar( grep { $_ eq 'core2duo' } @models ), 'get_cpu_model_names' );
    is( scalar( $c->get_cpu_model_names('x86_64') ), $models[-1], 'B31: the last one in scalar context' );
    throws 'no such architecture', 8, sub { $c->get_cpu_model_names('nonsense') };
    throws 'unknown flags',        8, sub { $c->get_cpu_model_names( 'x86_64', 1 ) };
    is( $c->get_max_vcpus('test'), 32, 'get_max_vcpus' );
};

subtest 'baseline_cpu' => sub {
    my ( $core2duo, $penryn ) =
        map { "<cpu><arch>x86_64</arch><model>$_</model></cpu>" } qw(core2duo Penryn);
    like( $c->baseline_cpu( [$core2duo] ),            qr/<model [^>]*>core2duo</, 'of one' );
    like( $c->baseline_cpu( [ $core2duo, $penryn ] ), qr/\A<cpu /,                'of two' );
    throws 'of no cells',       8,  sub { $c->baseline_cpu( [] ) };
    throws 'of something else', 27, sub { $c->baseline_cpu( ['<x/>'] ) };
    throws 'A7: of no array', qr/baseline_cpu: xml is not an ARRAY reference at \Q$0/,
        sub { $c->baseline_cpu($_) }
        for undef, 'x', {}, \1;
    {
        my @warnings;
        local $SIG{__WARN__} = sub { push @warnings, @_ };
        throws 'A8: undef is an empty string', 35, sub { $c->baseline_cpu( [ $core2duo, undef ] ) };
        like(
            "@warnings",
            qr/\AUse of uninitialized value in Sys::Virt::baseline_cpu \(xml\[1\]\) at \Q$0/,
            '... with a warning'
        );
    }
    my @holes;
    $#holes = 3;
    {
        local $SIG{__WARN__} = sub { };
        throws 'A8: of holes', 35, sub { $c->baseline_cpu( \@holes ) };
    }
    throws 'A8: of references', qr/xml\[0\] is a reference/, sub { $c->baseline_cpu( [ [] ] ) };
    throws 'B20: of a NUL',     qr/xml\[0\] holds a NUL/,    sub { $c->baseline_cpu( ["$core2duo\0"] ) };
    throws 'A7: and of hypervisors', qr/xml is not an ARRAY reference/,
        sub { $c->baseline_hypervisor_cpu( undef, undef, undef, undef, undef ) };
    throws 'unsupported', 3, sub { $c->baseline_hypervisor_cpu( undef, undef, undef, undef, [$core2duo] ) };
    throws 'unsupported', 3, sub { $c->compare_hypervisor_cpu( undef, undef, undef, undef, $core2duo ) };
    throws 'unsupported', 3, sub { $c->compare_cpu($core2duo) };
    throws 'usage',
        qr/baseline_hypervisor_cpu\(con, emulatorsv, archsv, machinesv, virttypesv, xml, flags=0\)/,
        sub { $c->baseline_hypervisor_cpu };
};

subtest 'memory' => sub {
    is( $c->get_node_free_memory, 3145728, 'get_node_free_memory' );
    my @cells = $c->get_node_cells_free_memory( 0, 1 );
    is_deeply( \@cells, [ 2097152, 4194304 ], 'get_node_cells_free_memory: both ends are included' );
    is_deeply( [ $c->get_node_cells_free_memory( 1, 1 ) ],         [ $cells[1] ], 'one cell' );
    is_deeply( [ $c->get_node_cells_free_memory( 0, 7 ) ],         \@cells,       'more than there are' );
    is_deeply( [ $c->get_node_cells_free_memory( 0, 2**31 - 1 ) ], \@cells,       'A11: the largest range' );
    throws 'cells that are not there', 8, sub { $c->get_node_cells_free_memory( 3,  7 ) };
    throws 'negative start',           8, sub { $c->get_node_cells_free_memory( -1, 0 ) };
    throws 'an empty range',           8, sub { $c->get_node_cells_free_memory( 1,  0 ) };
    throws 'A11: a range backwards', qr/get_node_cells_free_memory: end is 0, less than start, 5 at \Q$0/,
        sub { $c->get_node_cells_free_memory( 5, 0 ) };
    throws 'A11: the whole way back', qr/end is -2147483648/,
        sub { $c->get_node_cells_free_memory( 2**31 - 1, -2**31 ) };
    throws 'B23: out of range', qr/end is out of range: 2147483648/,
        sub { $c->get_node_cells_free_memory( 0, 2**31 ) };

    throws 'unsupported', 3, sub { $c->get_node_memory_stats };
    throws 'unsupported', 3, sub { $c->get_node_memory_parameters };
    throws 'unsupported', 3, sub { $c->set_node_memory_parameters( { x => 1 } ) };
    throws 'parameters that are not a hash',
        qr/set_node_memory_parameters: newparams is not a HASH reference at \Q$0/,
        sub { $c->set_node_memory_parameters($_) }
        for undef, 'x', [];
};

subtest 'pages' => sub {
    my @cells = $c->get_node_free_pages( [ 4, 2048 ], 0, 1 );
    is_deeply( [ map { $_->{cell} } @cells ],       [ 0, 1 ],         'a hash for each cell' );
    is_deeply( [ sort keys %{ $cells[0] } ],        [qw(cell pages)], '... with two keys' );
    is_deeply( [ sort keys %{ $cells[1]{pages} } ], [ 2048, 4 ],      'a number for each size' );
    ok( $cells[1]{pages}{4} > 0, '... which libvirt gave' );
    is( my @one = $c->get_node_free_pages( [4], 1, 1 ),     1,      'one cell' );
    is( $one[0]{cell},                                      1,      '... with its number' );
    is( ref scalar( $c->get_node_free_pages( [4], 0, 1 ) ), 'HASH', 'B31: the last one in scalar context' );
    throws 'no sizes', 8, sub { $c->get_node_free_pages( [], 0, 1 ) };
    throws 'unknown flags', 8, sub { $c->get_node_free_pages( [4], 0, 0, 9 ) };
    throws 'A7: sizes that are no array',
        qr/get_node_free_pages: pagesizes is not an ARRAY reference at \Q$0/,
        sub { $c->get_node_free_pages( $_, 0, 1 ) }

        for undef, 4, {};
    throws 'A8: no number', qr/pagesizes\[1\] is a reference, not a number/,
        sub { $c->get_node_free_pages( [ 4, [] ], 0, 0 ) };
    throws 'B23: out of range', qr/pagesizes\[0\] is out of range/,
        sub { $c->get_node_free_pages( [$_], 0, 0 ) }
        for -1, 2**32;
    throws 'A11: backwards', qr/end is 0, less than start, 5/, sub { $c->get_node_free_pages( [4], 5, 0 ) };

    my @weak = ( @cells, map { $_->{pages} } @cells );
    @cells = ();
    Scalar::Util::weaken($_) for @weak;
    is_deeply( [ grep { defined } @weak ], [], 'C3: the hashes go with their last reference' );

    throws 'allocation, unsupported', 3, sub { $c->node_alloc_pages( [ [ 2048, 1 ] ], 0, 0 ) };
    throws 'nothing to allocate',     8, sub { $c->node_alloc_pages( [],              0, 0 ) };
    throws 'A7: no array', qr/node_alloc_pages: pages is not an ARRAY reference at \Q$0/,
        sub { $c->node_alloc_pages( $_, 0, 0 ) }
        for undef, 4, {};
    throws 'A8: no pair', qr/pages\[0\] is not (?:a pair|an ARRAY reference)/,
        sub { $c->node_alloc_pages( [$_], 0, 0 ) }
        for undef, 4, [], [4], [ 1, 2, 3 ], { 1, 2 };
    throws 'B23: out of range', qr/pages\[0\] is out of range/, sub { $c->node_alloc_pages( [$_], 0, 0 ) }

        for [ -1, 1 ], [ 2**32, 1 ], [ 4, -1 ];
};

throws 'get_node_sev_info, unsupported',         3, sub { $c->get_node_sev_info };
throws 'node_suspend_for_duration, unsupported', 3, sub { $c->node_suspend_for_duration( 0, 60 ) };
throws 'B23: a target out of range', qr/target is out of range: -1/,
    sub { $c->node_suspend_for_duration( -1, 60 ) };
throws 'B23: a negative duration', qr/duration is out of range: -1/,
    sub { $c->node_suspend_for_duration( 0, -1 ) };

like( $c->get_capabilities, qr/\A<capabilities>/, 'get_capabilities' );
like( $c->get_sysinfo,      qr/\A<sysinfo /,      'get_sysinfo' );
ok( length $c->get_hostname, 'get_hostname' );
is_deeply [ $c->get_sysinfo(99) ], [undef], 'B17: get_sysinfo that fails';
{
    my $closed = Sys::Virt->new( uri => 'test:///default' );
    $closed->close;
    is_deeply [ map { scalar $closed->$_ } qw(get_uri get_type) ], [ undef, undef ],
        'B17: get_uri and get_type of a closed connection';
}

done_testing;
