# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Devices: disks, network interfaces, graphics, consoles, and the jobs of disks.
use strict;
use warnings;

use Config;
use FindBin;
use lib "$FindBin::Bin/../lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Patience;
use Throws;
use Sys::Virt;

local $SIG{ALRM} = sub { die "stuck\n" };
alarm 60;

# An unsigned long of libvirt has 32 bits on some machines.
my $long = $Config{longsize} > 4 ? 2**63 : 2**31;

# More than there is memory for; and a size_t has 32 bits on some machines.
my $huge = $Config{ptrsize} > 4 ? 2**62 : 2**31;

my $c = Sys::Virt->new( uri => 'test:///default' );

# The test driver of an older libvirt has not all the functions; 9.0.0 is the oldest that has them for certain.
my $d = $c->get_domain_by_name('test');

my ( $unsupported, $invalid_argument, $not_now ) =
    map { Sys::Virt::Error->can("ERR_$_")->() } qw(NO_SUPPORT INVALID_ARG OPERATION_INVALID);

sub xml {
    my ($name) = @_;
    return <<"XML";
<domain type="test"><name>$name</name><memory>8192</memory><os><type>hvm</type></os>
<devices>
  <disk type="file" device="disk"><source file="/nowhere"/><target dev="vda"/></disk>
  <interface type="bridge"><mac address="52:54:00:00:00:01"/><source bridge="br0"/><target dev="tap0"/></interface>
</devices></domain>
XML
}

my ( $on, $off ) = ( $c->create_domain( xml('on') ), $c->define_domain( xml('off') ) );

subtest 'disks' => sub {
    my $stats = $on->block_stats('vda');
    is( ref $stats, 'HASH', 'block_stats' );
    is_deeply( [ grep { !exists $stats->{$_} } qw(rd_req rd_bytes wr_req wr_bytes errs) ],
        [], '... with the five keys' );
    is_deeply( [ grep { !/\A\d+\z/ } values %$stats ], [], '... of numbers' );
    is_deeply( [ grep { /operations/ } keys %$stats ], [], '... under the names of old' );
    throws( 'no such disk',    $invalid_argument, sub { $on->block_stats('vdz') } );
    throws( 'one that is off', $not_now,          sub { $off->block_stats('vda') } );
    throws( 'flags do not fall back to the older function',
        'NO_SUPPORT', sub { $on->block_stats( 'vda', 1 << 30 ) } );

    my $info = $on->get_block_info('vda');
    is_deeply( [ sort keys %$info ], [qw(allocation capacity physical)], 'get_block_info' );
    cmp_ok( $info->{physical}, '>', 2**32, '... of 64 bits' );
    throws( 'of no disk', qr/libvirt error/,   sub { $on->get_block_info('vdz') } );
    throws( 'B20: a NUL', qr/dev holds a NUL/, sub { $on->get_block_info("vda\0") } );

    my @errors = $on->get_disk_errors;
    is_deeply( [ map { join q{ }, sort keys %$_ } @errors ], ['error path'], 'get_disk_errors' );
    is( $errors[0]{path}, 'vda', '... of the disk' );
    cmp_ok( $errors[0]{error}, '>', Sys::Virt::Domain::DISK_ERROR_NONE(), '... with its number' );
    throws( '... of one that is off', $not_now, sub { $off->get_disk_errors } );
    my $bare = $c->create_domain( xml('bare') =~ s{<devices>.*</devices>}{}sr );
    is_deeply( [ $bare->get_disk_errors ], [], '... without disks' );
    $bare->destroy;
};

subtest 'bytes of disks' => sub {
    throws(
        'B23: an offset',
        qr/block_peek: offset is out of range/,
        sub { $on->block_peek( 'vda', -1, 4 ) }
    );
    throws( 'A11: a size', qr/block_peek: size is out of range/, sub { $on->block_peek( 'vda', 0, -1 ) } );
    throws(
        'A11: more than there is',
        qr/out of memory for \d+ elements/,
        sub { $on->block_peek( 'vda', 0, $huge ) }
    );
    throws( 'B2: an offset of 64 bits', $unsupported,     sub { $on->block_peek( 'vda', 2**63, 4 ) } );
    throws( 'no bytes',                 $unsupported,     sub { $on->block_peek( 'vda', 0,     0 ) } );
    throws( 'B23: resize', qr/size is out of range/,      sub { $on->block_resize( 'vda', -1 ) } );
    throws( 'threshold',   qr/threshold is out of range/, sub { $on->set_block_threshold( 'vda', -1 ) } );
};

subtest 'interfaces' => sub {
    my $stats = $on->interface_stats('tap0');
    is_deeply(
        [ sort keys %$stats ],
        [ sort map { ( "rx_$_", "tx_$_" ) } qw(bytes packets errs drop) ],
        'interface_stats'
    );
    cmp_ok( $stats->{rx_bytes}, '>', 2**32, '... of 64 bits' );
    throws( 'no such interface', $invalid_argument,    sub { $on->interface_stats('tap9') } );
    throws( 'one that is off',   $not_now,             sub { $off->interface_stats('tap0') } );
    throws( 'B20: a NUL',        qr/path holds a NUL/, sub { $on->interface_stats("tap0\0") } );

    my @sources = map { Sys::Virt::Domain->can("INTERFACE_ADDRESSES_SRC_$_")->() } qw(LEASE AGENT ARP);
    for my $source (@sources) {
        my @interfaces = $on->get_interface_addresses($source);
        is( @interfaces, 1, "get_interface_addresses($source)" );
        my ( $name, $mac, $addresses ) = @{ $interfaces[0] }{qw(name hwaddr addrs)};
        is_deeply( [ sort keys %{ $interfaces[0] } ], [qw(addrs hwaddr name)], '... its keys' );
        is_deeply( [ $name, $mac ], [ 'tap0', '52:54:00:00:00:01' ],           '... its name and address' );
        is_deeply( [ map { join q{ }, sort keys %$_ } @$addresses ],
            ['addr prefix type'], '... its IP address' );
        is( $addresses->[0]{type}, Sys::Virt::IP_ADDR_TYPE_IPV4(), '... of version 4' );
        like( $addresses->[0]{addr}, qr/\A192[.]168[.]\d+[.]\d+\z/, '... as a string' );
    }
    is( ref scalar $on->get_interface_addresses(0), 'HASH', 'in scalar context the last one' );
    throws( 'an unknown source', qr/libvirt error/, sub { $on->get_interface_addresses(99) } );
    throws( 'foreign flags',     $invalid_argument, sub { $on->get_interface_addresses( 0, 1 << 30 ) } );
    throws( 'one that is off',   $not_now,          sub { $off->get_interface_addresses(0) } );
    throws(
        'the source is needed',
        qr/\AUsage: Sys::Virt::Domain::get_interface_addresses\(dom, src, flags=0\) at/,
        sub { $on->get_interface_addresses }
    );
    my $bare = $c->create_domain( xml('bare') =~ s{<interface.*</interface>}{}sr );
    is_deeply( [ $bare->get_interface_addresses(0) ], [], 'of none' );
    $bare->destroy;
};

subtest 'consoles' => sub {
    my $stream = $c->new_stream;
    for my $bad ( undef, 'x', $on, $c ) {
        for my $method (qw(open_console open_channel screenshot)) {
            my @warnings;
            local $SIG{__WARN__} = sub { push @warnings, @_ };
            my $call = sub { return $on->$method( $bad, 'x' ) };
            my $why  = qr/Sys::Virt::Domain::$method\(\) -- st is not a /;
            if ( ref $bad ) { throws( "A10: $method", $why, $call ); next }
            is( $call->(), undef, "B27: $method" );
            like( $warnings[0], $why, '... is warned of' );
        }
    }
    throws( "$_ of the first", $unsupported, sub { $on->$_( $stream, undef ) } )
        for qw(open_console open_channel);
    throws( 'B20: a NUL',    qr/devname holds a NUL/,    sub { $on->open_console( $stream, "a\0" ) } );
    throws( 'B23: a screen', qr/screen is out of range/, sub { $on->screenshot( $stream, -1 ) } );
    my $closed = $c->new_stream;
    $closed->DESTROY;
    throws( 'a closed stream', Sys::Virt::Error::ERR_INVALID_STREAM(),
        sub { $on->screenshot( $closed, 0 ) } );

    is( $on->screenshot( $stream, 0 ), 'image/png', 'screenshot' );
    my $picture = q{};
    $stream->recv_all( sub { $picture .= $_[1]; return $_[2] } );
    $stream->finish;
    is( substr( $picture, 0,  8 ), "\x89PNG\r\n\x1a\n", '... is a picture' );
    is( substr( $picture, -8, 4 ), 'IEND',              '... all of it' );
};

subtest 'graphics' => sub {
    throws( 'open_graphics wants a socket', $invalid_argument,
        sub { $on->open_graphics( 0, fileno STDIN ) } );
    throws( 'B23: a descriptor', qr/fd is out of range/,  sub { $on->open_graphics( 0, 2**31 ) } );
    throws( 'B23: an index',     qr/idx is out of range/, sub { $on->open_graphics_fd(-1) } );
    throws(
        'open_graphics_fd',
        qr/argument unsupported|not supported by the connection driver: virDomainOpenGraphicsFD/,
        sub { $on->open_graphics_fd(0) }
    );
    throws( 'B23: a type', qr/type is out of range/, sub { $on->graphics_reload(-1) } );
};

subtest 'file descriptors' => sub {
    throws( 'none',           qr/libvirt error/,                 sub { $on->fd_associate( 'files', [] ) } );
    throws( 'B26: no array',  qr/fds is not an ARRAY reference/, sub { $on->fd_associate( 'files', {} ) } );
    throws( 'B23: too large', qr/fds\[0\] is out of range/, sub { $on->fd_associate( 'files', [ 2**31 ] ) } );
    throws( 'B20: a NUL',     qr/name holds a NUL/,         sub { $on->fd_associate( "a\0",   [0] ) } );
    throws( 'to start with',  qr/fds\[0\] is a reference/,  sub { $off->create_with_files( [ [] ] ) } );
    is( $off->is_active, 0, '... starts nothing' );
};

# Drivers decide about the rest; newer test drivers may know some of it.
subtest 'plugging' => sub {
    my $disk = '<disk type="file"><source file="/x"/><target dev="vdb"/></disk>';
    for my $method (qw(attach_device detach_device update_device detach_device_alias)) {
        my $lived = eval { $on->$method($disk); 1 };
        ok( $lived || ref $@ eq 'Sys::Virt::Error', "$method: libvirt decides" );
        throws( 'B20: a NUL',  qr/(?:xml|alias) holds a NUL/,    sub { $on->$method("$disk\0") } );
        throws( 'a reference', qr/(?:xml|alias) is a reference/, sub { $on->$method( \$disk ) } );
        throws( 'B23: flags',  qr/flags is out of range/,        sub { $on->$method( $disk, -1 ) } );
        throws(
            'nothing',
            qr/\AUsage: Sys::Virt::Domain::$method\(dom, (?:xml|alias), flags=0\) at/,
            sub { $on->$method }
        );
    }
    throws(
        'B24: announce_interface',
        qr/newparams has the unknown key 'round'/,
        sub { $on->announce_interface( 'tap0', { round => 1 } ) }
    );
    throws(
        'B23: its numbers',
        qr/rounds is out of range/,
        sub { $on->announce_interface( 'tap0', { rounds => -1 } ) }
    );
    throws(
        'no hash',
        qr/newparams is not a HASH reference/,
        sub { $on->announce_interface( undef, undef ) }
    );
    throws( 'of all interfaces', 'NO_SUPPORT', sub { $on->announce_interface( undef, {} ) } );
};

subtest 'jobs of disks' => sub {
    my %call = (
        get_block_job_info  => ['vda'],
        set_block_job_speed => [ 'vda', $long ],
        abort_block_job     => ['vda'],
        block_pull          => [ 'vda', 0 ],
        block_rebase        => [ 'vda', undef,     0 ],
        block_commit        => [ 'vda', undef,     undef, 0 ],
        block_copy          => [ 'vda', '<disk/>', {} ],
    );
    local $SIG{__WARN__} = sub { fail("B29: undef is NULL, without a warning: @_") };
    for my $method ( sort keys %call ) {
        my ( $disk, @rest ) = @{ $call{$method} };
        throws( $method,      $unsupported,              sub { $on->$method( $disk,     @rest ) } );
        throws( 'B20: a NUL', qr/path holds a NUL/,      sub { $on->$method( "$disk\0", @rest ) } );
        throws( 'B23: flags', qr/flags is out of range/, sub { $on->$method( $disk, @rest, 2**32 ) } );
        throws(
            'too much',
            qr/\AUsage: Sys::Virt::Domain::$method\(dom, path, /,
            sub { $on->$method( $disk, (0) x 9 ) }
        );
    }
    throws( "B23: $_", qr/bandwidth is out of range/, sub { $on->$_( 'vda', -1 ) } )
        for qw(set_block_job_speed block_pull);
    my $copy = sub {
        my ($params) = @_;
        return sub { $on->block_copy( 'vda', '<disk/>', $params ) }
    };
    throws( 'B13: buf-size is of 64 bits', $unsupported,                $copy->( { 'buf-size' => 2**40 } ) );
    throws( 'B23: granularity is not', qr/granularity is out of range/, $copy->( { granularity => 2**32 } ) );
    throws(
        'B24: an unknown key',
        qr/newparams has the unknown key 'buf_size'/,
        $copy->( { buf_size => 1 } )
    );
    throws( 'no hash', qr/\ASys::Virt::Domain::block_copy: newparams is not a HASH reference at/,
        $copy->($_) )
        for undef, '0', [], 'x';
};

done_testing;
