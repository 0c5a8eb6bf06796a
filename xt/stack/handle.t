# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Streams as file handles over a daemon: a login at a guest's console in the ways and loops that scripts have, volumes, channels, what
# fails, and handles by the hundred (STREAM_HANDLES: how many).
use strict;
use warnings;

use Digest::SHA ();
use Errno       ();
use Test::More;
use Time::HiRes ();
use lib         qw(t/lib xt/lib);
use Stack;
use Throws;

my $conn  = Stack::connect('a');
my $guest = Stack::boot(
    $conn,
    name    => 'main',
    agent   => 1,
    devices => "<channel type='unix'><target type='virtio' name='test.channel'/></channel>"
);

# Root gets a password: the console's shell asks nobody, `login` does.
my $hash = crypt 'secret', '$6$stack$';
Stack::in_guest( $guest, "echo 'root:$hash:20000:0:99999:7:::' >/etc/shadow" );

# The console may still be in use by the stream before. Not by force: libvirtd 9.0.0 deadlocks if that stream ends at this moment.
sub console {
    my (@options) = @_;
    my $st        = $conn->new_stream;
    my $opened    = Stack::wait_for(
        'a free console',
        30,
        sub {
            eval { $guest->open_console( $st, undef ); 1 }
                or $@->message =~ /Active console session/ ? 0 : die $@;
        }
    );
    die 'The console stays in use' if !$opened;
    return ( $st->handle(@options), $st );
}

# The expected output, and the text to type then. Behind its prompt the shell asks the terminal where the cursor is. The first prompt is
# the shell's, which waits whatever came before.
my @login = (
    [ qr/[#] (?:\e\[6n)?\z/, "exec login\n" ],
    [ qr/login: \z/,         "root\n" ],
    [ qr/[Pp]assword: /,     "secret\n" ],
    [ qr/[#] (?:\e\[6n)?\z/, "echo sum=\$((40+2))\n" ],
    [ qr/sum=42/,            "exit\n" ],
);

# A conversation: it gets the output, and returns the text to type, if any; undef when it is over.
sub conversation {
    my @steps = @login;
    my $seen  = q{};
    return sub {
        my ($text) = @_;
        $seen .= $text;
        return     if !@steps;
        return q{} if $seen !~ $steps[0][0];
        $seen = q{};
        my $answer = shift(@steps)->[1];
        return @steps ? $answer : undef;
    };
}

# The guest's shell starts again after each.
sub again {
    Stack::wait_for( 'the shell', 30, sub { Time::HiRes::sleep(0.3); 1 } );
    return;
}

subtest 'select and sysread' => sub {
    my ( $fh, $st ) = console();
    my $talk = conversation();
    my $end  = time + 60;
    print {$fh} "\n" or die $!;
    my $over;
    while ( !$over && time < $end ) {
        vec( my $bits = q{}, fileno $fh, 1 ) = 1;
        select $bits, undef, undef, 1 or next;
        sysread $fh, my $text, 4096 or last;
        my $answer = $talk->($text);
        $over = !defined $answer;
        syswrite $fh, $answer if !$over && length $answer;
    }
    ok( $over, 'logged in' );
    print {$fh} "exit\n";
    throws( 'the handle is the only user', qr/a file handle uses the stream/, $_ )
        for sub { $st->recv( my $x, 1 ) }, sub { $st->send( 'x', 1 ) }, sub { $st->finish },
        sub { $st->send_hole(1) }, sub {
        $st->recv_all( sub { } );
        }, sub {
        $st->add_callback( 1, sub { } );
        };
    throws( '... not a second one', qr/in use already/, sub { $st->handle } );
    throws( '... nor a transfer',   qr/in use already/, sub { $st->receive_to( \*STDERR ) } );
    ok( close $fh, 'closed' ) or diag "$! ", $st->handle_error // q{};
    again();
};

subtest 'lines' => sub {
    my ($fh) = console();
    print {$fh} "\n\necho begin; for n in 1 2 3; do echo line \$n; done; echo en'd'\n";
    my @lines;
    while ( my $line = <$fh> ) {
        push @lines, $line =~ s/\s+\z//r;
        last if $line =~ /\Aend\r/;
    }
    is( "@lines[ -5 .. -1 ]", 'begin line 1 line 2 line 3 end', 'readline' );
    ok( $fh->close, 'closed by its method' );
};

SKIP: {
    eval { require Expect; 1 } or skip 'no Expect', 1;
    subtest 'Expect' => sub {
        my ( $fh, $st ) = console();
        my $expect = Expect->exp_init($fh);
        $expect->log_stdout(0);
        print {$expect} "\n";
        my $good = 1;
        for my $step (@login) {
            $good &&= defined $expect->expect( 60, [ $step->[0], sub { $_[0]->send( $step->[1] ) } ] );
        }
        ok( $good, 'logged in' );
        is( $st->handle_error, undef, 'no error' );
        undef $expect;
        undef $fh;
        again();
    };
}

SKIP: {
    eval { require IO::Async::Loop; require IO::Async::Stream; 1 } or skip 'no IO::Async', 1;
    subtest 'IO::Async' => sub {
        my ( $fh, $st ) = console();
        my $loop = IO::Async::Loop->new;
        my $talk = conversation();
        my ( $over, $closed );
        my $stream = IO::Async::Stream->new(
            handle  => $fh,
            on_read => sub {
                my ( $self, $buffer ) = @_;
                my $answer = $talk->($$buffer);
                $$buffer = q{};
                if ( !defined $answer ) { $over = 1 }
                else                    { $self->write($answer) }
                return 0;
            },
            on_closed => sub { $closed = 1 },
        );
        $loop->add($stream);
        $stream->write("\n");
        my $late;
        $loop->watch_time( after => 60, code => sub { $late = 1 } );
        $loop->loop_once(1) while !$over && !$late;
        ok( $over, 'logged in' );
        $stream->write("exit\n");
        $stream->close_when_empty;
        $loop->loop_once(1) while !$closed && !$late;
        ok( $closed, '... and closed when all is written' );
        is( $st->handle_error, undef, '... without an error' );
        again();
    };
}

SKIP: {
    eval { require Mojo::IOLoop; require Mojo::IOLoop::Stream; 1 } or skip 'no Mojolicious', 1;
    subtest 'Mojo::IOLoop' => sub {
        my ( $fh, $st ) = console();
        my $talk   = conversation();
        my $stream = Mojo::IOLoop::Stream->new($fh);
        my $over;
        $stream->on(
            read => sub {
                my ( $self, $bytes ) = @_;
                my $answer = $talk->($bytes);
                return $self->write($answer) if defined $answer;
                $over = 1;
                $self->write( "exit\n" => sub { Mojo::IOLoop->stop } );
            }
        );
        $stream->on( error => sub { diag $_[1]; Mojo::IOLoop->stop } );
        $stream->start;
        Mojo::IOLoop->timer( 60 => sub { Mojo::IOLoop->stop } );
        $stream->write("\n");
        Mojo::IOLoop->start;
        ok( $over, 'logged in' );
        $stream->close;
        is( $st->handle_error, undef, 'no error' );
        undef $_ for $stream, $fh;
        again();
    };
}

SKIP: {
    eval { require AnyEvent; require AnyEvent::Handle; 1 } or skip 'no AnyEvent', 1;
    subtest 'AnyEvent::Handle' => sub {
        my ( $fh, $st ) = console();
        my $talk   = conversation();
        my $done   = AnyEvent->condvar;
        my $timer  = AnyEvent->timer( after => 60, cb => sub { $done->send } );
        my $handle = AnyEvent::Handle->new(
            fh       => $fh,
            on_error => sub { diag $_[2]; $done->send },
            on_read  => sub {
                my ($self) = @_;
                my $answer = $talk->( $self->{rbuf} );
                $self->{rbuf} = q{};
                return $done->send(1) if !defined $answer;
                $self->push_write($answer);
            }
        );
        $handle->push_write("\n");
        ok( $done->recv, 'logged in' );
        $handle->push_write("exit\n");
        $handle->destroy;
        is( $st->handle_error, undef, 'no error' );
        undef $_ for $handle, $fh;
        again();
    };
}

subtest 'a channel' => sub {
    my $st = $conn->new_stream;
    $guest->open_channel( $st, 'test.channel' );
    my $fh   = $st->handle( timeout => 30 );
    my $find = 'd=$(grep -lx test.channel /sys/class/virtio-ports/*/name); d=${d%/name}';
    my $talk = 'exec 3<>/dev/${d##*/}; read -r line <&3; echo "you said: $line" >&3; sleep 2';
    Stack::in_guest( $guest, "$find; ($talk) >/dev/null 2>&1 &" );
    print {$fh} "hello\n";
    is( scalar <$fh>, "you said: hello\n", 'to the guest and back' );
    ok( close $fh, 'closed' );
};

subtest 'volumes' => sub {
    my $dir = Stack::file('pool');
    mkdir $dir or die $!;
    my $pool = $conn->create_storage_pool(
        "<pool type='dir'><name>handle-pool</name><target><path>$dir</path></target></pool>");
    my $vol = $pool->create_volume(
        "<volume><name>v</name><capacity unit='MiB'>64</capacity><target><format type='raw'/></target></volume>"
    );
    my $digest = Digest::SHA->new(256);
    my $st     = $conn->new_stream;
    $vol->upload( $st, 0, 0 );
    my $fh = $st->handle;

    for my $n ( 1 .. 64 * 16 ) {
        my $part = pack( 'N', $n ) x 16_384;
        $digest->add($part);
        print {$fh} $part or die $!;
    }
    ok( close $fh, 'written and closed: all has arrived' );
    my $sum = $digest->hexdigest;
    is( Digest::SHA->new(256)->addfile( $vol->get_path )->hexdigest, $sum, '... unchanged' );
    $st = $conn->new_stream;
    $vol->download( $st, 0, 0 );
    $fh = $st->handle;
    is( Digest::SHA->new(256)->addfile($fh)->hexdigest, $sum, 'and back' );
    ok( close $fh, '... to its end' );
    $st = $conn->new_stream;
    $vol->download( $st, 0, 0 );
    $fh = $st->handle;
    read $fh, my $some, 100_000;
    ok( close $fh, 'closed during the transfer' );
    is( $conn->is_alive, 1, '... the connection lives' );

    $st = $conn->new_stream;
    $vol->upload( $st, 0, 1000 );
    $fh = $st->handle;
    my ( $printed, $tries ) = ( 1, 0 );
    while ( $printed && $tries++ < 200 ) { $printed = print {$fh} 'x' x 10_000; Time::HiRes::sleep(0.01) }
    ok( !$printed, 'too much is told by print' );
    is( $! + 0,                        Errno::EIO(), '... with an error' );
    is( syswrite( $fh, 'x' x 10_000 ), 10_000, '... syswrite does not notice, and there is no SIGPIPE' );
    ok( !close $fh, '... closing tells' );
    is( $! + 0, Errno::EIO(), '... with an error' );
    isa_ok( $st->handle_error, 'Sys::Virt::Error', '... and the reason' );

    $st = $conn->new_stream;
    $vol->download( $st, 0, 0 );
    $fh = $st->handle;
    is( sysread( $fh, $some, 10 ), 10, 'a download' );
    $st->abort;
    my $got = 1;
    $got = sysread $fh, $some, 100_000 while $got;
    is( $got, undef, '... that is aborted ends in an error for sysread' );
    ok( !close $fh, '... and for close' );
    $vol->delete;
    $pool->destroy;
};

subtest 'other calls beside a console' => sub {
    my ($fh) = console();
    my $slowest = 0;
    for my $n ( 1 .. 300 ) {
        print {$fh} "echo $n\n" if $n % 3 == 0;
        my $start = Time::HiRes::time();
        $guest->get_info;
        my $took = Time::HiRes::time() - $start;
        $slowest = $took if $took > $slowest;
    }
    cmp_ok( $slowest, '<', 5, 'none waits long' );
    note sprintf 'the slowest took %.3f s', $slowest;
    ok( close $fh, 'closed' );
};

subtest 'handles by the hundred' => sub {
    my $descriptors = sub { my @all = glob '/proc/self/fd/*';   return scalar @all };
    my $threads     = sub { my @all = glob '/proc/self/task/*'; return scalar @all };
    my $before      = $descriptors->();
    my $failed      = 0;
    my $count       = $ENV{STREAM_HANDLES} || 300;
    for my $n ( 1 .. $count ) {
        my ( $fh, $st ) = console();
        my $what = int rand 6;
        if ( $what == 1 ) { print {$fh} "\n" }
        if ( $what == 2 ) { print {$fh} "echo $n\n"; sysread $fh, my $text, 100 }
        if ( $what == 3 ) { $st->abort }
        if ( $what == 4 ) { $fh->blocking(0); sysread $fh, my $text, 100 }
        next if rand() < 0.5;
        close $fh or $what == 3 or $failed++;
    }
    is( $failed, 0, "$count: all that are closed close well" );
    ok( Stack::wait_for( 'the last descriptor', 30, sub { $descriptors->() <= $before } ),
        '... none is left' );
    cmp_ok( $threads->(), '<', 30, '... and no thread' );
};

subtest 'handles of volumes by the hundred' => sub {
    my $dir = Stack::file('pool-of-many');
    mkdir $dir or die $!;
    my $pool = $conn->create_storage_pool(
        "<pool type='dir'><name>handle-pool</name><target><path>$dir</path></target></pool>");
    my $size = 2 << 20;
    my $vol =
        $pool->create_volume( "<volume><name>v</name><capacity>$size</capacity>"
            . "<target><format type='raw'/></target></volume>" );
    my $descriptors = sub { my @all = glob '/proc/self/fd/*'; return scalar @all };
    my ( $before, $bad, $count ) = ( $descriptors->(), 0, $ENV{STREAM_HANDLES} || 300 );

    for ( 1 .. $count ) {
        local $SIG{__WARN__} = sub { };    # perl warns of a handle that fails when it is dropped
        my ( $st, $up, $done ) = ( $conn->new_stream, int rand 2, 0 );
        my $part = rand() < 0.3 ? $size : int rand $size;
        if ($up) { $vol->upload( $st, 0, $size ) }
        else     { $vol->download( $st, 0, $size ) }
        my $fh = $st->handle;
        while ( $done < $part ) {
            my $bytes = $part - $done < 100_000 ? $part - $done : 100_000;
            my $got   = $up ? syswrite( $fh, 'x' x $bytes )     : sysread( $fh, my $text, $bytes );
            last if !$got;
            $done += $got;
        }
        my $end = int rand 4;
        if ( $end == 0 ) { $st->abort }
        next if $end < 2;                              # dropped
        my $closed = close $fh;
        $bad++ if $up && $done < $size ? 0 : !$closed; # what an upload that is too short says is the daemon's
    }
    is( $bad, 0, "$count: all that are closed close well" );
    ok( Stack::wait_for( 'the last descriptor', 30, sub { $descriptors->() <= $before } ),
        '... none is left' );
    is( $conn->is_alive, 1, '... and the connection lives' );
    my $file = Stack::file('whole');
    open my $out, '+>', $file or die $!;
    my $st = $conn->new_stream;
    $vol->download( $st, 0, 0 );
    is( $st->receive_to($out), $size, '... and is of use' );
    $vol->delete;
    $pool->destroy;
};

subtest 'the end of a guest' => sub {
    my ( $fh, $st ) = console();
    $guest->destroy;
    my $got = 1;
    $got = sysread $fh, my $text, 4096 while $got;
    is( $got, 0, 'reading ends' );
    ok( close $fh, 'closing succeeds' );
    is( $st->handle_error, undef, 'that is no error' );
};

subtest 'a daemon that hangs, and one that goes' => sub {
    my $other = Stack::connect('b');
    my $far   = $other->create_domain(
        Stack::xml(
            name    => 'far',
            devices => join q{},
            map { "<channel type='unix'><target type='virtio' name='c$_'/></channel>" } 1 .. 3
        )
    );
    my ( @handles, @streams );
    for ( 1 .. 3 ) {
        my $st = $other->new_stream;
        $far->open_channel( $st, "c$_" );
        push @handles, $st->handle( $_ == 1 ? ( timeout => 1 ) : () );
        push @streams, $st;
    }
    Stack::control( 'daemon', 'b', 'freeze' );
    my $start = Time::HiRes::time();
    ok( !close $handles[0], 'closing gives up' );
    is( $! + 0, Errno::ETIMEDOUT(), '... with its error' );
    local $SIG{ALRM} = sub { die "alarm\n" };
    Time::HiRes::alarm(0.5);
    throws( 'a handler that dies leaves it', qr/\Aalarm\n/, sub { close $handles[1] } );
    undef $handles[1];
    cmp_ok( Time::HiRes::time() - $start, '<', 5, '... both in time, and dropping one does not wait' );
    Stack::control( 'daemon', 'b', 'thaw' );
    print { $handles[2] } "\n";
    Stack::control( 'daemon', 'b', 'kill' );
    my $got = 1;
    $got = read $handles[2], my $text, 4096 while $got;
    is( $got, undef, 'reading ends in an error' );
    ok( !close $handles[2], '... and so does closing' );
    isa_ok( $streams[2]->handle_error, 'Sys::Virt::Error', '... which has a reason' );
    Stack::control( 'daemon', 'b', 'start' );
};

done_testing;
