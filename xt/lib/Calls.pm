# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# How to call every method of xt/stub/methods.tsv: with what object, and with arguments of its types.
package Calls;
use strict;
use warnings;

use Exporter qw(import);
use FindBin  ();
use Sys::Virt;

# With STUB_URI, for bench/methods.pl: without what the original does not have, and what leads to a daemon.
my %has = map { $_ => 1 } $ENV{STUB_URI} ? () : qw(Admin QEMU LXC);
require "Sys/Virt/$_.pm" for sort keys %has;

our @EXPORT_OK = qw(%object %like make_objects rows);

# An object of each class.
sub make_objects {
    my $con    = Sys::Virt->new( uri => $ENV{STUB_URI} || 'stub:///' );
    my $domain = $con->get_domain_by_name('x');
    my $net    = $con->get_network_by_name('x');
    my $pool   = $con->get_storage_pool_by_name('x');
    my %made   = (
        q{}              => $con,
        Domain           => $domain,
        Network          => $net,
        StoragePool      => $pool,
        StorageVol       => $pool->get_volume_by_name('x'),
        Stream           => $con->new_stream,
        DomainSnapshot   => $domain->get_snapshot_by_name('x'),
        DomainCheckpoint => $domain->get_checkpoint_by_name('x'),
        Interface        => $con->get_interface_by_name('x'),
        NetworkPort      => $net->get_port_by_uuid( 'x' x 16 ),
        NodeDevice       => $con->get_node_device_by_name('x'),
        NWFilter         => $con->get_nwfilter_by_name('x'),
        NWFilterBinding  => $con->get_nwfilter_binding_by_port_dev('x'),
        Secret           => $con->get_secret_by_uuid( 'x' x 16 ),
    );
    if ( $has{Admin} ) {
        $made{Admin}           = Sys::Virt::Admin->new;
        $made{'Admin::Server'} = $made{Admin}->get_server_by_name('x');
        $made{'Admin::Client'} = $made{'Admin::Server'}->get_client_by_id(1);
    }
    return map { ( 'Sys::Virt' . ( $_ && "::$_" ) => $made{$_} ) } keys %made;
}

our %object = make_objects();
my ( $c, $d, $net, $pool, $vol, $st ) =
    map { $object{"Sys::Virt$_"} } q{}, qw(::Domain ::Network ::StoragePool ::StorageVol ::Stream);

# The class methods' invocants, and the keys of fixed sets of parameters.
my %invocant = (
    Domain           => $c,
    Network          => $c,
    StoragePool      => $c,
    Interface        => $c,
    NodeDevice       => $c,
    NWFilter         => $c,
    Secret           => $c,
    NWFilterBinding  => $c,
    Stream           => $c,
    NetworkPort      => $net,
    StorageVol       => $pool,
    DomainSnapshot   => $d,
    DomainCheckpoint => $d,
);
my %keys = (
    announce_interface => { initial   => 1,     max => 2, rounds => 3, step => 4 },
    block_copy         => { bandwidth => 2**63, granularity => 4, 'buf-size' => 2**40 },
    set_iothread       =>
        { poll_max_ns => 2**40, poll_grow => 2, poll_shrink => 3, thread_pool_min => -1, poll_weight => 5 },
    set_launch_security_state =>
        { 'sev-secret' => 's', 'sev-secret-header' => 'h', 'sev-secret-set-address' => 2**40 },
    set_throttle_group        => { total_bytes_sec   => 2**40,         group_name  => 'g' },
    set_threadpool_parameters => { minWorkers        => 4_000_000_000, prioWorkers => 7 },
    set_client_limits         => { nclients_max      => 4_000_000_000 },
    set_parameters            => { 'inbound.average' => 4_000_000_000, 'outbound.burst' => 7 },
    set_identity => { 'user-name' => 'u', 'unix-user-id' => 5, 'process-id' => -5, 'process-time' => 2**40 },
    _migrate     => {
        bandwidth                 => 5,
        migrate_disks             => [ 'vda', 'vdb' ],
        migrate_disks_target_zero => ['vdc'],
        disks_port                => -1
    },
);
$keys{$_} = $keys{_migrate} for qw(migrate migrate_to_uri _migrate_to_uri);
our %like = (
    'an.int'    => -6,
    'a.uint'    => 4_000_000_000,
    'a.ullong'  => 2**63,
    'a.string'  => 'new',
    'a.boolean' => 1,
    'a.double'  => 1.5
);

# A value for an argument, and what the record shows of it (undef: nothing to look for).
my $count = 40;

sub value {
    my ( $method, $name, $type ) = @_;
    my $number = $count++;
    return ( sub { return $_[2] },                             undef ) if $name =~ /\Acb\z|coderef/;
    return ( sub { return 0 },                                 undef ) if $name =~ /skip_handler/;
    return ( sub { return $method =~ /send/ ? ( 1, 50 ) : 0 }, undef ) if $name =~ /hole_handler/;
    if ( $name eq 'handler' ) {
        my $sent = 0;
        return (
            $method =~ /send/ ? sub { return 0 if $sent++; $_[1] = 'chunk'; return 5 } : sub { return $_[2] },
            undef
        );
    }
    return ( $keys{$method} || {%like}, undef )
        if $type =~ /hashref/ || $name =~ /params\z|ident/ && $method !~ /save|restore/;
    return ( { model => 'selinux', doi => 'doi' }, 'selinux' ) if $name eq 'model';
    return ( { label => 'label', enforcing => 1 }, 'label' )   if $name eq 'label';
    return ( undef,                                undef )     if $name eq 'params';
    return ( $st,                                  undef )     if $name eq 'st';
    return ( $vol,                                 undef )     if $name =~ /\A(?:vol|clone)\z/;
    return ( $c,                                   undef )     if $name eq 'destcon';
    return ( $d,                                   undef )     if $name eq 'domref';
    return ( undef,                                'NULL' )    if $name =~ /ref\z/;
    return ( 0,                                    '0' )       if $name eq 'eventID';
    return ( [ 'a', 'b' ],                         'a' )
        if $name =~ /\A(?:keys|mountPoints)\z/ || $name eq 'xml' && $method =~ /baseline/;
    return ( [$d],               '1' )         if $name eq 'doms';
    return ( [ $number, 5 ],     $number )     if $name =~ /\A(?:fds|files|keycodes|pagesizes)\z/;
    return ( [ [ $number, 5 ] ], $number )     if $name eq 'pages';
    return ( 'x' x 16,           '78' )        if $name eq 'uuid' && $method !~ /string/;
    return ( "\x2a\xff",         '2a' )        if $name eq 'mask';
    return ( "a\0\xff",          '6100ff' )    if $name eq 'value' && $method eq 'set_value';
    return ( 'some data',        'some data' ) if $name eq 'data'  && $method eq 'send';
    return ( my $buffer,         undef )       if $name eq 'data';
    return ( 2,                  2 )           if $name =~ /\Amax|\Ancpus\z/;
    return ( 1,                  1 )           if $name =~ /\A(?:start|start_cpu)\z/;
    return ( 1,                  undef )       if $name eq 'end';
    return ( 1_000_000_000_000 + $number, 1_000_000_000_000 + $number )
        if $type =~ /64|ulong|size_t/ && $name !~ /\A(?:size|nbytes|flags)\z/;
    return ( 9, 9 )
        if $name =~ /\A(?:size|nbytes)\z/ && $type =~ /size_t/;
    return ( $number, $number )
        if $type =~ /int/
        || $name =~ /\A(?:flags|id|start|interval|count|bandwidth|type)\z/ && $type !~ /str/
        || $name =~ /\A(?:offset|length)\z/;
    return ( "text-$number", "text-$number" );
}

# The rows of the table that have an object's method, each with what calls it: { class, method, functions, returns, sub,
# call => [invocant and arguments], expected => [what of them a record of the call shows] }.
sub rows {
    my @rows;
    open my $table, '<', "$FindBin::Bin/methods.tsv" or die $!;
    while (<$table>) {
        next if /\A#/;
        chomp;
        my %row;
        ( @row{qw(class method)}, my ( $args, $types ), @row{qw(functions returns)} ) = split /\t/;
        next if $row{class} =~ /\ASys::Virt::(Admin|QEMU|LXC)/ && !$has{$1};
        push @rows, \%row;
        next if $row{method} =~ /\A(?:DESTROY|_new|new)\z/ || $row{class} =~ /::(?:Error|Event|EventImpl)\z/;
        @row{qw(call expected)} = call( @row{qw(class method)}, $args, $types );
        $row{sub} = $row{class}->can( $row{method} );
    }
    return @rows;
}

sub call {
    my ( $class, $method, $args, $types ) = @_;
    my %type    = $types eq '-' ? () : map { split /:/, $_, 2 } split /,(?=\w+:)/, $types;
    my ($short) = $class =~ /::(\w+)\z/;
    my $object =
        $method =~ /\A_/ && $method !~ /migrate|\A_get/ ? $invocant{ $short || q{} } || $c : $object{$class};
    $object = $method =~ /\A(?:attach|monitor_event)/ ? $c : $d if $class =~ /::(?:QEMU|LXC)\z/;
    $object = $c if "${class}::$method" =~ /StorageVol::_lookup_by_(?:key|path)\z/;
    my ( @values, @expected );

    for my $arg ( $args eq '-' ? () : split /,\s*/, ( split /\s+[|]\s+/, $args )[0] ) {
        my ($name) = $arg =~ /(\w+)(?:=.*)?\z/;
        my ( $value, $seen ) = value( $method, $name, $type{$name} // q{} );
        push @values,   $value;
        push @expected, $seen if defined $seen;
    }
    if ( $method =~ /\A_open/ ) {
        @values   = $method eq '_open' ? ( 'uri', 0 ) : ( 'uri', [ 1, 2 ], sub { 0 }, 0 );
        @expected = ();
    }
    my @call =
          $method =~ /\A_open|\A_get_library|\Aenter_security_label/ ? @values
        : $method eq '_lookup_by_volume'                             ? ($vol)
        :                                                              ( $object, @values );
    return ( \@call, \@expected );
}

1;
