# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Streams over a daemon: consoles, channels, screenshots, volumes up and down, with holes, large, and broken off.
use strict;
use warnings;

use Digest::SHA  ();
use Scalar::Util ();
use Test::More;
use lib qw(t/lib xt/lib);
use Stack;
use Throws;

my $conn = Stack::connect('a');

sub sha { my ($name) = @_; return Digest::SHA->new(256)->addfile( $name, 'b' )->hexdigest }

my $pool_dir = Stack::file('pool');
mkdir $pool_dir or die $!;
my $pool = $conn->create_storage_pool(
    "<pool type='dir'><name>stream-pool</name><target><path>$pool_dir</path></target></pool>");

sub volume {
    my ( $name, $size ) = @_;
    return $pool->create_volume(
              "<volume><name>$name</name><capacity>$size</capacity><allocation>0</allocation>"
            . "<target><format type='raw'/></target></volume>" );
}

# A file of that many MiB; holes: every second MiB is not there.
sub data {
    my ( $name, $size, $holes ) = @_;
    open my $random, '<:raw', '/dev/urandom'     or die $!;
    open my $out,    '>:raw', Stack::file($name) or die $!;
    read $random, my $mib, 2**20;
    for my $n ( 0 .. $size - 1 ) {
        if ( $holes && $n % 2 ) { sysseek $out, 2**20, 1 or die $! }
        else {
            substr $mib, 0, 8, pack 'Q', $n;
            syswrite $out, $mib;
        }
    }
    truncate $out, $size * 2**20 or die $!;
    close $out or die $!;
    return Stack::file($name);
}

subtest 'up and down, 200 MiB' => sub {
    my $source = data( 'large', 200 );
    my $volume = volume( 'large', 200 * 2**20 );
    my $stream = $conn->new_stream;
    $volume->upload( $stream, 0, 0 );
    open my $in, '<:raw', $source or die $!;
    my $calls = 0;
    $stream->send_all( sub { $calls++; return sysread $in, $_[1], $_[2] } );
    $stream->finish;
    cmp_ok( $calls, '>', 200, 'the handler was called many times' );
    is( sha( $volume->get_path ), sha($source), 'all arrived' );
    $stream = $conn->new_stream;
    $volume->download( $stream, 0, 0 );
    my $digest = Digest::SHA->new(256);
    my $total  = 0;
    $stream->recv_all( sub { $digest->add( $_[1] ); $total += $_[2]; return $_[2] } );
    $stream->finish;
    is( $total,             200 * 2**20,  'all came back' );
    is( $digest->hexdigest, sha($source), '... unchanged' );
};

subtest 'in pieces, at an offset' => sub {
    my $volume = volume( 'pieces', 2**20 );
    my $stream = $conn->new_stream;
    $volume->upload( $stream, 4096, 300_000 );
    my $text = join q{}, map { sprintf '%09d|', $_ } 1 .. 30_000;
    my $sent = 0;
    while ( $sent < length $text ) {
        my $done = $stream->send( substr( $text, $sent ), 100_000 );
        cmp_ok( $done, '>', 0, "sent $done" ) or last;
        $sent += $done;
    }
    $stream->finish;
    $stream = $conn->new_stream;
    $volume->download( $stream, 4096, 300_000 );
    my ( $got, $buffer, $n ) = (q{});
    $got .= $buffer while ( $n = $stream->recv( $buffer, 70_000 ) ) > 0;
    is( $n,   0,     'the end' );
    is( $got, $text, 'the same' );
    $stream->finish;
    throws( 'finished', qr/./, sub { $stream->recv( $buffer, 1 ) } );
    $stream = $conn->new_stream;
    $volume->upload( $stream, 0, 10 );
    throws( 'too much', qr/./, sub { $stream->send( 'x' x 100, 100 ); $stream->finish } );
    eval { $stream->abort };
};

subtest 'with holes' => sub {
    my $source = data( 'sparse', 64, 1 );
    my $volume = volume( 'sparse', 64 * 2**20 );
    my $stream = $conn->new_stream;
    $volume->upload( $stream, 0, 0, Sys::Virt::StorageVol::VOL_UPLOAD_SPARSE_STREAM );
    open my $in, '<:raw', $source or die $!;
    my ( $position, $skipped ) = ( 0, 0 );

    # The file's pattern is known, so the handler can say where data and holes are.
    my $hole = sub {
        return ( 0,                             0 ) if $position >= 64 * 2**20;
        return ( $position / 2**20 % 2 ? 0 : 1, 2**20 - $position % 2**20 );
    };
    my $send = sub {
        my $count = sysread $in, $_[1], $_[2];
        $position += $count;
        return $count;
    };
    my $skip = sub {
        my ( $st, $length ) = @_;
        $position += $length;
        $skipped  += $length;
        sysseek $in, $length, 1;
        return 0;
    };
    $stream->sparse_send_all( $send, $hole, $skip );
    $stream->finish;
    is( $skipped,                 32 * 2**20,   'half of it are holes' );
    is( sha( $volume->get_path ), sha($source), 'all arrived' );
    cmp_ok( ( stat $volume->get_path )[12] * 512, '<', 40 * 2**20, '... and holes stayed holes' );

    $stream = $conn->new_stream;
    $volume->download( $stream, 0, 0, Sys::Virt::StorageVol::VOL_DOWNLOAD_SPARSE_STREAM );
    my $copy = Stack::file('copy');
    open my $out, '>:raw', $copy or die $!;
    my ( $data, $holes ) = ( 0, 0 );
    $stream->sparse_recv_all(
        sub { $data += $_[2]; return syswrite $out, $_[1], $_[2] },
        sub { $holes += $_[1]; sysseek $out, $_[1], 1; truncate $out, sysseek $out, 0, 1; return 0 },
    );
    $stream->finish;
    close $out or die $!;
    is_deeply( [ $data, $holes ], [ 32 * 2**20, 32 * 2**20 ], 'half data, half holes' );
    is( sha($copy), sha($source), 'the same' );

    # By hand: recv says -3 at a hole, recv_hole its length.
    $stream = $conn->new_stream;
    $volume->download( $stream, 2**20 / 2, 2**20, Sys::Virt::StorageVol::VOL_DOWNLOAD_SPARSE_STREAM );
    my ( $count, $bytes, $buffer ) = ( 0, 0 );
    while ( ( $count = $stream->recv( $buffer, 2**18, Sys::Virt::Stream::RECV_STOP_AT_HOLE ) ) > 0 ) {
        $bytes += $count;
    }
    is( $count,                       -3,    'a hole' );
    is( $bytes,                       2**19, '... after the data' );
    is( $stream->recv_hole,           2**19, '... of that length' );
    is( $stream->recv( $buffer, 10 ), 0,     '... at the end' );
    $stream->finish;
    $stream = $conn->new_stream;
    my $other = volume( 'hand', 3 * 2**20 );
    $other->upload( $stream, 0, 0, Sys::Virt::StorageVol::VOL_UPLOAD_SPARSE_STREAM );
    $stream->send( 'begin', 5 );
    $stream->send_hole( 2 * 2**20 );
    $stream->send( 'end', 3 );
    $stream->finish;

    # The hole is made by ending the file there, so what was behind it is gone.
    ok( Stack::slurp( $other->get_path ) eq 'begin' . "\0" x 2**21 . 'end', 'a hole sent by hand' )
        or diag -s $other->get_path;
};

subtest 'broken off' => sub {
    my $volume = volume( 'broken', 50 * 2**20 );
    my $stream = $conn->new_stream;
    $volume->upload( $stream, 0, 0 );
    my $calls = 0;
    throws(
        'a handler that dies',
        qr/\Aenough at/,
        sub {
            $stream->send_all( sub { die 'enough' if $calls++ > 3; $_[1] = 'x' x $_[2]; $_[2] } );
        }
    );
    eval { $stream->abort };
    $stream = $conn->new_stream;
    $volume->upload( $stream, 0, 0 );
    throws(
        'one that fails',
        qr/handler failed/,
        sub {
            $stream->send_all( sub { -1 } );
        }
    );
    throws( 'the stream is at its end', qr/./, sub { $stream->send( 'x', 1 ); $stream->finish } );
    $stream = $conn->new_stream;
    $volume->download( $stream, 0, 0 );
    is( $stream->recv( my $buffer, 1000 ), 1000, 'some bytes' );
    Stack::lives( 'aborted with data under way', sub { $stream->abort } );
    throws( 'and over', qr/./, sub { $stream->recv( $buffer, 1 ) } );
    $volume->upload( my $lost = $conn->new_stream, 0, 0 );
    $lost->send( 'x' x 5000, 5000 );
    undef $lost;
    is( $pool->get_volume_by_name('broken')->get_name, 'broken', 'dropped: the connection still works' );
};

subtest 'a console' => sub {
    my $guest = Stack::boot(
        $conn,
        name    => 'main',
        agent   => 1,
        devices => "<video><model type='vga'/></video><graphics type='vnc'/>"
            . "<channel type='unix'><target type='virtio' name='test.channel'/></channel>"
    );
    my $stream = $conn->new_stream;
    $guest->open_console( $stream, undef, Sys::Virt::Domain::OPEN_CONSOLE_FORCE );
    my $type = "\necho sum=\$((40+2))\n";
    $stream->send( $type, length $type );
    my $got = q{};
    while ( $got !~ /sum=42/ && $stream->recv( my $buffer, 1024 ) > 0 ) { $got .= $buffer }
    like( $got, qr/sum=42/, 'a shell answers, waiting for it' );
    my $second = $conn->new_stream;
    throws(
        'a second reader',
        qr/Active console session/,
        sub { $guest->open_console( $second, undef, Sys::Virt::Domain::OPEN_CONSOLE_SAFE ) }
    );
    $stream->abort;

    $stream = $conn->new_stream(Sys::Virt::Stream::NONBLOCK);
    $guest->open_console( $stream, 'serial0', Sys::Virt::Domain::OPEN_CONSOLE_FORCE );
    my ( $buffer, $empty ) = ( q{}, 0 );
    ok( Stack::wait_for( 'nothing more', 10, sub { $stream->recv( $buffer, 1024 ) == -2 } ),
        'non-blocking: would block' );
    $got = q{};
    my ( $writable, @events ) = (0);
    $type = "echo product=\$((6*7))\n";
    $stream->add_callback(
        Sys::Virt::Stream::EVENT_WRITABLE | Sys::Virt::Stream::EVENT_READABLE,
        sub {
            my ( $st, $events ) = @_;
            push @events, $events;
            if ( $events & Sys::Virt::Stream::EVENT_WRITABLE ) {
                $writable++;
                my $sent = $st->send( $type, length $type );
                substr $type, 0, $sent, q{} if $sent > 0;
                $st->update_callback(Sys::Virt::Stream::EVENT_READABLE) if $type eq q{};
            }
            if ( $events & Sys::Virt::Stream::EVENT_READABLE ) {
                my $count = $st->recv( my $text, 4096 );
                $got .= $text if $count > 0;
            }
        }
    );
    ok( Stack::wait_for( 'the answer', 20, sub { $got =~ /product=42/ } ), 'callbacks write and read' )
        || diag $got;
    is( $writable, 1, '... writable once' );
    $stream->remove_callback;
    my $sub = sub { return $got };
    $stream->add_callback( Sys::Virt::Stream::EVENT_ERROR, $sub );
    Scalar::Util::weaken($sub);
    $stream->remove_callback;
    is( $sub, undef, 'C13: the sub goes with its registration' );
    throws( 'no callback any more', qr/./, sub { $stream->update_callback(1) } );
    $stream->abort;
    throws( 'no such device', qr/./, sub { $guest->open_console( $conn->new_stream, 'serial9' ) } );

    my $channel = $conn->new_stream;
    $guest->open_channel( $channel, 'test.channel' );
    my $find = 'd=$(grep -lx test.channel /sys/class/virtio-ports/*/name); d=${d%/name}';
    my $talk = 'exec 3<>/dev/${d##*/}; read -r line <&3; echo "you said: $line" >&3; sleep 2';
    Stack::in_guest( $guest, "$find; ($talk) >/dev/null 2>&1 &" );
    is( $channel->send( "hello\n", 6 ), 6, 'a channel takes bytes' );
    $got = q{};
    while ( $got !~ /\n/ && $channel->recv( my $reply, 1024 ) > 0 ) { $got .= $reply }
    is( $got, "you said: hello\n", '... to the guest and back' );
    $channel->abort;

    my $screen = $conn->new_stream;
    my $mime   = $guest->screenshot( $screen, 0 );
    is( $mime, 'image/png', 'a screenshot: its type' ) unless $mime eq 'image/x-portable-pixmap';
    my $picture = q{};
    $screen->recv_all( sub { $picture .= $_[1]; return $_[2] } );
    $screen->finish;
    like( $picture, qr/\A(?:\x89PNG|P6\s+\d+ \d+)/, '... and content' );
    cmp_ok( length $picture, '>', 500, '... of some size' );
    $guest->destroy;
};

subtest 'a console whose guest ends' => sub {
    my $guest  = Stack::boot( $conn, name => 'end' );
    my $stream = $conn->new_stream(Sys::Virt::Stream::NONBLOCK);
    $guest->open_console( $stream, undef );
    my $closed = 0;
    my $events =
        Sys::Virt::Stream::EVENT_READABLE | Sys::Virt::Stream::EVENT_HANGUP | Sys::Virt::Stream::EVENT_ERROR;
    $stream->add_callback(
        $events,
        sub {
            my ( $st, $event ) = @_;
            my $count = eval { $st->recv( my $text, 4096 ) } // -1;
            $closed = 1 if $event & ~Sys::Virt::Stream::EVENT_READABLE || $count == 0 || $count == -1;
            $st->remove_callback if $closed;
        }
    );
    $guest->destroy;
    ok( Stack::wait_for( 'the end', 20, sub { $closed } ), 'its callback is called' );
    eval { $stream->abort };
    is( $conn->is_alive, 1, 'the connection lives' );
};

$_->delete for $pool->list_all_volumes;
$pool->destroy;
done_testing;
