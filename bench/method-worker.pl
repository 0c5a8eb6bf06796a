# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Calls one method after the other, for bench/methods.pl, which counts instructions from each getppid to the next: first those of
# the first calls, then those of so many more. Prints the name of each, before the first of its calls and, with how it ended, after
# the last. What a method of that name has crashed is left out by starting behind it.
use strict;
use warnings;

## no critic (ProhibitNoWarnings) -- Calls is loaded by some ways only
no warnings 'once';
use FindBin ();
use lib "$FindBin::Bin/../xt/lib", $FindBin::Bin;

my ( $way, $times, $after, $only ) = @ARGV;
local $| = 1;

# Name => what is called, and with what.
sub from_stubs {
    local $FindBin::Bin = "$FindBin::Bin/../xt/stub";    # where Calls finds its table
    require Calls;
    my @all = map { [ "$_->{class}::$_->{method}", $_->{sub}, @{ $_->{call} } ] }
        grep { $_->{call} && $_->{sub} } Calls::rows();

# Without what is registered and stays so, and what opens connections to a daemon, of which all later calls take the costs.
    return
        grep { $_->[0] !~ /::(?:\w+_event_register(?:_any)?|register_close_callback|_open(?:_auth)?)\z/ }
        @all, others();
}

# Methods without a row there, and rows with arguments of other forms.
sub others {
    my %object = %Calls::object;
    my ( $c, $d, $net, $pool ) =
        map { $object{"Sys::Virt$_"} } q{}, qw(::Domain ::Network ::StoragePool);
    my %of = (
        Domain          => [ [ name => 'x' ], [ id => 1 ], [ uuid => 'x' x 16 ], [ xml => 'x' ] ],
        Network         => [ [ name => 'x' ],      [ uuid => 'x' x 16 ],               [ xml => 'x' ] ],
        StoragePool     => [ [ name => 'x' ],      [ uuid => 'x' x 16 ],               [ xml => 'x' ] ],
        NodeDevice      => [ [ name => 'x' ],      [ wwnn => 'x', wwpn => 'y' ],       [ xml => 'x' ] ],
        Secret          => [ [ uuid => 'x' x 16 ], [ usageType => 1, usageID => 'x' ], [ xml => 'x' ] ],
        Interface       => [ [ name => 'x' ],      [ mac => 'x' ],                     [ xml => 'x' ] ],
        NWFilter        => [ [ name => 'x' ],      [ uuid => 'x' x 16 ],               [ xml => 'x' ] ],
        NWFilterBinding => [ [ portdev => 'x' ], [ xml => 'x' ] ],
    );
    my @all = map {
        my $class = "Sys::Virt::$_";
        map { [ "$class->_new($_->[0])", $class->can('_new'), $class, connection => $c, @$_ ] } @{ $of{$_} }
    } sort keys %of;
    for my $child (
        [ DomainSnapshot   => domain  => $d ],
        [ DomainCheckpoint => domain  => $d ],
        [ StorageVol       => pool    => $pool ],
        [ NetworkPort      => network => $net ]
    ) {
        my ( $name, @parent ) = @$child;
        my $class = "Sys::Virt::$name";
        push @all, [ "$class->_new(xml)", $class->can('_new'), $class, @parent, xml => 'x' ];
    }
    my $uri  = $ENV{STUB_URI};
    my $open = sub { return Sys::Virt->new(@_) };
    return (
        @all,
        [ 'Sys::Virt->new(uri)',                  $open, uri     => $uri ],
        [ 'Sys::Virt->new(address)',              $open, address => $uri ],
        [ 'Sys::Virt->new(uri, readonly)',        $open, uri     => $uri, readonly => 1 ],
        [ 'Sys::Virt->new(uri, readonly, flags)', $open, uri     => $uri, readonly => 1, flags => 0 ],
        [ 'send_key, 8 keys',                     $d->can('send_key'), $d, 1, 2, [ 1 .. 8 ] ],
        [ 'send_key, 16 keys',                    $d->can('send_key'), $d, 1, 2, [ 1 .. 16 ] ],
        [ 'send_key, strings',                    $d->can('send_key'), $d, 1, 2, [ map { "$_" } 1 .. 8 ] ],
        [ 'fs_freeze, 8 paths',           $d->can('fs_freeze'),    $d, [ map { "/mnt/$_" } 1 .. 8 ] ],
        [ 'baseline_cpu, 8 texts',        $c->can('baseline_cpu'), $c, [ map { "<cpu>$_</cpu>" } 1 .. 8 ] ],
        [ 'get_node_free_pages, 8 sizes', $c->can('get_node_free_pages'),  $c, [ 1 .. 8 ], 0, 1 ],
        [ 'domain stats of 8 domains',    $c->can('get_all_domain_stats'), $c, 8, [ ($d) x 8 ] ],
        [
            'set_memory_parameters, known', $d->can('set_memory_parameters'),
            $d, { soft_limit => 5, hard_limit => 6 }
        ],
        [ 'set_scheduler_parameters, known', $d->can('set_scheduler_parameters'), $d, { cpu_shares => 5 } ],
        [ 'set_block_iotune, known',     $d->can('set_block_iotune'), $d, 'vda', { total_bytes_sec => 5 } ],
        [ 'get_xml_description, undef',  $d->can('get_xml_description'), $d, undef ],
        [ 'get_xml_description, string', $d->can('get_xml_description'), $d, '0' ],
        [ 'set_memory, string',          $d->can('set_memory'),          $d, '1024' ],
        [ 'set_metadata, undef',         $d->can('set_metadata'),        $d, 0, undef, undef, undef, 0 ],
        (
            map { [ "domain stats, 200 in $_ shapes", $c->can('get_all_domain_stats'), $c, 200, undef, $_ ] }
                1,
            2,
            4,
            8,
            16
        ),
        [ 'domain stats, 1',    $c->can('get_all_domain_stats'), $c, 1,    undef, 1 ],
        [ 'domain stats, 1000', $c->can('get_all_domain_stats'), $c, 1000, undef, 1 ],
    );
}

# The calls on the test driver: every method without mandatory arguments that changes nothing, and others.
sub from_driver {
    require Sys::Virt;
    my $c    = Sys::Virt->new( uri => 'test:///default' );
    my $d    = $c->get_domain_by_name('test');
    my $pool = $c->get_storage_pool_by_name('default-pool');
    my $vol  = $pool->create_volume('<volume><name>bench.img</name><capacity>1048576</capacity></volume>');
    my $snap = $d->create_snapshot('<domainsnapshot><name>snap</name></domainsnapshot>');
    my %of   = (
        q{}                => $c,
        '::Domain'         => $d,
        '::Network'        => $c->get_network_by_name('default'),
        '::StoragePool'    => $pool,
        '::StorageVol'     => $vol,
        '::Interface'      => $c->get_interface_by_name('eth1'),
        '::NodeDevice'     => $c->get_node_device_by_name('computer'),
        '::DomainSnapshot' => $snap,
    );
    open my $table, '<', "$FindBin::Bin/../xt/stub/methods.tsv" or die $!;
    my @all;

    while (<$table>) {
        my ( $class, $method, $args ) = split /\t/;
        my ($short) = $class =~ /\ASys::Virt((?:::\w+)?)\z/ or next;
        my $object  = $of{$short}                           or next;
        next
            if $method !~ /\A(?:get|is|list|num_of|has)_/
            || $args   !~ /\A(?:-|[^,=]+=.*)\z/
            || !$class->can($method);
        push @all, [ "${class}::$method", $class->can($method), $object ];
    }
    my $uuid  = $d->get_uuid;
    my %other = (
        block_stats                => [ $d, 'vda' ],
        interface_stats            => [ $d, 'vnet0' ],
        block_peek                 => [ $d, 'vda', 0, 16 ],
        get_block_info             => [ $d, 'vda' ],
        get_block_iotune           => [ $d, 'vda' ],
        get_interface_parameters   => [ $d, 'aa:bb:cc:dd:ee:ff' ],
        get_interface_addresses    => [ $d, 0 ],
        set_memory                 => [ $d, 2_097_152 ],
        set_memory_parameters      => [ $d, { hard_limit     => 9_000_000 } ],
        set_numa_parameters        => [ $d, { 'numa_nodeset' => '0' } ],
        set_scheduler_parameters   => [ $d, { weight         => 50 } ],
        set_vcpus                  => [ $d, 2 ],
        set_autostart              => [ $d, 1 ],
        set_metadata               => [ $d, 0, 'title', undef, undef, 0 ],
        get_metadata               => [ $d, 0, undef,   0 ],
        send_key                   => [ $d, 0, 1,       [ 1 .. 8 ] ],
        suspend                    => [$d],
        resume                     => [$d],
        pin_vcpu                   => [ $d,    0, "\1" ],
        get_domain_by_name         => [ $c,    'test' ],
        get_domain_by_id           => [ $c,    1 ],
        get_domain_by_uuid         => [ $c,    $uuid ],
        get_network_by_name        => [ $c,    'default' ],
        get_storage_pool_by_name   => [ $c,    'default-pool' ],
        get_interface_by_name      => [ $c,    'eth1' ],
        get_interface_by_mac       => [ $c,    'aa:bb:cc:dd:ee:ff' ],
        get_node_device_by_name    => [ $c,    'computer' ],
        get_volume_by_name         => [ $pool, 'bench.img' ],
        get_snapshot_by_name       => [ $d,    'snap' ],
        get_node_cells_free_memory => [ $c,    0, 2 ],
        get_max_vcpus              => [ $c,    'test' ],
        get_all_domain_stats       => [ $c,    0 ],
        compare_cpu                => [ $c,    '<cpu><arch>x86_64</arch><model>qemu64</model></cpu>' ],
        baseline_cpu               => [ $c,    ['<cpu><arch>x86_64</arch><model>qemu64</model></cpu>'] ],
        get_cpu_model_names        => [ $c,    'x86_64' ],
        new_stream                 => [$c],
    );
    return @all, map { [ $_, $other{$_}[0]->can($_), @{ $other{$_} } ] } sort keys %other;
}

my $started = !length $after;
$SIG{__WARN__} = sub { };                        ## no critic (RequireLocalizedPunctuationVars)
my @calls = $way eq 'driver' ? from_driver() : from_stubs();
$ENV{STUB_FAIL} = '1 8' if $way eq 'refused';    ## no critic (LocalizedPunctuationVars)
for my $call (@calls) {
    my ( $name, $sub, @args ) = @$call;
    if ( !$started ) {
        $started = $name eq $after;
        next;
    }
    next if length $only && $name !~ /$only/;
    my $count = $name =~ /stats, \d/ ? 2 : $times;
    print "$name\t$count\n";
    my $failed = 0;
    for ( 1 .. 4 ) {
        eval { () = $sub->(@args); 1 } or $failed++;
    }
    my $mark = getppid;
    if ($failed) {
        eval { () = $sub->(@args) } for 1 .. $count;
    }
    else { () = $sub->(@args) for 1 .. $count }
    $mark = getppid;
    print "$name\t", ( $failed ? 'fails' : 'returns' ), "\n";
}
