# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Config;
use FindBin;
use lib "$FindBin::Bin/../lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Throws;
use Tie::Hash ();
use Sys::Virt;

my $c = Sys::Virt->new( uri => 'test:///default' );

# The test driver of an older libvirt has not all the functions; 9.0.0 is the oldest that has them for certain.
my $old = $c->get_library_version < 9_000_000;
my $d   = $c->get_domain_by_name('test');

subtest 'what a domain is' => sub {
    my $uuid = '6695eb01-f6a4-8304-79aa-97f2502e193f';
    is( $d->get_uuid_string,          $uuid,             'UUID as text' );
    is( unpack( 'H*', $d->get_uuid ), $uuid =~ tr/-//dr, 'UUID as bytes' );
    is( $d->get_id,                   1,                 'id' );
    is( $d->get_os_type,              'linux',           'OS type' );
    my $info = $d->get_info;
    is_deeply( [ sort keys %$info ], [qw(cpuTime maxMem memory nrVirtCpu state)], 'info' );
    is( $info->{state}, Sys::Virt::Domain::STATE_RUNNING(), 'it runs' );
    my ( $state, $reason ) = $d->get_state;
    is( $state,               1,       'state' );
    is( scalar $d->get_state, $reason, 'in scalar context the reason' );
    like( $d->get_xml_description, qr/<name>test</, 'XML' );
    is( $d->is_active,            1,                 'is_active' );
    is( $d->is_persistent,        1,                 'is_persistent' );
    is( ref $d->get_connect,      'Sys::Virt',       'get_connect' );
    is( $d->get_connect->get_uri, 'test:///default', '... is a connection that works' );
    my @vcpus = $d->get_vcpu_info;
    is( @vcpus, $info->{nrVirtCpu}, 'a hash for each CPU' );
    is_deeply( [ sort keys %{ $vcpus[0] } ], [qw(affinity cpu cpuTime number state)], '... with these keys' );
};

subtest 'from XML to nothing' => sub {
    my $xml = q{<domain type='test'><name>new</name><memory>8192</memory><os><type>hvm</type></os></domain>};
    my $dom = $c->define_domain($xml);
    is( $dom->get_id,    -1,    'a domain that does not run has no number' );
    is( $dom->is_active, 0,     'is_active is 0, not an empty string' );
    is( $dom->create,    undef, 'create returns undef in scalar context' );
    is_deeply( [ $dom->suspend ], [], 'and methods like it the empty list' );
    is( ( $dom->get_state )[0], Sys::Virt::Domain::STATE_PAUSED(), 'paused' );
    $dom->resume;
    $dom->set_autostart(1);
    is( $dom->get_autostart, 1, 'autostart' );
    $dom->destroy;
    is( $dom->set_max_memory(4096), undef, 'set_max_memory' );
    is( $dom->get_max_memory,       4096,  'get_max_memory' );
    is( $dom->get_name,             'new', 'the object outlives destroy' );
    $dom->rename('newer');
    is( $c->get_domain_by_name('newer')->get_id, -1, 'rename' );
    $dom->undefine;
    throws( 'after undefine it does not exist', qr/not found/, sub { $c->get_domain_by_name('newer') } );
    is( $dom->get_max_vcpus, -1, 'B6: get_max_vcpus of a domain that is gone' );

    my $transient = $c->create_domain($xml);
    is( $transient->is_persistent, 0, 'create_domain makes a transient one' );
    $transient->destroy;
    throws( 'a broken one', qr/(?!UTF-8)./,
        sub { $c->define_domain("<domain><name>gr\xfcn</name></domain>") } );
    my $umlaut = $c->define_domain( $xml =~ s/>new</>gr\xfcn</r );
    is( $umlaut->get_name, "gr\xc3\xbcn", 'B22: characters above 127 are encoded; results are bytes' );
    is( $c->get_domain_by_name("gr\xfcn")->get_id,     -1, 'B22: found by its characters' );
    is( $c->get_domain_by_name("gr\xc3\xbcn")->get_id, -1, 'and by its bytes' );
    utf8::upgrade( my $upgraded = "gr\xfcn" );
    is( $c->get_domain_by_name($upgraded)->get_id, -1, 'however perl keeps them' );
    $umlaut->undefine;
};

subtest 'numbers' => sub {
    for my $bad ( -1, 2**64, 'inf' * length('x'), '-inf' * length('x'), 1e30 ) {
        throws(
            "B23: val $bad",
            qr/val is (?:out of range|not a finite number)/,
            sub { $d->set_memory($bad) }
        );
    }
    throws( 'B23: NaN', qr/val is not a finite number/, sub { $d->set_memory( 'nan' * length('x') ) } );
    throws( 'B23: flags 2**32',      qr/flags is out of range/,    sub { $d->get_xml_description( 2**32 ) } );
    throws( 'B23: flags -1',         qr/flags is out of range/,    sub { $d->get_xml_description(-1) } );
    throws( 'B23: nsecs',            qr/nsecs is out of range/,    sub { $d->set_time( 0, 2**32 + 7 ) } );
    throws( 'a reference',           qr/val is a reference/,       sub { $d->set_memory( [] ) } );
    throws( 'B23: a negative size',  qr/size is out of range/,     sub { $d->block_resize( 'vda', -1 ) } );
    throws( 'A11: a negative count', qr/maxnames is out of range/, sub { $d->list_snapshot_names(-1) } );
    throws( 'A11: a huge count',     qr/maxnames is out of range/, sub { $d->list_snapshot_names( 2**31 ) } );
    is( eval { my @names = $d->list_snapshot_names( 2**31 - 1 ); scalar @names } // 'no room',
        0, 'A11: a large one' );
    throws( 'A11: block_peek of -1 bytes', qr/size is out of range/, sub { $d->block_peek( 'vda', 0, -1 ) } );
    my $huge = $Config{ptrsize} > 4 ? 2**62 : 2**31;
    throws(
        'A11: block_peek of a huge size',
        qr/out of memory|support/,
        sub { $d->block_peek( 'vda', 0, $huge ) }
    );
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    $d->set_autostart('abc');
    like(
        $warnings[0],
        qr/\AArgument "abc" isn't numeric in Sys::Virt::Domain::set_autostart \(autostart\) at/,
        'no number at all is 0, with a warning'
    );
    $d->set_autostart(undef);
    like(
        $warnings[1],
        qr/\AUse of uninitialized value in Sys::Virt::Domain::set_autostart \(autostart\) at/,
        'undef in the same way'
    );

    for (
        [ '2G',          'val is in KiB: pass 2097152' ],
        [ '1.5 GiB',     'val is in KiB: pass 1572864' ],
        [ '4096K',       'val is in KiB: pass 4096' ],
        [ '512MB',       'val is in KiB: pass 500000' ],
        [ '2097152 KiB', 'val is in KiB: pass 2097152' ],
        [ '16384E',      'val' ],                           # beyond all numbers
        [ '2Gx',         'val' ],
        [ '2Gi',         'val' ],
    ) {
        my ( $size, $said ) = @$_;
        @warnings = ();
        $d->set_memory($size);
        like(
            $warnings[0],
            qr/\AArgument "\Q$size\E" isn't numeric in Sys::Virt::Domain::set_memory \(\Q$said\E\) at \Q$0/,
            "B39: set_memory('$size')"
        );
        is( $d->get_info->{memory}, ( $size =~ /\A(\d+)/ )[0], '... is the number that perl makes of it' );
    }
    @warnings = ();
    eval { $d->block_resize( 'vda', '10G' ) };
    like( $warnings[0], qr/block_resize \(size is a number without a unit\) at/,
        'a size whose unit depends' );
    use warnings FATAL => 'all';
    local $SIG{__WARN__} = 'DEFAULT';
    throws( 'fatal warnings are fatal', qr/isn't numeric/, sub { $d->set_autostart('abc') } );
    is( $d->get_name, 'test', '... and do no harm' );
};

subtest 'strings' => sub {
    throws( 'B20: NUL',    qr/name holds a NUL/,    sub { $c->get_domain_by_name("test\0junk") } );
    throws( 'a reference', qr/name is a reference/, sub { $c->get_domain_by_name( [] ) } );
    throws( 'B20: in an optional argument', qr/metadata holds a NUL/, sub { $d->set_metadata( 0, "a\0b" ) } );
    utf8::upgrade( my $uuid = $d->get_uuid );
    is( $c->get_domain_by_uuid($uuid)->get_name, 'test', 'B21: an upgraded UUID' );
    throws(
        'B21: no UUID',
        qr/uuid holds a wide character/,
        sub { $c->get_domain_by_uuid( "\x{263a}" x 16 ) }
    );
    throws(
        'a short one',
        qr/\AUUID must be either 16 unsigned bytes/,
        sub { $c->get_domain_by_uuid('short') }
    );
    throws( 'B21: a mask', qr/mask holds a wide character/, sub { $d->pin_vcpu( 0, "\x{263a}" ) } );
    is( $c->get_domain_by_id('1')->get_name, 'test', 'a number as a string' );
};

subtest 'parameters' => sub {
    is_deeply( $d->get_scheduler_parameters, { weight => 50 }, 'scheduler' );
    is( $d->get_scheduler_type,                           'fair', 'its type' );
    is( $d->set_scheduler_parameters( { weight => 60 } ), undef,  'set' );
    throws(
        'B24: a misspelled key',
        qr/unknown key 'wieght'/,
        sub { $d->set_scheduler_parameters( { wieght => 1 } ) }
    );
    is( $@->code, 8, 'B24: ... is an invalid argument' );
    throws(
        'B24: a key of other drivers',
        qr/unknown key 'cpu_shares'/,
        sub { $d->set_scheduler_parameters( { cpu_shares => 1 } ) }
    );
    throws(
        'B23: too large',
        qr/weight is out of range/,
        sub { $d->set_scheduler_parameters( { weight => 2**32 } ) }
    );
    throws(
        'B23: negative',
        qr/weight is out of range/,
        sub { $d->set_scheduler_parameters( { weight => -1 } ) }
    );
    throws(
        'a reference',
        qr/weight is a reference, not a number/,
        sub { $d->set_scheduler_parameters( { weight => [] } ) }
    );

    for my $bad ( undef, 'x', '5', [], sub { }, $d ) {
        throws(
            'no hash',
            qr/\ASys::Virt::Domain::set_scheduler_parameters: newparams is not a HASH reference at/,
            sub { $d->set_scheduler_parameters($bad) }
        );
    }
    throws(
        'A12: flags that the driver does not know',
        qr/unsupported flags/,
        sub { $d->set_memory_parameters( {}, 0x100 ) }
    );
    throws( 'A12: a disk that is not there', qr/'x'/, sub { $d->get_block_iotune('x') } );
    my %endless;
    $endless{weight} = \%endless;
    throws(
        'a hash that holds itself',
        qr/set_scheduler_parameters: weight is a reference, not a number at /,
        sub { $d->set_scheduler_parameters( \%endless ) }
    );

    tie my %tied, 'Tie::StdHash';
    %tied = ( hard_limit => 2_000_000, comment => 'for the web server' );
    my $turns = 0;
    while ( my ($key) = each %tied ) {
        $d->set_memory_parameters( \%tied );
        last if ++$turns > 5;
    }
    is( $turns,                                  2,         q{a tied hash's iterator is left alone} );
    is( $d->get_memory_parameters->{hard_limit}, 2_000_000, '... and its values arrive' );
};

subtest 'arrays' => sub {
    my %array = (
        fs_freeze                => sub { $d->fs_freeze(@_) },
        fs_thaw                  => sub { $d->fs_thaw(@_) },
        send_key                 => sub { $d->send_key( 0, 0, @_ ) },
        create_with_files        => sub { $d->create_with_files(@_) },
        fd_associate             => sub { $d->fd_associate( 'x', @_ ) },
        authorized_ssh_keys_set  => sub { $d->authorized_ssh_keys_set( 'root', @_ ) },
        get_all_domain_stats     => sub { $c->get_all_domain_stats( 0, @_ ) },
        baseline_cpu             => sub { $c->baseline_cpu(@_) },
        create_domain_with_files => sub { $c->create_domain_with_files( '<domain/>', @_ ) },
        get_node_free_pages      => sub { $c->get_node_free_pages( @_, 0, 0 ) },
        node_alloc_pages         => sub { $c->node_alloc_pages( @_, 0, 0 ) },
    );
    for my $name ( sort keys %array ) {
        my @strings = $name =~ /with_files|send_key|fd_associate/ ? () : ( 'x', 5 );    # ignored there
        for my $bad ( @strings, {}, sub { }, $d ) {
            throws( "A7, B26: $name", qr/is not an ARRAY reference/, sub { $array{$name}->($bad) } );
        }
        throws( "A8: $name with bad elements", qr/\w+\[0\] is /, sub { $array{$name}->( [ {} ] ) } );
    }
    throws(
        'A7: a connection',
        qr/doms\[0\] is not a Sys::Virt::Domain object/,
        sub { $c->get_all_domain_stats( 0, [$c] ) }
    );
};

subtest 'saving' => sub {
    my $file = "/tmp/sys-virt-test-$$";
    throws( 'save to nothing', qr/\AEither \$to or \$params parameter must be supplied at/,
        sub { $d->save } );
    throws(
        'restore of it',
        qr/\AEither \$from or \$params parameter must be supplied at/,
        sub { $c->restore_domain }
    );
    throws( 'A6: no hash',   qr/params is not a HASH reference/, sub { $d->save( $file, undef, [] ) } );
    throws( 'A6: no number', qr/params is not a HASH reference/, sub { $d->save( $file, undef, 'x' ) } );
    my %params = ( nonsense => 1 );
    throws(
        'B24: an unknown key',
        qr/unknown key 'nonsense'|not supported/,
        sub { $d->save( $file, undef, \%params ) }
    );
    is_deeply( \%params, { nonsense => 1 }, 'A5: the hash is the caller\'s' );
    my $to = $file;
    %params = ( image_format => 'raw' );
    eval { $d->save( $to, undef, \%params ) };
    %params = ();
    is( $to, $file, 'A5: and so is the file name' );

    if ( $d->is_active ) {
        is( $d->save( $file, undef, 0 ), undef, 'A6: the old order, flags third' );
    }
    is( $d->is_active,                             0,     'a saved domain is off' );
    is( $c->restore_domain($file),                 undef, 'restore' );
    is( $c->get_domain_by_name('test')->is_active, 1,     '... and it runs again' );
    unlink $file;
};

subtest 'snapshots' => sub {
    my $one = $d->create_snapshot('<domainsnapshot><name>one</name></domainsnapshot>');
    my $two = $d->create_snapshot('<domainsnapshot><name>two</name></domainsnapshot>');
    is( $d->num_of_snapshots, 2, 'two' );
    is_deeply( [ sort { $a cmp $b } $d->list_snapshot_names(5) ], [qw(one two)], 'names' );
    is( scalar( my @all = $d->list_snapshots ), 2, 'objects' );
    is( scalar $d->list_snapshots,              2, 'list_snapshots counts in scalar context' );
    is_deeply( [ map { $_->get_name } $one->list_child_snapshots ], ['two'], 'B9: list_child_snapshots' );
    is( $one->num_of_child_snapshots, 1,     'num_of_child_snapshots' );
    is( $two->get_parent->get_name,   'one', 'get_parent' );
    throws( 'the root has no parent', qr/./, sub { $one->get_parent } );
    is( $d->current_snapshot->get_name,                                           'two',  'the current one' );
    is( $two->is_current,                                                         1,      'is_current' );
    is( $one->get_domain->get_name,                                               'test', 'get_domain' );
    is( $d->get_snapshot_by_name('one')->get_name,                                'one',  'by name' );
    is( Sys::Virt::DomainSnapshot->_new( domain => $d, name => 'one' )->get_name, 'one',  '_new' );
    throws(
        'no domain',
        qr/\Adomain parameter is required at/,
        sub { Sys::Virt::DomainSnapshot->_new( name => 'x' ) }
    );
    throws(
        'no name',
        qr/\Aname or xml parameters are required at/,
        sub { Sys::Virt::DomainSnapshot->_new( domain => $d ) }
    );
    $one->revert_to;
    $_->delete for $two, $one;
    is( $d->has_current_snapshot, 0, 'no domain is left' );
};

subtest 'migration' => sub {
    my $other = Sys::Virt->new( uri => 'test:///default' );
    for my $call (
        sub { $d->migrate( $other, {}, 0 ) },
        sub { $d->migrate( $other, 0,  'name', undef, 10 ) },
        sub { $d->migrate2( $other, undef, 0 ) },
        sub { $d->migrate_to_uri( 'test:///default', 0, 'name', 100 ) },
        sub { $d->migrate_to_uri( 'test:///default', { bandwidth => 5 }, 0 ) },
        sub { $d->migrate_to_uri2( 'test:///default', undef, 0 ) },
    ) {
        throws(
            'B10, B11: the test driver does not migrate',
            qr/libvirt error code: (?:3|74),/,
            sub { $call->() }
        );
    }
    throws(
        'B24: a misspelled key',
        qr/unknown key 'bandwith'/,
        sub { $d->migrate( $other, { bandwith => 1 } ) }
    );
    throws(
        'A7: a disk',
        qr/migrate_disks is not an ARRAY/,
        sub { $d->migrate( $other, { migrate_disks => 'vda' }, 0 ) }
    );
    throws(
        'A10: a domain as destination',
        qr/destcon is not a Sys::Virt object/,
        sub { $d->migrate( $d, {} ) }
    );
    throws( 'B12: the newest key',
        'ARGUMENT_UNSUPPORTED', sub { $d->migrate( $other, { migrate_disks_target_zero => ['vda'] }, 0 ) } );
    unlike( "$@", qr/unknown key/, '... is known' );
};

subtest 'other results' => sub {
    require Sys::Virt::Domain;
    my $number = 2;
    my $type   = bless \$number, 'Sys::Virt::Domain::JobType';
    ok( $type == 2 && $$type == 2 && "$type" eq '2',
        'B14: the type of a job is a number, and can be dereferenced' );
    cmp_ok( Sys::Virt::Domain::VCPU_INFO_CPU_OFFLINE(),       '==', -1,    'B4: offline' );
    cmp_ok( Sys::Virt::Domain::GET_ALL_STATS_ENFORCE_STATS(), '==', 2**31, 'B4: enforce' );
SKIP: {
        skip 'the test driver of this libvirt lacks virConnectGetAllDomainStats', 2 if $old;
        my @stats = $c->get_all_domain_stats(0);
        is( $stats[0]{dom}->get_name, 'test', 'statistics of all domains' );
        is( ref $stats[0]{data},      'HASH', '... with data' );
    }
    local $@ = 'mine';
    local $SIG{__DIE__} = sub { fail('D7: no exception is seen') };
    $c->list_domains;
    is( $@, 'mine', 'D7: lists leave $@ alone' );
};

done_testing;
