# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# ensure_domain and similar methods: objects get into each state from every other one, also if other programs change them.
use strict;
use warnings;

BEGIN {
    $_->unimport for grep { $INC{"$_.pm"} } qw(bigint bignum);
}    # whose fractions are 0 for XS

use FindBin ();
use Test::More;
use Sys::Virt;
use lib "$FindBin::Bin/lib" =~ /(.*)/s;    # untainted, for -T
use Patience;
use Throws;

alarm 60;
my $conn = Sys::Virt->new( uri => 'test:///default' );
my $xml =
    "<domain type='test'><name>web</name><memory>9999</memory><os><type>hvm</type></os><metadata><m:x xmlns:m='urn:m'>"
    . '<name>other</name></m:x></metadata></domain>';

# True if something was changed; and all is as it should be, which a second call finds.
sub twice {
    my ( $name, $want, $code ) = @_;
    is( $code->(), $want, $name );
    is( $code->(), 0,     '... and is not changed again' );
    return;
}

sub state_is {
    my ( $want, $name ) = @_;
    my $dom = eval { $conn->get_domain_by_name('web') };
    is( $dom ? lc $dom->name_of( 'STATE', ( $dom->get_state )[0] ) : 'absent', $want, "... $name" );
    return $dom;
}

subtest 'domains' => sub {
    throws 'one that is not there, without XML', 'NO_DOMAIN',
        sub { $conn->ensure_domain( 'web', 'running' ) };
    throws '... is not present either', 'NO_DOMAIN', sub { $conn->ensure_domain( 'web', 'present' ) };
    is( $conn->ensure_domain( 'web', 'stopped' ), 0, '... but does not run' );
    is( $conn->ensure_domain( 'web', 'running', xml => $xml, dry_run => 1 ),
        1, 'a dry run reports the change' );
    state_is( absent => 'and does nothing' );
    twice( 'present', 1, sub { $conn->ensure_domain( 'web', 'present', xml => $xml ) } );
    state_is( shutoff => 'it is defined' );
    twice( 'running from off', 1, sub { $conn->ensure_domain( 'web', 'running' ) } );
    my $dom = state_is( running => 'it runs' );
    is( $conn->ensure_domain( 'web', 'running', dry_run => 1 ),
        0, 'a dry run reports that nothing has to change' );
    $dom->suspend;
    twice( 'running from paused, by the object', 1, sub { $conn->ensure_domain( $dom, 'running' ) } );
    twice( 'stopped, by asking the guest',       1, sub { $conn->ensure_domain( $dom, 'stopped' ) } );
    is( ( $dom->get_state )[1], Sys::Virt::Domain::STATE_SHUTOFF_SHUTDOWN, '... it did so itself' );
    $dom->create;
    $dom->suspend;
    twice( 'stopped from paused', 1, sub { $conn->ensure_domain( $dom, 'stopped' ) } );
    $dom->create;
    twice( 'stopped by force', 1, sub { $conn->ensure_domain( $dom, 'stopped', force => 0 ) } );
    is( ( $dom->get_state )[1], Sys::Virt::Domain::STATE_SHUTOFF_DESTROYED, '... the plug was pulled' );
    $dom->create;
    $dom->managed_save;
    twice( 'absent from off, with a saved state', 1, sub { $conn->ensure_domain( 'web', 'absent' ) } );
    state_is( absent => 'it is gone' );
    is( $conn->ensure_domain( $dom, 'absent' ), 0, '... by the object, too' );
    is( $conn->ensure_domain( $dom, 'running', xml => $xml ), 1, 'running, from nothing' );
    $dom = state_is( running => 'it runs' );
    twice( 'absent from running', 1, sub { $conn->ensure_domain( 'web', 'absent' ) } );
    state_is( absent => 'it is gone' );
    $conn->create_domain($xml);
    twice( 'absent, of one that is transient', 1, sub { $conn->ensure_domain( 'web', 'absent' ) } );
    $conn->create_domain($xml);
    twice( 'stopped, of one that is transient', 1, sub { $conn->ensure_domain( 'web', 'stopped' ) } );
    state_is( absent => 'it is gone' );
    is( $conn->ensure_domain( 'web', 'stopped', xml => $xml ), 1, 'stopped, with XML: it is defined' );
    state_is( shutoff => 'it is' );
    $conn->ensure_domain( 'web', 'absent' );
};

subtest 'networks, pools, volumes' => sub {
    my %xml = (
        network      => "<network><name>lab</name><bridge name='virbr7'/></network>",
        storage_pool => "<pool type='dir'><name>lab</name><target><path>/lab</path></target></pool>",
    );
    for my $kind ( sort keys %xml ) {
        my ( $ensure, $find, $create ) = ( "ensure_$kind", "get_${kind}_by_name", "create_$kind" );
        my @with = ( xml => $xml{$kind}, $kind eq 'storage_pool' ? ( build => 1 ) : () );
        throws "$kind: not there", $kind eq 'network' ? 'NO_NETWORK' : 'NO_STORAGE_POOL',
            sub { $conn->$ensure( 'lab', 'running' ) };
        twice( 'running from nothing', 1, sub { $conn->$ensure( 'lab', 'running', @with ) } );
        is( $conn->$find('lab')->is_active, 1, '... it is active' );
        twice( 'stopped', 1, sub { $conn->$ensure( 'lab', 'stopped' ) } );
        is( $conn->$find('lab')->is_active, 0, '... it is not' );
        twice( 'running',             1, sub { $conn->$ensure( $conn->$find('lab'), 'running' ) } );
        twice( 'absent from running', 1, sub { $conn->$ensure( 'lab',               'absent' ) } );
        ok( !eval { $conn->$find('lab') }, '... it is gone' );
        twice( 'present', 1, sub { $conn->$ensure( 'lab', 'present', @with ) } );
        twice( 'absent from off', 1, sub { $conn->$ensure( 'lab', 'absent' ) } );
        $conn->$create( $xml{$kind} );
        twice( 'absent, of one that is transient', 1, sub { $conn->$ensure( 'lab', 'absent' ) } );
    }
    my $pool   = $conn->get_storage_pool_by_name('default-pool');
    my $volume = "<volume><name>disk</name><capacity unit='GiB'>1</capacity></volume>";
    throws 'a volume: not there', 'NO_STORAGE_VOL', sub { $pool->ensure_volume( 'disk', 'present' ) };
    twice( 'present', 1, sub { $pool->ensure_volume( 'disk', 'present', xml => $volume ) } );
    my $vol = $pool->get_volume_by_name('disk');
    is( $vol->get_info->{capacity}, 2**30, '... it is there' );
    twice( 'absent, by the object', 1, sub { $pool->ensure_volume( $vol,   'absent' ) } );
    twice( 'absent, by its name',   0, sub { $pool->ensure_volume( 'disk', 'absent' ) } );
};

subtest 'another program is active' => sub {
    my $dom = $conn->define_domain($xml);
    no warnings qw(once redefine);    ## no critic (ProhibitNoWarnings)
    my ( $start, $destroy, $undefine ) = map { Sys::Virt::Ensure->can($_) } qw(start_up destroy undefine);
    local *Sys::Virt::Ensure::start_up = sub { $dom->create; goto &$start };
    is( $conn->ensure_domain( 'web', 'running' ),
        0, 'another program was faster: running, and nothing changed' );
    local *Sys::Virt::Ensure::destroy = sub { $dom->destroy; goto &$destroy };
    is( $conn->ensure_domain( 'web', 'stopped', force => 0 ), 0, '... stopped' );
    local *Sys::Virt::Ensure::undefine = sub { $dom->undefine; goto &$undefine };
    is( $conn->ensure_domain( 'web', 'absent' ), 0, '... absent' );

    # Always just before: the number of attempts is bounded.
    $dom = $conn->define_domain($xml);
    my $times = 0;
    local *Sys::Virt::Ensure::start_up = sub {
        $times++;
        $conn->get_domain_by_name('web')->undefine;
        goto &$start;
    };
    throws 'two programs do not fight forever', qr/./,
        sub { $conn->ensure_domain( 'web', 'running', xml => $xml ) };
    cmp_ok( $times, '>', 5,  '... but tries again' );
    cmp_ok( $times, '<', 50, '... a number of times' );
    $conn->ensure_domain( 'web', 'absent' );
};

subtest 'failures' => sub {
    throws 'invalid XML', qr/Premature end|EndTag/,
        sub { $conn->ensure_domain( 'x', 'running', xml => '<domain>' ) };
    throws 'of another name', qr/ensure_domain: the XML is of 'web', not of 'x' at \Q$0\E/,
        sub { $conn->ensure_domain( 'x', 'running', xml => $xml ) };
    throws 'a state that there is not', qr/one of absent, present, running, stopped at \Q$0\E/,
        sub { $conn->ensure_network( 'default', 'on' ) };
    throws 'no state', qr/one of absent, present at \Q$0\E/,
        sub { $conn->get_storage_pool_by_name('default-pool')->ensure_volume('x') };
    throws 'an object of another class', qr/needs a name, or an object of Sys::Virt::Network at \Q$0\E/,
        sub { $conn->ensure_network( $conn->get_domain_by_name('test'), 'running' ) };
    throws 'an option that there is not', qr/ensure_network has no option 'force' at \Q$0\E/,
        sub { $conn->ensure_network( 'default', 'stopped', force => 0 ) };
    throws 'force that is not a number', qr/force must be a number of seconds at \Q$0\E/,
        sub { $conn->ensure_domain( 'test', 'stopped', force => 'yes' ) };
    throws 'a closed connection', 'INVALID_CONN', sub {
        my $other = Sys::Virt->new( uri => 'test:///default' );
        $other->close;
        $other->ensure_domain( 'test', 'running' );
    };
};

subtest 'in the background' => sub {
    my $future = $conn->async->ensure_domain( 'web', 'running', xml => $xml );
    isa_ok( $future, 'Sys::Virt::Future' );
    ok( !$future->is_ready, 'it has begun' );
    is( $future->get, 1, '... and ends' );
    state_is( running => 'it runs' );
    no warnings qw(once redefine);                                  ## no critic (ProhibitNoWarnings)
    local *Sys::Virt::Ensure::stop = \&Sys::Virt::Ensure::pause;    # a guest that does not listen
    throws 'a time limit', 'OPERATION_TIMEOUT',
        sub { $conn->async( timeout => 0.3 )->ensure_domain( 'web', 'stopped' )->get };
    like( $@->message, qr/\Adomain 'web' stopped: not within 0[.]3 s\z/, '... says what took so long' );
    throws '... as an argument', 'OPERATION_TIMEOUT',
        sub { $conn->ensure_domain( 'web', 'stopped', timeout => 0.2 ) };
    $future = $conn->async->ensure_domain( 'web', 'stopped' );
    $future->cancel;
    throws 'canceled', 'OPERATION_ABORTED', sub { $future->get };
    local $SIG{ALRM} = sub { die "enough\n" };
    alarm 1;
    throws 'a signal ends the blocking form', qr/\Aenough/, sub { $conn->ensure_domain( 'web', 'stopped' ) };
    alarm 60;
    is( Sys::Virt::Async->pending,             0,     '... nothing continues' );
    is( Sys::Virt::Async::Loops::next_timer(), undef, '... no timer is left' );
};

done_testing;
