# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The core of calls that do not block: time limits, canceling, order, fork, threads, the end. A server that accepts and never
# answers is the host that hangs.
use strict;
use warnings;

BEGIN {
    $_->unimport for grep { $INC{"$_.pm"} } qw(bigint bignum);
}    # whose fractions are 0 for XS

use Config;
use File::Temp ();
use FindBin    ();
use IO::Socket::UNIX;
use lib "$FindBin::Bin/../lib" =~ /(.*)/s;    # untainted, for -T
use Patience;
use Test::More;
use Time::HiRes qw(time);
use Sys::Virt;

# How many times slower this machine may be.
my $slow = Patience::factor();

local $SIG{ALRM} = sub { die "a call hangs\n" };
alarm 60;

package My::Future {
    my $alive = 0;
    sub new     { $alive++; return bless { told => 0 }, shift }
    sub alive   { return $alive }
    sub DESTROY { $alive--; return }

    sub _settle {
        my ( $self, @outcome ) = @_;
        $self->{told}++;
        @$self{qw(ok values at)} = ( shift @outcome, \@outcome, Time::HiRes::time() );
        return;
    }
}

sub submit {
    my ( $how, $object, $method, @args ) = @_;
    no warnings 'numeric';    # some arguments are wrong
    my $future = My::Future->new;
    $future->{id} = Sys::Virt::Async::_submit( $future, $how, $object->can($method), $object, @args );
    return $future;
}

sub turn {
    my ($seconds) = @_;
    vec( my $bits = q{}, Sys::Virt::Async::_fileno(), 1 ) = 1;
    select $bits, undef, undef, $seconds;
    return Sys::Virt::Async::_dispatch();
}

sub wait_for {
    my @futures = @_;
    my $until   = time + 20 * $slow;
    turn(1) while time < $until && grep { !$_->{told} } @futures;
    return !grep                        { $_->{told} != 1 } @futures;
}

# A server that accepts and never answers. A unix socket: a build may have no network at all.
my $folder = File::Temp->newdir;

sub silent_server {
    my ($name) = @_;
    return IO::Socket::UNIX->new( Listen => 50, Local => "$folder/$name" ) || die $!;
}
my $server = silent_server('one');
my $hung   = "test+unix:///default?socket=$folder/one";
my $c      = Sys::Virt->new( uri => 'test:///default' );
my $d      = $c->get_domain_by_name('test');

subtest 'time limits' => sub {
    my $start  = time;
    my $future = submit( { timeout => 0.3 }, 'Sys::Virt', 'new', uri => $hung );
    ok( wait_for($future), 'settled' );
    isa_ok( $future->{values}[0], 'Sys::Virt::Error' );
    is( $future->{values}[0]->code, Sys::Virt::Error::ERR_OPERATION_TIMEOUT(), '... with its code' );
    like( $future->{values}[0]->message, qr/Sys::Virt::new.*may still be carried out/, '... and in words' );
    cmp_ok( $future->{at} - $start, '>=', 0.3,       'not too early' );
    cmp_ok( $future->{at} - $start, '<',  2 * $slow, 'nor too late' );
    my $quick = submit( { timeout => 20 * $slow }, $c, 'get_uri' );
    ok( wait_for($quick), 'a call that is in time' );
    is_deeply( [ @$quick{qw(ok values)} ], [ 1, ['test:///default'] ], '... succeeds' );

    for my $bad ( 0, -1, 'NaN', 'x' ) {
        no warnings 'numeric';
        ok( !eval { submit( { timeout => $bad }, $c, 'get_uri' ); 1 }, "a limit of $bad" );
        like(
            $@,
            qr/\Atimeout is not a number of seconds above 0 at \Q$0\E line /,
            '... is refused with the line of the script'
        );
    }
};

subtest 'the window, canceling, order' => sub {
    is_deeply( [ Sys::Virt::Async::_limits( $c, undef, undef ) ], [ 4, 32 ], 'as libvirtd has it' );
    is_deeply( [ Sys::Virt::Async::_limits( $c, 1,     2 ) ],     [ 1, 2 ],  'changed' );
    is_deeply( [ Sys::Virt::Async::_limits( $c, undef, undef ) ], [ 1, 2 ],  '... for good' );
    for my $bad ( 0, -1, 'x', 1e9 ) {
        no warnings 'numeric';
        ok( !eval { Sys::Virt::Async::_limits( $c, $bad, undef ); 1 }, "a limit of $bad is refused" );
    }
    my $new = Sys::Virt->new( uri => 'test:///default' );
    is_deeply(
        [ Sys::Virt::Async::_limits( $new, undef, undef ) ],
        [ 4, 32 ],
        '... of that connection alone'
    );

    # 32 at once that hang, and one more, which has not begun.
    my @hanging = map { submit( { timeout => $slow }, 'Sys::Virt', 'new', uri => $hung ) } 1 .. 32;
    my $late    = submit( {},                 'Sys::Virt', 'new', uri => 'test:///default' );
    my $limited = submit( { timeout => 0.1 }, 'Sys::Virt', 'new', uri => 'test:///default' );
    Time::HiRes::sleep(0.3);
    my ( $waiting, $running ) = Sys::Virt::Async::_pending();
    cmp_ok( $running, '>=', 32, "$running run" );
    ok( wait_for($limited), 'a call that waits has its time limit, too' );
    like( $limited->{values}[0]->message, qr/it had not started/, '... in words' );
    ok( wait_for( submit( {}, $c, 'get_uri' ) ),       'calls on another connection are made in parallel' );
    ok( !Sys::Virt::Async::_cancel( $hanging[0]{id} ), 'a running call cannot be canceled' );
    ok( Sys::Virt::Async::_cancel( $late->{id} ),      'what waits can' );
    ok( !Sys::Virt::Async::_cancel( $late->{id} ),     '... once' );
    ok( !Sys::Virt::Async::_cancel(17),                'nor an unknown id' );
    ok( wait_for(@hanging),                            'all are settled, once' );
    turn(0.1);
    is( $late->{told}, 0, 'a canceled call is not reported' );

    my @states;
    for ( 1 .. 30 ) {
        my @futures = map { submit( { ordered => 1 }, $d, $_ ) } qw(suspend get_state resume get_state);
        ok( wait_for(@futures), 'in order' );
        push @states, map { $_->{values}[0] } @futures[ 1, 3 ];
    }
    is_deeply( \@states, [ ( 3, 1 ) x 30 ], 'each call saw what the one before it did' );
};

subtest 'the connections that hang end' => sub {
    $server->close;
    $server = silent_server('two');
    $hung   = "test+unix:///default?socket=$folder/two";
    my $until = time + 20;
    turn(0.1) while time < $until && ( Sys::Virt::Async::_pending() )[1];
    is( ( Sys::Virt::Async::_pending() )[1], 0, 'then their threads are free' );
    ok( wait_for( submit( {}, 'Sys::Virt', 'new', uri => 'test:///default' ) ), '... for others' );
};

subtest 'what is refused' => sub {
    my %bad = (
        'a code reference' => [ $c,             'domain_event_register_any', undef, 0, sub { } ],
        'its argument'     => [ $c->new_stream, 'recv', my $data, 10 ],
        'written in Perl'  => [ $c,             'close' ],
    );
    for my $what ( sort keys %bad ) {
        my ( $object, $method, @args ) = @{ $bad{$what} };
        ok( !eval { submit( {}, $object, $method, @args ); 1 }, "$method" );
        like( $@, qr/cannot run in the background, because it .*\Q$what\E at \Q$0\E line/, '... in words' );
    }
    ok(
        !eval {
            submit( {}, 'Sys::Virt', 'new', uri => $hung, auth => 1, credlist => [2], callback => sub { } );
            1;
        },
        'new with a callback'
    );
    like( $@, qr/\ASys::Virt::new cannot run in the background with a code reference among its arguments/,
        '... in words' );
    for my $args ( [ $d, 'x' x 3, 1 ], [ $d, 1e30 ], [] ) {
        no warnings 'numeric';
        my $here  = eval { Sys::Virt::Domain->can('shutdown')->(@$args); 1 } ? undef : $@;
        my $there = eval {
            Sys::Virt::Async::_submit( My::Future->new, {}, Sys::Virt::Domain->can('shutdown'), @$args );
            1;
        } ? undef : $@;
        is( $there =~ s/ line \d+//r, $here =~ s/ line \d+//r, "bad arguments are thrown at once, as ever" );
    }
};

subtest 'fork with calls in flight' => sub {
    my $failed = 0;

# A driver of its own: threads of the parent may have held locks of test:///default, which all connections share.
    my $file = File::Temp->new;
    print {$file}
        q{<node><domain type='test'><name>test</name><memory>1024</memory><os><type>hvm</type></os></domain></node>};
    close $file or die $!;
    my $private = "test://$file";
    for my $round ( 1 .. 20 ) {
        my @futures = map { submit( {}, $d, 'get_info' ) } 1 .. 20;
        my $hanging =
            $round == 1 ? submit( { timeout => 3 * $slow }, 'Sys::Virt', 'new', uri => $hung ) : undef;
        my $pid = fork // die $!;
        if ( !$pid ) {
            alarm 10;
            my $ok = wait_for( @futures, $hanging // () );
            $ok &&= !grep { $_->{ok} || $_->{values}[0]->message !~ /before a fork/ } @futures;
            my $own  = Sys::Virt->new( uri => $private );
            my $info = submit( {}, $own->get_domain_by_name('test'), 'get_info' );
            $ok &&= wait_for($info) && $info->{ok};
            require POSIX;
            POSIX::_exit( $ok ? 0 : 1 );
        }
        $failed++ if !wait_for(@futures) || grep { !$_->{ok} } @futures;
        waitpid $pid, 0;
        $failed++ if $?;
    }
    is( $failed, 0, 'the parent continues; in the child the calls fail, and new calls work' );
};

subtest 'ithreads' => sub {
    plan skip_all => 'a perl without threads' if !$Config{useithreads};
    require threads;
    my @threads = map {
        threads->create(
            sub {
                my $own     = Sys::Virt->new( uri => 'test:///default' );
                my $domain  = $own->get_domain_by_name('test');
                my @futures = map { submit( {}, $domain, 'get_info' ) } 1 .. 50;
                return wait_for(@futures) && !grep { !$_->{ok} } @futures;
            }
        );
    } 1 .. 3;
    my @mine = map { submit( {}, $d, 'get_info' ) } 1 .. 50;
    ok( wait_for(@mine), 'this thread has its results' );
    ok( $_->join,        '... and each other has its own' ) for @threads;
    my $left = threads->create( sub { submit( {}, $d, 'get_info' ) for 1 .. 20; return 7 } );
    is( $left->join, 7, 'a thread that ends with calls in flight' );
};

subtest 'the end' => sub {
    my $exit = sub {
        my ($code) = @_;
        my $start  = time;
        my $pid    = fork // die $!;
        if ( !$pid ) { $code->(); exit 7 }
        waitpid $pid, 0;
        is( $?, 7 << 8, 'exit has its status' );
        cmp_ok( time - $start, '<', 3 * $slow, '... and does not wait' );
    };
    $exit->( sub { submit( {}, 'Sys::Virt', 'new', uri => $hung ) for 1 .. 5; turn(0.2) } );
    $exit->(
        sub {
            my $own = Sys::Virt->new( uri => 'test:///default' );
            submit( {}, $own, 'get_uri' ) for 1 .. 500;
        }
    );
    $exit->(
        sub {
            our $kept = submit( {}, 'Sys::Virt', 'new', uri => $hung );
            eval { die "x\n" }
        }
    );
};

# A call holds its object's handle; the script may close it, or drop it, at any time.
subtest 'handles that go while their calls wait or run' => sub {

    package My::Domain {
        our @ISA  = ('Sys::Virt::Domain');
        our $gone = 0;
        sub DESTROY { $gone++; return $_[0]->SUPER::DESTROY }
    }
    my $domain  = sub { return bless $c->get_domain_by_name('test'), 'My::Domain' };
    my $kept    = $domain->();
    my @futures = map { submit( {}, $kept, 'get_name' ) } 1 .. 700;
    undef $kept;
    is( $My::Domain::gone, 0, 'dropped: the calls have it' );
    ok( wait_for(@futures), 'they end' );
    is( scalar( grep { $_->{values}[0] eq 'test' } @futures ), 700, '... well' );
    is( $My::Domain::gone,                                     1,   '... and then it is destroyed, once' );

    my $closed = $domain->();
    @futures = map { submit( {}, $closed, 'get_name' ) } 1 .. 700;
    $closed->Sys::Virt::Domain::DESTROY;
    is( $$closed, 0, 'destroyed explicitly: closed for the script at once' );
    ok( !eval { submit( {}, $closed, 'get_name' ); 1 } || wait_for( submit( {}, $closed, 'get_name' ) ),
        '... no call begins with it' );
    ok( wait_for(@futures), 'those that had begun end' );
    is( scalar( grep { $_->{values}[0] eq 'test' } @futures ), 700, '... well' );

    # The last handle of a connection: it is closed when the calls are over.
    my $own = Sys::Virt->new( uri => 'test:///default' );
    @futures = map { submit( {}, $own, 'get_uri' ) } 1 .. 20;
    undef $own;
    ok( wait_for(@futures), 'the handle of a connection' );
    is( scalar( grep { $_->{values}[0] eq 'test:///default' } @futures ), 20, '... all of them' );

    # A call that is reported while it runs has its own reference from then on.
    my $late = submit( { timeout => 0.000001 }, $domain->(), 'get_name' );
    ok( wait_for($late), 'a time limit' );

    # A parent's calls fail in the child, which leaves the parent's objects alone.
    my $forked = $domain->();
    my $future = submit( {}, $forked, 'get_name' );
    my $pid    = fork // die $!;
    if ( !$pid ) {
        undef $forked;
        require POSIX;
        POSIX::_exit( wait_for($future) ? 0 : 1 );
    }
    waitpid $pid, 0;
    is( $?, 0, 'a child' );
    ok( wait_for($future), 'and its parent' );
    is( $future->{values}[0], 'test', '... whose call ends well' );
};

turn(0.1);
my $alive = My::Future::alive();
cmp_ok( $alive, '<=', 1, 'no future is left but the one that hangs' );

done_testing;
