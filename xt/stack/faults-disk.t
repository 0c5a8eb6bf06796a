# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Full disks: the daemon's, which are small tmpfs that only it sees, and the script's own.
use strict;
use warnings;

use Test::More;
use lib 'xt/lib';
use Stack;
use Faults;
use Sys::Virt::Event;

my $small = Stack::file('small');    # 8 MiB
my $full  = Stack::file('full');     # no room for another name

Faults::prepare(
    sub {
        mkdir $_ or die "$_: $!\n" for $small, $full;
        Stack::control( 'run', 'mount', '-t', 'tmpfs', '-o', 'size=8m',             'tmpfs', $small );
        Stack::control( 'run', 'mount', '-t', 'tmpfs', '-o', 'size=8m,nr_inodes=1', 'tmpfs', $full );
        my $conn = Stack::connect('a');
        $conn->create_storage_pool(
            "<pool type='dir'><name>faults-disk-pool</name><target><path>$small</path></target></pool>");
        Stack::boot( $conn, name => 'main' );
    }
);

sub pool { my ($conn) = @_; return $conn->get_storage_pool_by_name('faults-disk-pool') }

sub volume {
    my ( $pool, $name, $allocation ) = @_;
    return $pool->create_volume(
        "<volume><name>$name</name><capacity unit='MiB'>64</capacity><allocation unit='MiB'>$allocation</allocation>"
            . "<target><format type='raw'/></target></volume>" );
}

Faults::case(
    'save', 60,
    sub {
        my $conn  = Stack::connect('a');
        my $guest = $conn->get_domain_by_name('faults-disk-main');
        Faults::dies( 'save', 30, sub { $guest->save("$small/saved") }, 'OPERATION_FAILED' );
        is( ( $guest->get_state )[0], Sys::Virt::Domain::STATE_RUNNING, 'the guest runs on' );
        Faults::dies( 'core_dump', 30, sub { $guest->core_dump("$small/core") }, 'OPERATION_FAILED' );
        is( ( $guest->get_state )[0],              Sys::Virt::Domain::STATE_RUNNING, 'the guest runs on' );
        is( Stack::control( 'run', 'ls', $small ), q{}, 'no half a file is left' );
    }
);

Faults::case(
    'upload of a volume',
    60,
    sub {
        my $conn   = Stack::connect('a');
        my $volume = volume( pool($conn), 'up', 0 );
        my $stream = $conn->new_stream;
        $volume->upload( $stream, 0, 0 );
        my $sent = 0;
        Faults::dies(
            'send_all and finish',
            20,
            sub {
                $stream->send_all(
                    sub {
                        my $count = $sent < 64 * 2**20 ? $_[2] : 0;
                        $_[1] = 'x' x $count;
                        $sent += $count;
                        return $count;
                    }
                );
                $stream->finish;
            },
            'SYSTEM_ERROR'
        );
        eval { $stream->abort };
        undef $stream;
        is( $conn->get_hostname, 'stack-a', 'the connection lives' );
        $volume->delete;

        # By hand, without blocking.
        Sys::Virt::Event::register_default();
        my $other = Stack::connect('a');
        $volume = volume( pool($other), 'hand', 0 );
        my $hand = $other->new_stream(Sys::Virt::Stream::NONBLOCK);
        $volume->upload( $hand, 0, 0 );
        my ( $error, $events, $data ) = ( undef, 0, 'x' x 65536 );
        $hand->add_callback(
            Sys::Virt::Stream::EVENT_WRITABLE | Sys::Virt::Stream::EVENT_ERROR |
                Sys::Virt::Stream::EVENT_HANGUP,
            sub {
                my ( $st, $event ) = @_;
                $events |= $event;
                eval { $st->send( $data, length $data ); 1 } or $error = $@;
                $st->remove_callback if $error;
            }
        );
        Faults::within(
            'non-blocking',
            20,
            sub {
                Stack::wait_for( 'the error', 20, sub { $error } );
            }
        );
        is( ref $error && $error->code, Sys::Virt::Error::ERR_SYSTEM_ERROR, '... throws' );
        eval { $hand->abort };
        undef $hand;
        is( $other->get_hostname, 'stack-a', 'the connection lives' );
        $volume->delete;
    }
);

Faults::case(
    'download to a full file',
    60,
    sub {
        my $conn   = Stack::connect('a');
        my $volume = volume( pool($conn), 'down', 0 );
        my $stream = $conn->new_stream;
        $volume->download( $stream, 0, 0 );
        open my $out, '>:raw', '/dev/full' or die $!;
        my $calls = 0;
        my $lived = eval {
            $stream->recv_all( sub { $calls++; return syswrite( $out, $_[1], $_[2] ) // die { full => "$!" } }
            );
            1;
        };
        ok( !$lived, 'recv_all throws' );
        is_deeply( $@, { full => 'No space left on device' }, '... what the handler died with' );
        is( $calls, 1, '... which was called once' );
        Faults::dies( 'the stream is aborted: recv', 1, sub { $stream->recv( my $buffer, 10 ) } );
        Faults::dies( '... finish',                  1, sub { $stream->finish } );
        undef $stream;
        is( $volume->get_info->{capacity}, 64 * 2**20, 'the connection lives' );
        $volume->delete;
    }
);

Faults::case(
    'volumes and pools',
    60,
    sub {
        my $conn = Stack::connect('a');
        my $pool = pool($conn);
        Faults::dies( 'a volume that does not fit', 10, sub { volume( $pool, 'large', 64 ) },
            'SYSTEM_ERROR' );
        is_deeply( [ map { $_->get_name } $pool->list_all_volumes ], [], '... is not there' );
        my $small_one = volume( $pool, 'source', 0 );
        Faults::dies(
            'allocating one while it grows',
            10, sub { $small_one->resize( 128 * 2**20, Sys::Virt::StorageVol::RESIZE_ALLOCATE ) },
            'OPERATION_FAILED'
        );
        is( $small_one->get_info->{capacity}, 64 * 2**20, '... leaves its size' );
        $small_one->delete;
        my $new = $conn->define_storage_pool(
            "<pool type='dir'><name>faults-disk-new</name><target><path>$full/pool</path></target></pool>");
        Faults::dies( 'building a pool', 10, sub { $new->build }, 'SYSTEM_ERROR' );
        is( $new->is_active, 0, '... which does not run' );
        Faults::dies( 'nor starts', 10, sub { $new->create } );
        $new->undefine;
    }
);

Faults::prepare(
    sub {
        pool( Stack::connect('a') )->destroy;
        Stack::control( 'run', 'umount', $_ ) for $small, $full;
    }
);
Faults::finish();
