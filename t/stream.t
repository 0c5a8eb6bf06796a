# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Config qw(%Config);
use FindBin;
use lib "$FindBin::Bin/lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Patience;
use Picture;
use Throws;
use Sys::Virt;

local $SIG{ALRM} = sub { die "a stream hangs\n" };
alarm 60;

my $c = Sys::Virt->new( uri => 'test:///default' );
my $d = $c->get_domain_by_name('test');

isa_ok( $c->new_stream,                                  'Sys::Virt::Stream' );
isa_ok( $c->new_stream( Sys::Virt::Stream::NONBLOCK() ), 'Sys::Virt::Stream' );
isa_ok( Sys::Virt::Stream->_new( connection => $c ),     'Sys::Virt::Stream' );
throws(
    '_new without a connection',
    qr/\Aconnection parameter is required at /,
    sub { Sys::Virt::Stream->_new() }
);

my $expected = q{};
my $st       = $c->new_stream;
is( $d->screenshot( $st, 0 ), 'image/png', 'screenshot' );
$st->recv_all(
    sub {
        my ( $stream, $data, $nbytes ) = @_;
        is( $stream,      $st,     'the handler gets the stream itself' ) if !length $expected;
        is( length $data, $nbytes, 'and as many bytes as requested' )     if !length $expected;
        $expected .= $data;
        return $nbytes;
    }
);
is( $st->finish, undef, 'finish returns nothing' );
like( $expected, qr/\A\x89PNG/, 'recv_all delivers the file' );

subtest 'recv' => sub {
    my $stream = picture();
    my $got    = q{};
    my $buffer = "\x{263a}";
    is( $stream->recv( $buffer, 300 ), 300, 'as much as asked for' );
    is( length $buffer,                300, 'B19: the buffer holds bytes' );
    ok( !utf8::is_utf8($buffer), 'B19: and its UTF8 flag is off' );
    $got = $buffer;
    while ( my $n = $stream->recv( $buffer, 65_536 ) ) {
        $got .= $buffer;
        cmp_ok( $n, '==', length $buffer, 'length and result agree' );
    }
    is( $got, $expected, 'all of the file' );
    my $before = $buffer;
    is( $stream->recv( $buffer, 10 ), 0,       'the end is 0' );
    is( $buffer,                      $before, '... and leaves the buffer alone' );
    $stream->finish;

    {

        package Tied;
        sub TIESCALAR { return bless [], shift }
        sub FETCH     { return $_[0][0] }
        sub STORE     { my ( $self, $value ) = @_; $self->[0] = $value; return }
    }
    tie my $tied, 'Tied';
    $stream = picture();
    $stream->recv( $tied, 8 );
    is( $tied, substr( $expected, 0, 8 ), 'B19: a tied buffer is updated' );
    $stream->abort;

    # Freeing the previous content of the buffer may run code, which may receive as well.
    {

        package Receiver;
        sub new     { return bless { stream => $_[1] }, $_[0] }
        sub DESTROY { $_[0]{stream}->recv( my $other, 65_536 ); return }
    }
    my $other = picture();
    $other->recv( $buffer, 300 );
    my $held = Receiver->new($other);
    $stream = picture();
    is( $stream->recv( $held, 200 ), 200,                         'a buffer that holds an object' );
    is( $held,                       substr( $expected, 0, 200 ), '... gets its own data' );
    $_->abort for $stream, $other;

    $stream = picture();
    is( $stream->recv( $buffer, 3 << 20 ), length $expected, 'more than is kept between calls' );
    is( $buffer,                           $expected,        '... arrives' );
    $stream->abort;

    $stream = picture();
    throws( 'a negative size', qr/nbytes is out of range/, sub { $stream->recv( $buffer, -1 ) } );
    is( $stream->recv( $buffer, 0 ), 0, 'a size of 0' );
    $stream->abort;
    throws( 'a stream that is not in use', 3, sub { $c->new_stream->recv( my $literal, 5 ) } );
    throws( 'a constant as buffer', qr/read-only/,            sub { picture()->recv( 'read-only', 5 ) } );
    throws( 'a glob',               qr/recv: data is a glob/, sub { picture()->recv( *STDOUT,     5 ) } );
};

subtest 'handlers of recv_all' => sub {
    my $stream = picture();
    throws(
        'D5: one that dies',
        qr/\Aenough\n\z/,
        sub {
            $stream->recv_all( sub { die "enough\n" } );
        }
    );
    throws( '... and the stream is closed', qr/stream is not open/, sub { $stream->recv( my $rest, 10 ) } );

    my $pieces = q{};
    $stream = picture();
    $stream->recv_all(
        sub { my $take = $_[2] > 100 ? 100 : $_[2]; $pieces .= substr $_[1], 0, $take; return $take } );
    is( $pieces, $expected, 'a handler may take less than it is offered' );

    {
        no warnings 'uninitialized';
        throws(
            'D6: one that never returns a number',
            qr/the handler returned 0 for \d+ bytes \d+ times: /,
            sub {
                picture()->recv_all( sub { return } );
            }
        );
        my ( $all, $busy ) = ( q{}, 0 );
        picture()->recv_all( sub { return if $busy++ % 700; $all .= $_[1]; return $_[2] } );
        is( $all, $expected, 'D6: one that writes to a pipe which is full is asked again' );
        my $lengths = 0;
        picture()->recv_all( sub { $lengths += $_[2]; return 2**40 } );
        is( $lengths, length $expected, 'one that claims more has taken all' );
    }
    {
        my ( $all, @warnings ) = q{};
        local $SIG{__WARN__} = sub { push @warnings, @_ };
        picture()->recv_all( sub { $all .= $_[1]; return "$_[2] bytes" } );
        is( $all, $expected, 'a number is what perl makes of it' );
        like(
            $warnings[0],
            qr/\AArgument "\d+ bytes" isn't numeric in a callback \(the handler's result\) at \Q$0/,
            '... with its warning'
        );
    }
    throws(
        'one that returns a reference',
        qr/the handler's result is a reference, not a number/,
        sub {
            picture()->recv_all( sub { return [] } );
        }
    );
    throws(
        'one that returns -1',
        'SYSTEM_ERROR',
        sub {
            picture()->recv_all( sub { return -1 } );
        }
    );
    isa_ok( $@, 'Sys::Virt::Error', '... libvirt\'s own error' );
    for my $bad ( undef, 'no such sub', [], {}, '5' ) {
        my $said = q{};
        local $SIG{__WARN__} = sub { $said .= $_[0] };
        throws( 'no code', qr/\A(?!Sys::Virt).*(?:sub|CODE)/, sub { picture()->recv_all($bad) } );
        like(
            $said,
            qr/\ASys::Virt::Stream::recv_all: handler is not a CODE reference at/,
            '... is warned of'
        );
    }
    sub named { return $_[2] }
    is( picture()->recv_all('main::named'), undef, 'the name of a function is accepted' );

    my $died;
    my @stack = (
        1, 2,
        sub {
            eval {
                picture()->recv_all( sub { die "x\n" } );
            };
            $died = $@;
            return 3;
        }
            ->(),
        4
    );
    is_deeply( \@stack, [ 1, 2, 3, 4 ], 'A16: the stack is as it was' );

    for my $last ( 1, 2 ) {
        eval {
            picture()->recv_all( sub { no warnings 'exiting'; last } );
            1;
        };
        like( $@, qr/Can't "last" outside a loop block/, 'no handler leaves a loop outside of it' );
    }
};

subtest 'sending' => sub {
    my $stream = $c->new_stream;
    throws( 'to nowhere',           3,                               sub { $stream->send( 'abc',      3 ) } );
    throws( 'B21: wide characters', qr/data holds a wide character/, sub { $stream->send( "\x{263a}", 3 ) } );
    throws(
        'send_all to nowhere',
        'NO_SUPPORT',
        sub {
            $stream->send_all( sub { $_[1] = 'x'; return 1 } );
        }
    );
    throws( "$_ of an unused stream", 'NO_SUPPORT', sub { $stream->$_ } ) for qw(finish recv_hole);
    for my $end (qw(finish abort)) {
        my $ended = picture();
        $ended->$end;
        throws(
            "a hole after $end, at which libvirt crashes",
            Sys::Virt::Error::ERR_OPERATION_INVALID,
            sub { $ended->send_hole(1) }
        );
        my @handlers = ( sub { 0 }, sub { ( 0, 1 ) }, sub { 0 } );
        throws(
            '... by sparse_send_all too',
            Sys::Virt::Error::ERR_OPERATION_INVALID,
            sub { $ended->sparse_send_all(@handlers) }
        );
        $ended = picture();
        $handlers[1] = sub { $_[0]->$end; return ( 0, 1 ) };
        throws(
            "... if a handler calls $end",
            qr/\Athe stream ended before the hole was sent at \Q$0\E /,
            sub { $ended->sparse_send_all(@handlers) }
        );
    }
    my %makes = (
        new_stream => sub { $c->new_stream },
        _new_obj   => sub { Sys::Virt::Stream::_new_obj($c) },
        _new       => sub { Sys::Virt::Stream->_new( connection => $c ) },
    );
    for my $how ( sort keys %makes ) {
        my ( %ended, $again );
        for ( 1 .. 100 ) {
            my $old = picture();
            $old->abort;
            $ended{$$old} = 1;
            undef $old;
            my $fresh = $makes{$how}->();
            $again++ if $ended{$$fresh};
            next     if !eval { $fresh->send_hole(1); 1 } && $@ !~ /the stream has ended/;
            fail("a stream of $how, where an earlier one ended: $@");
            last;
        }
    SKIP: {
            skip 'valgrind does not give freed memory again', 1 if ( $ENV{LD_PRELOAD} // q{} ) =~ /vgpreload/;
            ok( $again, "a stream of $how does not inherit the end of one that had its address" );
        }
    }
SKIP: {
        skip 'a perl without threads', 2 if !$Config{useithreads};
        my $ended = picture();
        $ended->abort;
        require threads;
        ok(
            !threads->create(
                sub {
                    eval { $ended->send_hole(1); 1 }
                }
            )->join,
            'it has ended in a thread too'
        );
        eval { $ended->send_hole(1) };
        like( $@, qr/the stream has ended/, '... and still here, after the handle of the thread is freed' );
    }
    throws( 'a hole of no number', qr/length is a reference/, sub { $stream->send_hole( [] ) } );
    throws(
        'a callback on an unused stream',
        'NO_SUPPORT',
        sub {
            $stream->add_callback( 1, sub { } );
        }
    );
    throws( 'no callback to remove', 'NO_SUPPORT', sub { $stream->remove_callback } );
    throws( 'no callback to update', 'NO_SUPPORT', sub { $stream->update_callback(1) } );
};

done_testing;
