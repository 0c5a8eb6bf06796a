# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Sys::Virt::Future: what a script can do with the result of a call that does not block.
use strict;
use warnings;

use FindBin      ();
use Math::BigInt ();
use Scalar::Util ();
use Test::More;
use Sys::Virt;
use lib "$FindBin::Bin/../lib" =~ /(.*)/s;    # untainted, for -T
use Patience;
use Throws;

alarm 120;
my $conn = Sys::Virt->new( uri => 'test:///default' );
my $dom  = $conn->get_domain_by_name('test');

my @warnings;
local $SIG{__WARN__} = sub { push @warnings, @_ };

sub good { return $dom->async->get_name }
sub bad  { return $conn->async->get_domain_by_name('none') }

subtest 'states' => sub {
    my $f = good();
    isa_ok( $f, 'Sys::Virt::Future' );
    ok( !$f->is_ready, 'not ready before anything is dispatched' );
    throws '... so there is no result yet', qr/not ready yet at \Q$0\E line/, sub { $f->result };
    is( $f->await, $f, 'await returns the future' );
    is_deeply(
        [ map { !!$f->$_ } qw(is_ready is_done is_failed is_cancelled) ],
        [ !!1, !!1, !!0, !!0 ],
        '... which is done'
    );
    is( $f->result,                                                     'test', 'the result' );
    is( $dom->async( timeout => Math::BigInt->new(50) )->get_name->get, 'test', 'an object as a time limit' );
    throws 'one that is no number', qr/timeout must be a number of seconds/,
        sub { $dom->async( timeout => [] ) };
    is( $f->get,     'test', '... again and again' );
    is( $f->failure, undef,  'no failure' );
    $f = bad();
    isa_ok( $f->failure, 'Sys::Virt::Error', 'failure waits; it' );
    is_deeply(
        [ map { !!$f->$_ } qw(is_ready is_done is_failed is_cancelled) ],
        [ !!1, !!0, !!1, !!0 ],
        'a future that failed'
    );
    throws 'get throws the exception of the blocking call', 'NO_DOMAIN', sub { $f->get };
};

subtest 'values' => sub {
    my @ids    = $conn->async->list_domain_ids(9)->get;
    my $info   = $dom->async->get_info->get;
    my @blocks = $dom->async->get_vcpu_info->get;
    is_deeply( \@ids,          [ $conn->list_domain_ids(9) ], 'a list' );
    is_deeply( $info->{state}, 1,                             'a hash' );
    is( scalar @blocks,                            2,     'a list of hashes' );
    is( scalar( $dom->async->get_vcpu_info->get ), undef, 'none' ) if !@blocks;
    is( ref scalar( $conn->async->list_all_domains->get ),
        'Sys::Virt::Domain', 'get in scalar context: the first' );
    is( $dom->async->suspend->get, undef, 'a method that returns nothing' );
    is_deeply( [ $dom->async->resume->get ], [], '... nothing in list context' );
};

subtest 'then' => sub {
    is( good()->then( sub { "<$_[0]>" } )->get, '<test>', 'a value' );
    is_deeply( [ good()->then( sub { ( @_, 2, 3 ) } )->get ], [ 'test', 2, 3 ], 'a list' );
    is( good()->then( sub { $dom->async->get_uuid_string } )->get,
        $dom->get_uuid_string, 'a future is waited for' );
    is( good()->then( sub { bad() } )->failure->code, 42,     '... and its failure is that of the chain' );
    is( good()->then( sub { die "oh\n" } )->failure,  "oh\n", 'an exception is a failure' );
    my $called = 0;
    is( bad()->then( sub { $called++ } )->failure->code, 42, 'a failure passes by' );
    is( $called,                                         0,  '... without calling' );
    is( bad()->then( undef, sub { 'saved by ' . $_[0]->code } )->get,
        'saved by 42', 'the second argument gets it' );
    is( bad()->catch( sub { $_[0]->code } )->get,         42,     'so does catch' );
    is( good()->catch( sub { 'no' } )->get,               'test', '... which lets results pass' );
    is( bad()->catch( sub { die $_[0] } )->failure->code, 42,     '... and may throw again' );
    my @order;
    is( good()->finally( sub { push @order, scalar @_ } )->get,    'test', 'finally' );
    is( bad()->finally( sub { push @order, 'f' } )->failure->code, 42,     '... in any case' );
    is_deeply( \@order, [ 0, 'f' ], '... was called, without arguments' );
    is( good()->finally( sub { die "at last\n" } )->failure, "at last\n", '... and may fail' );
    is(
        good()->finally(
            sub {
                good()->then( sub { push @order, 'waited' } );
            }
        )->get,
        'test',
        '... and is waited for'
    );
    is( $order[-1], 'waited', '... before it continues' );
    for my $method (qw(then catch finally on_ready on_done on_fail)) {
        throws "$method without a sub", qr/\A$method needs a CODE reference at \Q$0\E line/,
            sub { good()->$method('x') };
    }
};

subtest 'callbacks' => sub {
    my @seen;
    my $f = good();
    is( $f->on_ready( sub { push @seen, $_[0]->get } ), $f, 'on_ready returns the future' );
    $f->on_done( sub { push @seen, "done @_" } )->on_fail( sub { push @seen, 'fail' } );
    $f->await;
    is_deeply( \@seen, [ 'test', 'done test' ], '... and calls in order' );
    $f->on_done( sub { push @seen, 'late' } );
    is( $seen[-1], 'late', 'at once if the future is ready' );
    @seen = ();
    bad()->on_fail( sub { push @seen, $_[0]->code } )->on_done( sub { push @seen, 'no' } )->await;
    is_deeply( \@seen, [42], 'on_fail' );

    # A callback that dies does not keep the others, or other futures, from theirs.
    @seen = ();
    my @futures = map { good() } 1 .. 3;
    $futures[0]->on_ready( sub { die "in a callback\n" } )->on_ready( sub { push @seen, 0 } );
    $_->on_ready( sub { push @seen, 1 } ) for @futures;
    throws 'an exception leaves what was dispatching', qr/\Ain a callback\n\z/, sub { $futures[0]->await };
    ok( $futures[0]->is_done, '... the future itself is done' );
    $_->await for @futures;
    is_deeply( [ sort @seen ], [ 0, 1, 1, 1 ], '... and all others were called' );    # in whatever order
    is( "@warnings", q{}, 'nothing is warned of' );
};

subtest 'cancel' => sub {
    my $f = good();
    is( $f->cancel, $f, 'cancel' );
    ok( $f->is_ready && $f->is_cancelled && !$f->is_done, '... settles' );
    throws '... with its code', 'OPERATION_ABORTED', sub { $f->get };
    like( $@->message, qr/\Aget_name was canceled/, '... and the method' );
    $f = good()->await;
    $f->cancel;
    ok( $f->is_done, 'a call that has ended is not canceled' );
    my $source = good();
    my $called = 0;
    my $chain  = $source->then( sub { $called++ } );
    $chain->cancel;
    ok( $source->is_cancelled, 'to cancel the end of a chain cancels the call' );
    $_->await for good(), good();
    is( $called, 0, '... and calls nothing' );
    undef $chain;
    is( "@warnings", q{}, '... nor warns' );
    my $inner;
    $chain = good()->then( sub { $inner = $dom->async->get_info } );
    good()->await while !$inner;
    $chain->cancel;
    ok( $inner->is_cancelled || $inner->is_done, 'or the call that it waits for now' );
};

subtest 'several' => sub {
    my @all = Sys::Virt::Future->wait_all( good(), bad() )->get;
    is_deeply( [ map { $_->is_done || 0 } @all ], [ 1, 0 ], 'wait_all: the futures' );
    is_deeply( [ Sys::Virt::Future->needs_all( good(), good() )->get ],
        [qw(test test)], 'needs_all: the results' );
    is( Sys::Virt::Future->needs_all( good(), bad() )->failure->code, 42, '... or the failure' );
    is_deeply( [ Sys::Virt::Future->wait_all->get ], [], 'none' );
    throws 'something else', qr/not a Sys::Virt::Future/, sub { Sys::Virt::Future->wait_all(1) };
    my @some = ( good(), good() );
    Sys::Virt::Future->needs_all(@some)->cancel;
    is( scalar( grep { $_->is_cancelled } @some ), 2, 'to cancel it cancels all' );
    $_->is_failed for @all;
};

subtest 'an error that nothing handles' => sub {
    @warnings = ();
    my $line = __LINE__ + 1;
    { my $f = bad(); $f->await; }
    like( "@warnings",
        qr/\Aget_domain_by_name failed, and nothing handled the error: Domain not found at \Q$0\E line \d+/,
        'it warns' );
    @warnings = ();
    {
        my $f = bad()->then( sub { 1 } );
        $f->await;
    }
    is( scalar @warnings, 1, 'one warning for the end of a chain' );
    @warnings = ();
    bad()->catch( sub { } )->await;
    bad()->failure;
    { my $f = bad()->await; $f->is_failed }
    bad()->on_ready( sub { } )->await;
    throws 'handled by get', 'NO_DOMAIN', sub { bad()->get };
    bad();
    good()->await for 1 .. 3;
    is( scalar( grep { /nothing handled/ } @warnings ),
        1, 'no warning if the error is handled; a warning if the future is dropped immediately' );
    @warnings = ();
};

subtest 'long chains' => sub {
    my $f = good();
    $f = $f->then( sub { $_[0] } ) for 1 .. 10_000;
    is( $f->get, 'test', '10,000 links, pending' );
    $f = Sys::Virt::Future->AWAIT_NEW_DONE(0);
    $f = $f->then( sub { $_[0] + 1 } ) for 1 .. 10_000;
    is( $f->get, 10_000, '10,000 links, ready' );
    my $steps = 3000;
    my $loop;
    $loop = sub { return --$steps ? good()->then($loop) : 'end' };
    is( good()->then($loop)->get, 'end', 'a loop of calls' );
    undef $loop;
    {
        my $g = Sys::Virt::Future->new;
        my $h = $g;
        $h = $h->then( sub { } ) for 1 .. 20_000;
    }
    pass('20,000 links, dropped');
    is( "@warnings", q{}, 'without warnings' );
};

subtest 'nothing is left' => sub {
    my @weak;
    for my $make (
        sub { good() },
        sub {
            good()->then( sub { good() } );
        },
        sub {
            good()->catch( sub { } )->finally( sub { } );
        },
        sub {
            bad()->catch( sub { 1 } );
        },
        sub { Sys::Virt::Future->wait_all( good(), good() ) },
        sub { Sys::Virt::Async->all( [ $dom, $dom ], 'get_name' ) },
    ) {
        my $f = $make->();
        $f->await;
        Scalar::Util::weaken( $weak[@weak] = $f );
        undef $f;
        $f = $make->();
        $f->cancel;
        Scalar::Util::weaken( $weak[@weak] = $f );
    }
    good()->await for 1 .. 3;
    is( scalar( grep { defined } @weak ), 0, 'no future is left when it is dropped' );
};

subtest 'a future that nothing settles' => sub {
    throws 'get does not wait forever', qr/needs an event loop/, sub { Sys::Virt::Future->new->get };
};

subtest 'signals' => sub {
    my $handled = 0;
    local $SIG{USR1} = sub { $handled++ };
    my $f    = Sys::Virt::Future->new;
    my $hold = $dom->async->get_name;
    kill USR1 => $$;
    $hold->get;
    is( $handled, 1, 'a handler runs' );
};

done_testing;
