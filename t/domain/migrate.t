# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Migration: both forms of its arguments. The test driver does not migrate, so xt/stub.t checks what is sent.
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

my $c = Sys::Virt->new( uri => 'test:///default' );
my $d = $c->get_domain_by_name('test');

my $other   = Sys::Virt->new( uri => 'test:///default' );
my $invalid = Sys::Virt::Error::ERR_INVALID_ARG();

# The error of a driver without migration for a valid call.
my $unsupported = do {
    my @codes = ( Sys::Virt::Error::ERR_NO_SUPPORT(), Sys::Virt::Error::ERR_ARGUMENT_UNSUPPORTED() );
    local $" = q{|};
    qr/\Alibvirt error code: (?:@codes),/;
};

my %to = (
    migrate         => $other,
    migrate2        => $other,
    migrate_to_uri  => 'test:///x',
    migrate_to_uri2 => 'test:///x'
);

for my $method ( sort keys %to ) {
    subtest $method => sub {
        my $to   = $to{$method};
        my @old  = ( $method =~ /2\z/ ? 'dxml' : (), qw(flags dname uri bandwidth) );
        my $old  = sub { my %given = @_; return @given{@old} };
        my $call = sub {
            my @args = @_;
            return sub { $d->$method( $to, @args ) }
        };
        local $SIG{__WARN__} = sub { fail("a warning: @_") };

        # Calls that reach libvirt fail there, because the driver has no migration.
        throws( "B10: $method is there", $unsupported, $call->() );
        throws( 'the old form', $unsupported,
            $call->( $old->( flags => 1, dname => 'n', uri => 'u', bandwidth => 9 ) ) );
        throws( '... with undef',    $unsupported, $call->( $old->( flags => 0 ) ) );
        throws( '... without flags', $unsupported, $call->( $old->() ) );
        throws( 'a hash',            $unsupported, $call->( { destination_name => 'n' }, 1 ) );
        throws( '... that is empty', $unsupported, $call->( {},                          1 ) );
        throws( '... without flags', $unsupported, $call->( { bandwidth => $long } ) );
        throws( '... with a list of disks',
            $unsupported,
            $call->( { migrate_disks => [qw(vda vdb)], migrate_disks_detect_zeroes => [] }, 0 ) );
        throws( 'B12: ... of the newest kind',
            $unsupported, $call->( { migrate_disks_target_zero => ['vda'] }, 0 ) );

        my $name = qr/\ASys::Virt::Domain::$method: /;
        throws( 'B24: an unknown key', $invalid, $call->( { bandwith => 1 } ) );
        like( $@->message, qr/(?:params|dxml) has the unknown key 'bandwith'/, '... is named' );
        throws(
            'A7: disks',
            qr/${name}migrate_disks is not an ARRAY reference at/,
            $call->( { migrate_disks => 'vda' }, 0 )
        );

        for my $bad ( -1, 2**32 ) {
            throws( "B23: flags $bad", qr/${name}flags is out of range: $bad/, $call->( {}, $bad ) );
            throws(
                '... of the old form',
                qr/${name}(?:flags|params) is out of range: $bad/,
                $call->( $old->( flags => $bad ) )
            );
        }
        throws(
            'flags that are a list',
            qr/${name}(?:flags|params) is a reference, not a number/,
            $call->( $old->( flags => [] ) )
        );
        throws(
            'B23: a negative bandwidth',
            qr/${name}bandwidth is out of range: -1/,
            $call->( $old->( flags => 0, dname => 'n', uri => 'u', bandwidth => -1 ) )
        );
        throws(
            '... in the hash',
            qr/${name}bandwidth is out of range: -1/,
            $call->( { bandwidth => -1 }, 0 )
        );
        {
            my @warnings;
            local $SIG{__WARN__} = sub { push @warnings, @_ };
            throws( 'an invalid bandwidth', $unsupported, $call->( { bandwidth => 'fast' }, 0 ) );
            like(
                "@warnings",
                qr/\AArgument "fast" isn't numeric in Sys::Virt::Domain::$method \(bandwidth\) at/,
                '... is 0, with a warning'
            );
            throws( 'B24: a key more', $unsupported, $call->( { bandwidth => 1, nonsense => 2 }, 0 ) );
            like(
                $warnings[1],
                qr/\ASys::Virt::Domain::$method: \w+ has the unknown key 'nonsense', which is ignored at/,
                '... is warned of'
            );
        }
        throws( 'B23: a port', qr/${name}disks_port is out of range/, $call->( { disks_port => 2**31 }, 0 ) );
        throws(
            'B20: a NUL',
            qr/${name}destination_name holds a NUL/,
            $call->( { destination_name => "a\0b" }, 0 )
        );
        throws(
            '... in the old form',
            qr/${name}dname holds a NUL/,
            $call->( $old->( flags => 0, dname => "a\0b" ) )
        );
        throws(
            'a name that is a list',
            qr/${name}destination_name is a reference/,
            $call->( { destination_name => [] }, 0 )
        );
        my %params = ( bandwidth => '7', migrate_disks => ['vda'] );
        eval { $call->( \%params, 0 )->() };
        is_deeply( \%params, { bandwidth => '7', migrate_disks => ['vda'] }, 'the hash is the caller\'s' );
    };
}

subtest 'where to' => sub {
    for my $method (qw(migrate migrate2)) {
        for my $bad ( undef, 'test:///default', 0, {}, [] ) {
            my @warnings;
            local $SIG{__WARN__} = sub { push @warnings, @_ };
            is( scalar $d->$method( $bad, undef, 0 ), undef, "A9, B27: $method" );
            like(
                $warnings[0],
                qr/Sys::Virt::Domain::$method\(\) -- destcon is not a blessed SV reference/,
                '... is warned of'
            );
        }
        throws(
            "A10: $method to a domain",
            qr/destcon is not a Sys::Virt object/,
            sub { $d->$method( $d, {} ) }
        );
    }
    for my $method (qw(migrate_to_uri migrate_to_uri2)) {
        throws( "B20: $method",    qr/desturi holds a NUL/, sub { $d->$method( "test:///\0", undef, 0 ) } );
        throws( "a list: $method", qr/desturi is a reference/, sub { $d->$method( [], undef, 0 ) } );
    }
    my $closed = Sys::Virt->new( uri => 'test:///default' );
    $closed->DESTROY;
    throws(
        'a closed connection',
        Sys::Virt::Error::ERR_INVALID_CONN(),
        sub { $d->migrate( $closed, {}, 0 ) }
    );
    my $gone = $c->get_domain_by_name('test');
    $gone->DESTROY;
    throws(
        "a closed domain: $_",
        Sys::Virt::Error::ERR_INVALID_DOMAIN(),
        sub { $gone->$_( $to{$_}, undef, 0 ) }
    ) for sort keys %to;
};

subtest 'B11: a number instead of the URI' => sub {
    my $call = sub {
        my @args = @_;
        return sub { $d->migrate_to_uri( 'test:///x', 0, 'n', @args ) }
    };
    my $range = qr/migrate_to_uri: bandwidth is out of range: -1/;
    throws( 'is the bandwidth',             $range,       $call->(-1) );
    throws( '... as text',                  $range,       $call->('-1') );
    throws( 'unless the bandwidth follows', $unsupported, $call->( -1,        5 ) );
    throws( '... which is then checked',    $range,       $call->( 'tcp://x', -1 ) );
    throws( 'anything else is a URI',       $unsupported, $call->('tcp://1.2.3.4:5') );
    throws( 'only to a URI: it stays one',  $unsupported, sub { $d->migrate( $other, 0, 'n', -1 ) } );
    throws( 'nor when the XML comes before it',
        $unsupported, sub { $d->migrate_to_uri2( 'test:///x', undef, 0, 'n', -1 ) } );
};

# Objects like those of bigint.
{

    package Flags;
    use overload '0+' => sub { $_[0]{number} }, fallback => 1;
    sub new { my ( $class, $number ) = @_; return bless { number => $number }, $class }
}
{

    package Params;
    use overload q{""} => sub { 'some parameters' }, fallback => 1;
    sub new { my ( $class, %params ) = @_; return bless {%params}, $class }
}

subtest 'a hash that is an object' => sub {
    my $range = qr/(?:flags|params) is out of range: -1 /;
    for my $call (
        [ $d, 'migrate',        $other ],
        [ $d, 'migrate_to_uri', 'test:///x' ],
        [ $d, 'save',           '/nowhere/file', undef ],
        [ $c, 'restore_domain', '/nowhere/file', undef ]
    ) {
        my ( $object, $method, @before ) = @$call;
        throws( "$method: one with a number is the flags",
            $range, sub { $object->$method( @before, Flags->new(-1) ) } );
        throws(
            '... others are parameters',
            qr/unknown key 'bandwith'|not supported/,
            sub { $object->$method( @before, Params->new( bandwith => 1 ) ) }
        );
    }
};

subtest 'the functions below them' => sub {
    throws( '_migrate',        $unsupported, sub { $d->_migrate( $other, { bandwidth => 1 }, 1 ) } );
    throws( '_migrate_to_uri', $unsupported, sub { $d->_migrate_to_uri( 'test:///x', {}, 1 ) } );
    for my $bad ( undef, '0', [], 'x' ) {
        throws(
            'no hash',
            qr/\ASys::Virt::Domain::_migrate: newparams is not a HASH reference at/,
            sub { $d->_migrate( $other, $bad ) }
        );
        throws(
            '... to a URI',
            qr/\ASys::Virt::Domain::_migrate_to_uri: newparams is not a HASH reference at/,
            sub { $d->_migrate_to_uri( 'x', $bad ) }
        );
    }
    throws( 'B24: an unknown key', $invalid, sub { $d->_migrate( $other, { x => 1 } ) } );
};

subtest 'how fast' => sub {
    for my $what (qw(max_downtime max_speed compression_cache)) {
        my ( $get, $set ) = ( "migrate_get_$what", "migrate_set_$what" );
        throws( $get,                   $unsupported,        sub { my $value = $d->$get } );
        throws( "$set($_)",             $unsupported,        sub { $d->$set($_) } ) for 0,  1, $long;
        throws( "B23: $set($_)",        qr/is out of range/, sub { $d->$set($_) } ) for -1, 2**64;
        throws( "$set without a value", qr/\AUsage: Sys::Virt::Domain::$set\(dom, /, sub { $d->$set } );
    }
    throws( 'migrate_start_post_copy', $unsupported, sub { $d->migrate_start_post_copy } );
};

is( $d->is_active, 1, 'after all this the domain still runs' );

done_testing;
