# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Listing and counting the objects of a connection, in all ways.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Patience;
use Throws;
use File::Temp ();
use Sys::Virt;

local $SIG{ALRM} = sub { die "stuck\n" };
alarm 120;

# A separate connection with more than one object of each kind, half of them active.
my $file = File::Temp->new( SUFFIX => '.xml' );
print {$file} <<'XML';
<node>
  <domain type='test'><name>d1</name><memory>2048</memory><os><type>hvm</type></os></domain>
  <domain type='test'><name>d2</name><memory>2048</memory><os><type>hvm</type></os></domain>
  <domain type='test'><name>d3</name><memory>2048</memory><os><type>hvm</type></os></domain>
  <network><name>n1</name></network>
  <network><name>n2</name></network>
  <network><name>n3</name></network>
  <interface type='ethernet' name='i1'><start mode='onboot'/></interface>
  <interface type='ethernet' name='i2'><start mode='onboot'/></interface>
  <interface type='ethernet' name='i3'><start mode='onboot'/></interface>
  <pool type='dir'><name>p1</name><target><path>/p1</path></target></pool>
  <pool type='dir'><name>p2</name><target><path>/p2</path></target></pool>
  <pool type='dir'><name>p3</name><target><path>/p3</path></target></pool>
  <device>
    <name>computer</name>
    <capability type='system'>
      <hardware><vendor>v</vendor><version>1</version><serial>s</serial>
        <uuid>11111111-2222-3333-4444-555555555555</uuid></hardware>
      <firmware><vendor>v</vendor><version>1</version><release_date>1/1/2020</release_date></firmware>
    </capability>
  </device>
  <device>
    <name>net_one</name>
    <parent>computer</parent>
    <capability type='net'><interface>one</interface><address>00:11:22:33:44:55</address></capability>
  </device>
  <device>
    <name>net_two</name>
    <parent>computer</parent>
    <capability type='net'><interface>two</interface><address>00:11:22:33:44:56</address></capability>
  </device>
</node>
XML
$file->close;

my $c = Sys::Virt->new( uri => "test://$file" );

sub names {
    return [ map { $_->get_name } @_ ];
}

# Of a kind: the singular and the plural in method names, the class, how to stop and how to start one of them.
my @kinds = (
    [ 'domain',       'domains',       'd', 'Sys::Virt::Domain' ],
    [ 'network',      'networks',      'n', 'Sys::Virt::Network' ],
    [ 'interface',    'interfaces',    'i', 'Sys::Virt::Interface' ],
    [ 'storage_pool', 'storage_pools', 'p', 'Sys::Virt::StoragePool' ],
);
for my $kind (@kinds) {
    my ( $singular, $plural, $letter, $class ) = @$kind;
    subtest $plural => sub {
        my %call = map {
            my $name = $_;
            $name => sub { $c->$name(@_) }
        } map { ( "list_$_", "num_of_$_" ) } $plural, "defined_$plural";
        my $all     = "list_all_$plural";
        my $defined = "list_defined_${singular}_names";
        my $get     = "get_${singular}_by_name";

        my @active = $call{"list_$plural"}->();
        is_deeply( [ sort @{ names(@active) } ], [ map { "$letter$_" } 1 .. 3 ], 'all are active' );
        is( ref $_, $class, "... a $class" ) for @active;
        is_deeply( [ $call{"list_defined_$plural"}->() ], [], 'an empty list' );
        is( scalar $call{"list_defined_$plural"}->(), 0, '... 0 in scalar context' );
        is( scalar $call{"list_$plural"}->(),         3, 'the count in scalar context' );
        is( $call{"num_of_$plural"}->(),              3, "num_of_$plural" );
        is( $call{"num_of_defined_$plural"}->(),      0, "num_of_defined_$plural" );

        $c->$get("${letter}2")->destroy;
        is_deeply(
            [ sort @{ names( $call{"list_$plural"}->() ) } ],
            [ "${letter}1", "${letter}3" ],
            'active ones'
        );
        is_deeply( names( $call{"list_defined_$plural"}->() ), ["${letter}2"], 'the inactive one' );
        is_deeply( [ $c->$defined(10) ],                       ["${letter}2"], 'its name' );
        is( $call{"num_of_$plural"}->(),         2, "num_of_$plural" );
        is( $call{"num_of_defined_$plural"}->(), 1, "num_of_defined_$plural" );
        is( scalar( my @every = $c->$all ),      3, $all );
        is( ref scalar( $c->$all ), $class,         'B31: in scalar context the last object, not the count' );
        is_deeply( names( $c->$all( $class->can('LIST_INACTIVE')->() ) ), ["${letter}2"], '... with flags' );
        throws "$all with unknown flags", 8,                         sub { $c->$all( 1 << 31 ) };
        throws 'flags out of range',      qr/flags is out of range/, sub { $c->$all( 2**32 ) };

        is_deeply( [ $c->$defined(0) ], [], 'no name wanted' );
        throws 'A11: a negative count',
            qr/$defined: maxnames is out of range: -1 is not within 0 to 2147483647 at \Q$0/,
            sub { $c->$defined(-1) };
        throws 'A11: a count too large', qr/maxnames is out of range/, sub { $c->$defined( 2**31 ) };
        is_deeply( [ $c->$defined( 2**31 - 1 ) ], ["${letter}2"], 'A11: the largest count' );
        throws 'usage', qr/\AUsage: Sys::Virt::$defined\(con, maxnames\) at \Q$0/, sub { $c->$defined };

        if ( my $names = $c->can("list_${singular}_names") ) {
            is_deeply(
                [ $c->$names(10) ],
                names( $call{"list_$plural"}->() ),
                'names in the order of the objects'
            );
            is( my @one = $c->$names(1), 1, 'no more of them than wanted' );
            throws 'A11: a negative count', qr/maxnames is out of range: -5/, sub { $c->$names(-5) };
        }
        $c->$get("${letter}2")->create;
    };
}

subtest 'domain ids' => sub {
    is_deeply(
        [ $c->list_domain_ids(10) ],
        [ map { $_->get_id } $c->list_domains ],
        'in the order of the domains'
    );
    is( my @two = $c->list_domain_ids(2), 2, 'no more of them than wanted' );
    is_deeply( [ $c->list_domain_ids(0) ], [], 'none' );
    throws 'A11: a negative count',
        qr/list_domain_ids: maxids is out of range: -1 is not within 0 to 2147483647 at \Q$0/,
        sub { $c->list_domain_ids(-1) };
    is( my @all = $c->list_domain_ids( 2**31 - 1 ), 3, 'A11: the largest count' );
};

subtest 'node devices' => sub {
    my @all = $c->list_node_devices;
    is_deeply( [ sort @{ names(@all) } ], [qw(computer net_one net_two)], 'all' );
    isa_ok( $all[0], 'Sys::Virt::NodeDevice' );
    is( scalar $c->list_node_devices,        3, 'the count in scalar context' );
    is( scalar $c->list_node_devices(undef), 3, 'undef means no capability' );
    is( $c->num_of_node_devices(undef),      3, 'num_of_node_devices' );
    is( $c->num_of_node_devices('net'),      2, '... with a capability' );
    is_deeply( names( $c->list_node_devices('system') ),            ['computer'],          'one capability' );
    is_deeply( [ sort @{ names( $c->list_node_devices('net') ) } ], [qw(net_one net_two)], 'another' );
    is_deeply( [ $c->list_node_devices('nonsense') ], [], 'an unknown capability: a walk over no names' );
    is_deeply( [ $c->list_node_device_names( undef, 10 ) ], names(@all),
        'names in the order of the objects' );
    is_deeply( [ sort $c->list_node_device_names( 'net', 10 ) ],
        [qw(net_one net_two)], '... of a capability' );
    is( my @one = $c->list_node_device_names( undef, 1 ), 1, 'no more of them than wanted' );
    is( my @net = $c->list_all_node_devices( Sys::Virt::NodeDevice::LIST_CAP_NET() ),
        2, 'list_all_node_devices' );
    throws 'A11: a negative count', qr/maxnames is out of range: -1/,
        sub { $c->list_node_device_names( undef, -1 ) };
    throws 'B20: a NUL', qr/capability holds a NUL/, sub { $c->list_node_devices("net\0") };
    throws 'usage', qr/\AUsage: Sys::Virt::num_of_node_devices\(con, cap, flags=0\)/,
        sub { $c->num_of_node_devices };
};

subtest 'a capability of which there is only a name: the walk over names' => sub {
    my $cards = File::Temp->new( SUFFIX => '.xml' );
    my $all   = q{};
    for my $number ( 1 .. 3 ) {
        $all .= "<device><name>$number</name><capability type='ap_card'>"
            . "<ap-adapter>0x0$number</ap-adapter></capability></device>";
    }
    print {$cards} "<node>$all</node>";
    $cards->close;
    my $with_cards = eval { Sys::Virt->new( uri => "test://$cards" ) }
        or plan skip_all => 'this libvirt does not know crypto cards';
    my @cards = $with_cards->list_node_devices('ap_card');
    is_deeply( [ sort @{ names(@cards) } ], [ 1 .. 3 ], 'all three' );
    is( ref $cards[0],                                     'Sys::Virt::NodeDevice', 'objects' );
    is( scalar $with_cards->list_node_devices('ap_card'),  3, 'the count in scalar context' );
    is( scalar $with_cards->list_node_devices('ap_queue'), 0, 'no device with another capability' );
};

subtest 'what the driver does not have' => sub {
    throws 'nwfilters', 3, sub { $c->list_nwfilters };
    like( $@, qr/virConnectNumOfNWFilters/, 'B34: ... after the old way was tried too' );
    throws 'secrets', 3, sub { $c->list_secrets };
    like( $@, qr/virConnectNumOfSecrets/, '... and names the function' );
    for my $method (qw(num_of_nwfilters num_of_secrets list_all_nwfilters list_all_secrets)) {
        throws $method, 3, sub { $c->$method };
    }
    throws 'list_nwfilter_names',        3, sub { $c->list_nwfilter_names(5) };
    throws 'list_secret_uuids',          3, sub { $c->list_secret_uuids(5) };
    throws 'list_all_nwfilter_bindings', 3, sub { $c->list_all_nwfilter_bindings };
};

subtest 'D7: list methods keep to themselves' => sub {
    my $died = 0;
    local $SIG{__DIE__} = sub { $died++ };
    for my $method ( map { ( "list_$_->[1]", "list_defined_$_->[1]" ) } @kinds ) {
        local $@ = 'kept';
        my @list = $c->$method;
        is( $@, 'kept', "$method leaves \$\@ alone" );
    }
    is( $died, 0, 'and no handler is called' );
};

done_testing;
