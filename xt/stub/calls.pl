# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Runs under the stubs: calls every method of methods.tsv with arguments of its types, and checks which function
# of libvirt was called, that the arguments arrived, and what came back.
use strict;
use warnings;

use FindBin ();
use POSIX   ();
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../../t/lib";
use Scalar::Util qw(weaken);
use Test::More;
use Throws;
use Sys::Virt;
use Sys::Virt::Event;
use Calls qw(%object %like rows);

my $position = 0;

# The output of the stubs since the last call.
sub recorded {
    open my $log, '<', $ENV{STUB_LOG} or return q{};
    seek $log, $position, 0;
    my $text = do { local $/ = undef; <$log> }
        // q{};
    $position += length $text;
    return $text;
}

my $c = $object{'Sys::Virt'};
my ( $d, $net, $pool, $vol, $st ) =
    map { $object{"Sys::Virt::$_"} } qw(Domain Network StoragePool StorageVol Stream);
recorded();

my ( $called, $tested ) = ( 0, 0 );
my @rows = rows();
ROW: for my $row (@rows) {
    my ( $class, $method, $functions, $returns, $sub ) = @$row{qw(class method functions returns sub)};
    next if !$row->{call};    # at the end of this file, and in t/: connecting, the event loop, errors
    $called++;
    $vol->download( $st, 0, 0 ) if $method eq 'send_hole';    # earlier rows have ended it
    recorded();
    my @result = eval { $sub->( @{ $row->{call} } ) };
    my $error  = $@;
    my $record = recorded();
    my $full   = "${class}::$method";
    is( "$error", q{}, "$full returns" ) or next ROW;

    if ( $functions ne '-' ) {
        my %called  = map  { $_ => 1 } $record =~ /^(vir\w+)\(/mg;
        my @wanted  = grep { $_ !~ /Free\z|Ref\z/ } split /,/, $functions;
        my $instead = {
            list_domains         => 'virConnectListAllDomains',
            get_uuid_string      => 'GetUUID',
            get_library_version  => 'virConnectGetLibVersion',
            _get_library_version => q{},
            _create              => 'virDomainCreateXML',
            create_domain        => 'virDomainCreateXML',
        }->{$method};
        my $ok = grep { $called{$_} } @wanted;
        $ok ||= defined $instead     && ( $instead eq q{} || $record =~ /$instead\(/ );
        $ok ||= $method =~ /\Alist_/ && $record =~ /ListAll/;
        ok( $ok, "$full calls @wanted" ) or diag $record;
    }
    for my $value ( @{ $row->{expected} } ) {
        like( $record, qr/(?<![\w.])\Q$value\E(?![\w.])/, "$full passes $value on" ) or diag $record;
    }
    my $ok =
          $returns =~ /\Anothing/     ? @result <= 1
        : $returns =~ /\Alist of Sys/ ? @result >= 1 && ref $result[0] && ref( $result[0] ) eq ref $result[-1]
        : $returns =~ /\Alist of hash/   ? @result >= 1 && ref $result[0] eq 'HASH'
        : $returns =~ /\Alist/           ? @result >= 1 && defined $result[0]
        : $returns =~ /\Ahashref/        ? @result == 1 && ref $result[0] eq 'HASH'
        : $returns =~ /\Aarrayref/       ? @result == 1 && ref $result[0] eq 'ARRAY'
        : $returns =~ /\A(Sys::Virt\S*)/ ? @result == 1 && ref $result[0] eq $1
        : $returns =~ /\Abytes/          ? @result == 1 && length $result[0]
        : $returns =~ /string/           ? @result == 1 && !ref $result[0] && $result[0] =~ /\w/
        :                                  @result == 1 && $result[0] =~ /\A-?\d+\z/;
    ok( $ok, "$full gives $returns" ) or diag explain \@result;
    $tested++;
}

is( $tested, $called, "every row was executed: $tested" );
cmp_ok( scalar @rows, '>=', 573,
    'of 573 methods or more; the rest stands below, and in t/ with the event loop and the errors' );

# The types that setters send without asking are those that libvirt's documentation says.
subtest 'documented types' => sub {
    chomp( my $xml = qx{pkg-config --variable=libvirt_api libvirt} );
    open my $api, '<', $xml or die "$xml: $!";
    my $text   = do { local $/ = undef; <$api> };
    my %number = ( int => 1, uint => 2, llong => 3, ullong => 4, unsigned => 4, string => 7 );
    my %setter = (
        SCHEDULER      => sub { $d->set_scheduler_parameters(@_) },
        MEMORY         => sub { $d->set_memory_parameters(@_) },
        NUMA           => sub { $d->set_numa_parameters(@_) },
        BLKIO          => sub { $d->set_blkio_parameters(@_) },
        BANDWIDTH      => sub { $d->set_interface_parameters( 'vnet0', @_ ) },
        'BLOCK_IOTUNE' => sub { $d->set_block_iotune( 'vda', @_ ) },
    );
    my %seen;
    while ( $text =~
        /<macro name='VIR_DOMAIN_(([A-Z]+(?:_IOTUNE)?)_\w+)'[^>]* string='([^']+)'[^>]*>(.*?)<\/macro>/gs ) {
        my ( $name, $kind, $key, $info ) = ( $1, $2, $3, $4 );
        my $set    = $setter{$kind} or next;
        my ($type) = $info =~ /\bas\s+(?:an?\s+)?(u?int|u?llong|unsigned long long|string)\b/ or next;
        $type =~ s/ .*//;
        $seen{$kind}++;
        recorded();
        $set->( { $key => 1 } );
        like( recorded(), qr/\{\Q$key\E:$number{$type}=1\}/, "$name is sent as $type" );
    }
    is( keys %seen, keys %setter, "all setters: @{[ %seen ]}" );
};

subtest 'typed parameters' => sub {
    my %all = (
        'an.int'    => -5,
        'a.uint'    => 3_000_000_000,
        'a.llong'   => -5_000_000_000,
        'a.ullong'  => 18_446_744_073_709_551_615,
        'a.double'  => 0.5,
        'a.boolean' => 1,
        'a.string'  => 'text',
    );
    is_deeply( $d->$_, \%all, "B1: $_" )
        for qw(get_memory_parameters get_numa_parameters get_blkio_parameters get_perf_events
        get_scheduler_parameters get_guest_info get_launch_security_info get_guest_vcpus);
    is_deeply( $d->get_block_iotune('vda'),              \%all, 'get_block_iotune' );
    is_deeply( ( $d->get_job_stats )[1],                 \%all, 'get_job_stats' );
    is_deeply( ( $c->get_all_domain_stats(0) )[0]{data}, \%all, 'A2, C2: get_all_domain_stats' );
    recorded();
    $d->set_memory_parameters( {%like}, 2 );
    my $record = recorded();
    like( $record, qr/virDomainGetMemoryParameters\(.*?, 2\)/, 'B25: flags reach the query' );
    like(
        $record,
        qr/\{an[.]int:1=-6,a[.]uint:2=4000000000,a[.]ullong:4=9223372036854775808,a[.]double:5=1[.]5,/,
        'each in its type'
    );
    like( $record, qr/a[.]boolean:6=1,a[.]string:7=new\}, 6, 2\)/, 'strings too' );
    throws( 'B24: an unknown key', qr/unknown key 'nope'/,
        sub { $d->set_blkio_parameters( { nope => 1 } ) } );
    recorded();
    $d->set_memory_parameters( { soft_limit => 5, hard_limit => 6 } );
    unlike( $record = recorded(), qr/virDomainGetMemoryParameters/,
        'what libvirt documents is sent at once' );
    like( $record, qr/\{hard_limit:4=6,soft_limit:4=5\}, 2, 0\)/, '... in its type' );

    # Every second call fails: the first attempt, and not the query after it.
    local $ENV{STUB_FAIL} = '2 8';
    $d->is_active;
    for my $refusal ( 8, 74 ) {
        $ENV{STUB_FAIL} = "2 $refusal";
        throws(
            "refused with error $refusal",
            qr/unknown key 'soft_limit'/,
            sub { $d->set_memory_parameters( { soft_limit => 5 } ) }
        );
        like( recorded(), qr/virDomainGetMemoryParameters/, '... then' );
    }
    $ENV{STUB_FAIL} = '1 55';
    throws( 'another error', 55, sub { $d->set_memory_parameters( { soft_limit => 5 } ) } );
    unlike( recorded(), qr/GetMemoryParameters/, '... and nothing asked' );
    $ENV{STUB_FAIL} = q{};
    $d->block_copy( 'vda', '<x/>', { 'buf-size' => 2**40 } );
    like( recorded(), qr/buf-size:4=1099511627776/, 'B13: buf-size is an unsigned long long' );
    $d->migrate( $c, { migrate_disks_target_zero => [ 'vda', 'vdb' ] }, 1 );
    like(
        recorded(),
        qr/migrate_disks_target_zero:7=vda,migrate_disks_target_zero:7=vdb/,
        'B12: a repeated parameter'
    );
    $d->migrate_to_uri( 'uri', 1, 'name', 100 );
    like(
        recorded(),
        qr/\{destination_name:7=name,bandwidth:4=100\}, 2, 1\)/,
        'B11: a number for the URI is the bandwidth'
    );
    $d->migrate_to_uri( 'uri', 1, 'name', 'tcp://x', 100 );
    like(
        recorded(),
        qr/migrate_uri:7=tcp:\/\/x,destination_name:7=name,bandwidth:4=100/,
        'B11: the other order'
    );
    $d->migrate_to_uri2( 'uri', '<x/>', 3, 'name', 'tcp://x', 9 );
    like( recorded(), qr/destination_xml:7=<x\/>,bandwidth:4=9\}, 4, 3\)/, 'B10: migrate_to_uri2' );

    for my $call ( [ migrate2 => $c ], [ migrate_to_uri2 => 'uri' ] ) {
        my ( $method, $to ) = @$call;
        $d->$method( $to, { bandwidth => 9, destination_xml => '<x/>' }, 3 );
        like( recorded(), qr/\{destination_xml:7=<x\/>,bandwidth:4=9\}, 2, 3\)/, "$method with a hash" );
    }
    $d->save( '/x', undef, { image_format => 'raw' } );
    like( recorded(), qr/virDomainSaveParams\(object, \{image_format:7=raw,file:7=\/x\}, 2, 0\)/,
        'A5: save' );
    $d->save( '/x', undef, 4 );
    like( recorded(), qr/virDomainSaveFlags\(object, \/x, NULL, 4\)/, 'A6: save with the old order' );
};

subtest 'structures' => sub {
    is_deeply(
        [ $d->get_cpu_stats( 0, 2 ) ],
        [ map { { cpu_time => 100 + $_, vcpu_time => 200 + $_ } } 0, 1 ],
        'A1: CPU statistics'
    );
    is( scalar( my @all = $d->get_cpu_stats( 0, 0 ) ), 3, 'A1: all processors' );
    is_deeply( $d->memory_stats, { rss => 18_446_744_073_709_551_615 }, 'B18: memory_stats' );
    my @names =
        qw(swap_in swap_out major_fault minor_fault unused available actual_balloon rss usable last_update);
    my @masks = map { $_ << 1, $_, $_ << 3 } 1 .. 300;
    is_deeply(
        [ map { $d->memory_stats( 1 << 31 | $_ % 1024 ) } @masks ],
        [
            map {
                my $mask = $_;
                +{ map { $names[$_] => 1000 + $_ } grep { $mask & 1 << $_ } 0 .. 9 }
            } @masks
        ],
        'results with some keys, and then with others'
    );
    is( $d->block_peek( 'vda', 5 * 1024**3, 4 ), 'BBBB', 'block_peek' );
    like( recorded(), qr/virDomainBlockPeek\(object, vda, 5368709120, 4, 0\)/, 'B2: its offset' );
    is( $object{'Sys::Virt::Secret'}->get_value, "a\0b\xffc", 'A13: a secret with a NUL' );
    is_deeply( [ $d->fs_freeze( [] ), $d->fs_thaw(undef) ], [ 3, 3 ], 'B28: numbers of file systems' );
    is_deeply(
        [ $d->get_vcpu_info ],
        [
            { number => 0, state => 1, cpuTime => 9, cpu => -1, affinity => "\1\0" },
            { number => 1, state => 1, cpuTime => 9, cpu => 0,  affinity => "\2\0" },
        ],
        'vcpu_info'
    );
    is( $d->get_info->{cpuTime}, '9223372036854775808', 'times are unsigned' );
    is_deeply(
        [ $d->get_fs_info ],
        [ { mountpoint => '/', name => 'vda1', fstype => 'ext4', devalias => [ 'first', 'second' ] } ],
        'file systems'
    );
    is_deeply(
        [ $d->get_interface_addresses(0) ],
        [ { name => 'eth0', addrs => [ { type => 1, addr => '::1', prefix => 64 } ] } ],
        'addresses: no hwaddr where there is none'
    );
    is_deeply( [ $d->get_iothread_info ], [ { number => 4, affinity => "\5" } ], 'I/O threads' );
    is_deeply( [ $d->get_security_label_list ],
        [ { label => 'one', enforcing => 0 }, { label => 'two', enforcing => 1 } ], 'labels' );
    is_deeply( [ $c->get_node_cpu_map ], [ 12, "\5\1", 3 ], 'a map of processors' );
    is_deeply(
        [ $c->get_node_free_pages( [ 4, 2048 ], 1, 2 ) ],
        [
            { cell => 1, pages => { 4 => 1000, 2048 => 1001 } },
            { cell => 2, pages => { 4 => 1002, 2048 => 1003 } }
        ],
        'pages'
    );
    is( ( $net->get_dhcp_leases )[0]{expirytime}, 5_000_000_000, 'leases' );
    my ($type) = $d->get_job_stats;
    ok( $type == 7 && $$type == 7, 'B14: the type of a job' );
};

# The keys and values that shaped() of special.c writes for domain $index.
sub shape {
    my ( $index, $shapes ) = @_;
    my ( $shape, %data )   = $index % $shapes;
    for my $at ( 0 .. $shape + 1 ) {
        my $number = $at && $shape % 5 == 4 && $at == $shape + 1 ? 0 : $at;
        my $key = $number == 1 && $shape % 7 == 6 ? 'x' x 80 : sprintf '%0*d.%d', 1 + $number % 70, $number,
            $shape % 3;
        $data{$key} = $index * 1000 + $at if $index % 11 != 10 || $at % 3;
    }
    return \%data;
}

# Hashes with the same names are made from templates, of which there are at most 32.
subtest 'statistics in shapes' => sub {
    for my $shapes ( 1, 2, 7, 32, 33, 90, 600, 7, 1 ) {
        my $count    = $shapes > 1 ? 2 * $shapes : 5;
        my @expected = map { shape( $_, $shapes ) } 0 .. $count - 1;
        for my $round ( 1 .. 3 ) {
            my @got = map { $_->{data} } $c->get_all_domain_stats( $count, undef, 1 << 31 | $shapes );
            is_deeply( \@got, \@expected, "$shapes shapes, round $round" );
            delete @$_{ keys %$_ } for @got;
        }
    }
};

subtest 'lists' => sub {
    recorded();
    $c->list_domain_ids( 2**31 - 1 );
    like( recorded(), qr/^virConnectListDomains\(object, .*\b262144\)/m, 'A11: no more than 2**18 numbers' );
    $c->list_defined_domain_names( 2**31 - 1 );
    like( recorded(), qr/^virConnectListDefinedDomains\(object, .*\b262144\)/m, 'A11: ... and names' );
    $c->get_node_cells_free_memory( 1, 2**31 - 1 );
    like( recorded(), qr/^virNodeGetCellsFreeMemory\(object, 1, 65536\)/m, 'A11: no more than 2**16 cells' );
    my @domains = $c->list_domains;
    my @calls   = grep { !/\A(?:virConnectRef|virConnectClose)\(/ } split /\n/,
        recorded();    # held: a close callback is registered
    is( scalar @calls, 1, 'B34: a list is made by one call' );
    like( $calls[0], qr/\AvirConnectListAllDomains\(/, '... this one' );
};

subtest 'events' => sub {
    my %more = (
        0 => [ 1, 2 ],
        1 => [],
        2 => [-5_000_000_000],
        3 => [3],
        4 => [ 'path', 'alias', 4 ],
        5 => [
            5,
            { family => 1, node => 'node', service => 'service' },
            { family => 2, node => undef,  service => undef },
            'scheme', [ { type => 'type', name => 'name' } ]
        ],
        6  => [ 'path', 'alias', 6, 'reason' ],
        7  => [],
        8  => [ 'disk',  8,     16 ],
        9  => [ undef,   'new', 'alias', 9 ],
        10 => [ 'alias', 10 ],
        11 => [11],
        12 => [11],
        13 => [18_446_744_073_709_551_615],
        14 => [11],
        15 => ['alias'],
        16 => [ 'disk', 8, 16 ],
        17 => ['hash'],
        18 => [ 1, 18 ],
        19 => ['alias'],
        20 => [20],
        21 => ['hash'],
        22 => ['alias'],
        23 => [ 2,       undef ],
        24 => [ 'vda',   undef, 9_223_372_036_854_775_808, 1 ],
        25 => [ 1,       2,     4_294_967_295 ],
        26 => [ 'alias', 2**40 ],
        27 => [ 'alias', 'old', 'new' ],
        28 => [28],
        29 => [ 'channel', 1, 29 ],
    );
    my @ids = map { Sys::Virt::Domain->can($_)->() } grep { /\AEVENT_ID_/ } keys %Sys::Virt::Domain::;
    @ids = sort { $a <=> $b } @ids;
    is( join( q{ }, sort { $a <=> $b } keys %more ), "@ids", 'arguments of every event are known here' );
    for my $id (@ids) {
        my @got;
        is( $c->domain_event_register_any( $d, $id, sub { @got = @_ } ), $id + 100, "event $id" );
        my ( $conn, $dom, @rest ) = @got;
        is( $conn,    $c,                  '... its connection' );
        is( ref $dom, 'Sys::Virt::Domain', '... its domain' );
        @rest = map { ref $_ eq 'HASH' && exists $_->{'a.uint'} ? 'hash' : $_ } @rest;
        is_deeply( \@rest, $more{$id}, ( $id == 29 ? 'A0' : $id == 24 ? 'B3' : '...' ) . ': its arguments' );
    }
    my %kind = (
        network      => 'Network',
        storage_pool => 'StoragePool',
        node_device  => 'NodeDevice',
        secret       => 'Secret'
    );
    for my $kind ( sort keys %kind ) {
        for my $id ( 0, 1 ) {
            my @got;
            my $method = "${kind}_event_register_any";
            is( $c->$method( undef, $id, sub { @got = @_ } ), $id + 200,                 "$method, $id" );
            is( ref $got[1],                                  "Sys::Virt::$kind{$kind}", '... its object' );
            is_deeply(
                [ @got[ 2 .. $#got ] ],
                $id == 0 ? [ 1, 2 ] : $kind eq 'network' ? [ 3, 'uri' ] : [],
                '... its arguments'
            );
        }
    }
    my @got;
    $c->register_close_callback( sub { @got = @_ } );
    is_deeply( \@got, [ $c, 2 ], 'a close callback' );
    {
        local $ENV{STUB_CLOSE_LATER} = 1;
        my $one  = $c->get_domain_by_name('one');
        my $info = $one;
        $c->register_close_callback( sub { undef $_ for $one, $info } );
        recorded();
        is( $info->get_info->{state}, 1, 'one during a call, which forgets the object that was called' );
        my $record = recorded();
        like( $record, qr/goes on\n/, '... and runs there' );
        unlike( $record, qr/Free\(.*goes on\n/s, '... does not take it from libvirt' );
        is( $one, undef, '... but from the script' );
    }
    $c->domain_event_register( sub { @got = @_ } );
    is_deeply( [ @got[ 2, 3 ] ], [ 1, 2 ], 'the legacy form' );
    throws(
        'D4: one that dies',
        qr/\Ain an event\n\z/,
        sub {
            $c->domain_event_register_any( undef, 3, sub { die "in an event\n" } );
        }
    );
};

subtest 'streams' => sub {
    my $n = 0;
    recorded();
    $st->send_all( sub { return 0 if $n++; $_[1] = 'abc'; return 3 } );
    like( recorded(), qr/^sent abc\n/m, 'A3: what the handler gave, and no more' );
    throws(
        'A4: a handler that returns too much',
        qr/the handler returned 50, but there are 3 bytes to send/,
        sub {
            $st->send_all( sub { $_[1] = 'abc'; return 50 } );
        }
    );
    throws(
        'A4: or gives more than there is room for',
        qr/the handler returned 100/,
        sub {
            $st->send_all( sub { $_[1] = 'x' x 100; return 100 } );
        }
    );
    throws(
        'B21: or wide characters',
        qr/wide character/,
        sub {
            $st->send_all( sub { $_[1] = "\x{263a}"; return 1 } );
        }
    );
    throws(
        'D5: or dies',
        qr/\Ano\n\z/,
        sub {
            $st->send_all( sub { die "no\n" } );
        }
    );
    for my $way (qw(DESTROY undef exit)) {
        recorded();
        my $pid = fork // die $!;
        if ( !$pid ) {
            my $round = sub {
                my $one = $c->new_stream;
                my %end = (
                    DESTROY => sub { $one->DESTROY },
                    undef   => sub { undef $one },
                    exit    => sub { exit 7 }
                );
                $one->recv_all( sub { $end{$way}->(); return 1 } );
            };
            $round->();
            POSIX::_exit(7);
        }
        waitpid $pid, 0;
        is( $? >> 8, 7, "$way in a handler" );
        my $record = recorded();
        ok( $record =~ /RecvAll/ && $record !~ /last reference.*RecvAll/s, '... leaves libvirt its stream' )
            or diag $record;
    }
    my $sub = sub { return $n };
    $st->add_callback( 1, $sub );
    weaken($sub);
    ok( $sub, 'a sub that waits for a stream is kept' );
    $st->remove_callback;
    is( $sub, undef, 'C13: until it is unregistered, even if libvirt does not free it' );
    my @seen;
    $n = 0;
    $vol->download( $st, 0, 0 );    # handlers that died have ended it
    $st->sparse_send_all(
        sub { return 0 if $n++; $_[1] = 'd'; 1 },
        sub { return ( 0, 2**40 ) },
        sub { push @seen, $_[1]; 0 }
    );
    is_deeply( \@seen, [ 2**40 ], 'holes to skip are 64 bits long' );
    throws(
        'a hole handler with one value',
        qr/libvirt error/,
        sub {
            $st->sparse_send_all( sub { 0 }, sub { return 1 }, sub { 0 } );
        }
    );
    $st->sparse_recv_all( sub { return $_[2] }, sub { push @seen, $_[1]; return 0 } );
    is( $seen[1],                       2**40, 'holes to receive too' );
    is( $st->recv( my $buffer, 10, 1 ), -3,    'at a hole' );
    is( $st->recv_hole,                 2**40, 'its length' );
    is( $st->send( 'abcdef', 3 ),       3,     'send takes no more than told' );
    is( $st->send( 'abc', 9 ),          3,     'nor more than there is' );
    is( $st->send( undef, 9 ),          0,     'undef is nothing' );
};

subtest 'zero is a result' => sub {
    is( $object{'Sys::Virt::Secret'}->get_usage_type, 0, 'B7: get_usage_type' );
    is( $c->get_node_free_memory,                     0, 'B8: get_node_free_memory' );
    is( $d->get_max_memory,                           0, 'B8: get_max_memory' );
};

subtest 'leaks' => sub {
    my $resident = sub {
        open my $file, '<', '/proc/self/statm' or die $!;
        return ( split q{ }, <$file> )[1] * 4096;
    };
    my %case = (
        'C4: block_peek'  => sub { $d->block_peek( 'vda', 0, 4096 ) },
        'C4: memory_peek' => sub { $d->memory_peek( 0, 4096, 1 ) },
        'C5: get_value'   => sub { $object{'Sys::Virt::Secret'}->get_value },
        'C7: GRAPHICS'    => sub {
            $c->domain_event_register_any( $d, 5, sub { } );
        },
        'C7: TUNABLE' => sub {
            $c->domain_event_register_any( $d, 17, sub { } );
        },
        'C7: JOB_COMPLETED' => sub {
            $c->domain_event_register_any( $d, 21, sub { } );
        },
        'C9: credentials' => sub {
            Sys::Virt::_open_auth( 'uri', [ 1, 2 ], sub { 0 }, 0 );
        },
        'C12: CPU stats' => sub { my @stats = $d->get_cpu_stats( 0, 2 ) },
    );
    for my $name ( sort keys %case ) {
        $case{$name}->() for 1 .. 500;
        my $before = $resident->();
        $case{$name}->() for 1 .. 3_000;
        my $bytes = ( $resident->() - $before ) / 3_000;
        cmp_ok( $bytes, '<', 20, "$name: $bytes bytes per call" );
    }
    recorded();
};

subtest 'constructors and the end' => sub {
    recorded();
    is( ref Sys::Virt::Domain->_new( connection => $c, uuid => 'x' x 36 ), 'Sys::Virt::Domain', '_new' );
    like( recorded(), qr/virDomainLookupByUUIDString\(object, x{36}\)/, '... by UUID' );
    for my $case (
        [ nocreate => 1,   'virDomainDefineXMLFlags' ],
        [ nocreate => 0,   'virDomainCreateXML' ],
        [ fds      => [1], 'virDomainCreateXMLWithFiles' ]
    ) {
        Sys::Virt::Domain->_new( connection => $c, xml => '<x/>', flags => 3, @$case[ 0, 1 ] );
        like( recorded(), qr/$case->[2]\(/, "... with $case->[0] $case->[1]" );
    }
    Sys::Virt::Secret->_new( connection => $c, usageType => 2, usageID => 'id' );
    like( recorded(), qr/virSecretLookupByUsage\(object, 2, id\)/, 'a secret by its use' );
    Sys::Virt::StorageVol->_new( pool => $pool, xml => '<x/>', clone => $vol );
    like( recorded(), qr/virStorageVolCreateXMLFrom\(/, 'a volume from another' );
    Sys::Virt::StoragePool->_new( connection => $c, volume => $vol );
    like( recorded(), qr/virStoragePoolLookupByVolume\(/, 'a pool by its volume' );
    Sys::Virt::NodeDevice->_new( connection => $c, wwnn => 'a', wwpn => 'b', flags => 5 );
    like( recorded(), qr/LookupSCSIHostByWWN\(object, a, b, 5\)/, 'a SCSI host' );
    Sys::Virt::Network->_new( connection => $c, xml => '<x/>', flags => 1 );
    like( recorded(), qr/virNetworkCreateXMLFlags\(/, 'a network' );
    Sys::Virt::NetworkPort->_new( network => $net, xml => '<x/>' );
    like( recorded(), qr/virNetworkPortCreateXML\(/, 'a port' );
    Sys::Virt::Stream->_new( connection => $c, flags => 1 );
    like( recorded(), qr/virStreamNew\(object, 1\)/, 'a stream' );

    for my $class ( sort keys %object ) {
        recorded();
        my $free = $class =~ /\ASys::Virt(?:::Admin)?\z/ ? 'Close' : 'Free';
        $object{$class}->DESTROY;
        like( recorded(), qr/\Avir\w+$free\(object\)\n(?!.*vir)/s, "$class: DESTROY releases once" );
        $object{$class}->DESTROY;
        is( recorded(), q{}, '... and only once' );
    }
};

done_testing;
