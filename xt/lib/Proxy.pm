# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A man in the middle: listens on a unix socket, passes what clients send on to a libvirtd, and damages what comes back, in
# ways that a seed decides.
#
#   my $proxy = Proxy->new( $socket, $daemon_socket, $seed );    # runs until the object is freed
#
# With the option last_word, replies to ListAll end with that number, and nothing else is changed.
#
# A message of libvirt's protocol is its length, six words (program, version, procedure, type, serial, status) and XDR.
package Proxy;
use strict;
use warnings;

use IO::Select       ();
use IO::Socket::UNIX ();
use POSIX            ();
use Socket           qw(SOCK_STREAM);
use Time::HiRes      ();

# A connection on which nothing moves is closed after this time: where a reply is lost, a client would wait for it.
my $PATIENCE = 0.15;

# The procedures whose replies end with the number of objects: ListAll of each class; and the CPU models.
my $LISTS = qr/^(?:27[3-9]|28[0-9]|312)$/;

# Numbers that a count or a length may be changed to.
my @NUMBERS = (
    0, 1, 2, 3, 15, 16, 17, 64, 255, 1_024, 4_096, 16_383, 16_384, 16_385, 65_536, 1 << 20, 1 << 24,
    ( 1 << 31 ) - 1,
    1 << 31,
    ( 1 << 32 ) - 1,
    ( 1 << 32 ) - 2
);

# A generator of its own: perl's differs between versions, and a seed has to say what happens.
sub chance {
    my ( $self, $below ) = @_;
    $self->{state} = ( $self->{state} * 1_103_515_245 + 12_345 ) & 0x7fff_ffff;
    return ( $self->{state} >> 12 ) % $below;
}

sub pick { my ( $self, @of ) = @_; return $of[ $self->chance( scalar @of ) ] }

sub new {
    my ( $class, $socket, $daemon, $seed, %option ) = @_;
    my $listen = IO::Socket::UNIX->new( Type => SOCK_STREAM, Local => $socket, Listen => 8 )
        or die "$socket: $!\n";
    my $self = bless { %option, owner => $$, state => ( $seed * 2_654_435_761 ) & 0x7fff_ffff }, $class;
    $self->chance(2) for 1 .. 4;

 # How much is damaged: one message in so many, and none of the first ones, of which most open the connection.
    $self->{one_in} = $self->pick( 2, 4, 8, 16, 32 );
    $self->{spared} = $self->pick( 0, 8, 8, 9,  12, 16, 20, 40 );
    $self->{pid}    = fork // die "fork: $!\n";
    if ( !$self->{pid} ) {
        local $SIG{PIPE} = 'IGNORE';
        eval { $self->serve( $listen, $daemon ); 1 } or print {*STDERR} "proxy: $@";
        POSIX::_exit(0);
    }
    return $self;
}

sub serve {
    my ( $self, $listen, $daemon ) = @_;
    while ( getppid == $self->{owner} ) {
        next if !IO::Select->new($listen)->can_read(1);
        my $client = $listen->accept                                               or next;
        my $server = IO::Socket::UNIX->new( Type => SOCK_STREAM, Peer => $daemon ) or die "no daemon: $!\n";
        $self->pump( $client, $server );
    }
    return;
}

# One connection, to its end.
sub pump {
    my ( $self, $client, $server ) = @_;
    my ( $buffer, $count ) = ( q{}, 0 );
    delete $self->{held};
    my $both = IO::Select->new( $client, $server );
    while (1) {
        my @ready = $both->can_read( defined $self->{last_word} ? 10 : $PATIENCE ) or return;
        for my $from (@ready) {
            sysread( $from, my $data, 1 << 18 ) or return;
            if ( $from == $client ) {
                syswrite $server, $data or return;
                next;
            }
            $buffer .= $data;
            while ( length $buffer >= 4 ) {
                my $length = unpack 'N', $buffer;
                last if length $buffer < $length;
                my $message = substr $buffer, 0, $length, q{};
                if ( defined $self->{last_word} ) {
                    substr $message, -4, 4, pack 'N', $self->{last_word}
                        if unpack( 'x12N', $message ) =~ $LISTS;
                    syswrite $client, $message or return;
                    next;
                }
                my @sent =
                      $count++ >= $self->{spared} && !$self->chance( $self->{one_in} )
                    ? $self->damaged($message)
                    : $message;
                for my $piece ( @sent, delete $self->{after} // () ) {
                    return if !length $piece;
                    syswrite $client, $piece or return;
                }
                $self->{after} = delete $self->{held} if defined $self->{held};
            }
        }
    }
    return;
}

sub with_length { my ($message) = @_; return pack 'N a*', length $message, substr $message, 4 }

# The replacement of a message; an empty string closes the connection.
sub damaged {
    my ( $self, $message ) = @_;
    my $words = length($message) >> 2;
    my $word  = sub {
        my ( $index, $value ) = @_;
        substr $message, 4 * $index, 4, pack 'N', $value;
        return $message;
    };

    # Words that may be counts or lengths: those that are small.
    my @counts = grep { unpack( 'N', substr $message, 4 * $_, 4 ) < 70_000 } 7 .. $words - 1;
    my %way    = (
        count => sub {
            return $message if !@counts;
            my $at  = $self->pick(@counts);
            my $old = unpack 'N', substr $message, 4 * $at, 4;
            return $word->(
                $at, $self->pick( @NUMBERS, $old + 1, $old + 2, 2 * $old, ( $old - 1 ) & 0xffff_ffff )
            );
        },
        last_count => sub {    # a reply to ListAll ends with the number of objects
            return $words > 7 ? $word->( $words - 1, $self->pick(@NUMBERS) ) : $message;
        },
        words => sub {
            $word->( 7 + $self->chance( $words - 7 ), $self->pick( @NUMBERS, $self->chance( 1 << 18 ) ) )
                for 1 .. ( $words > 7 ? 3 : 0 );
            return $message;
        },
        bytes => sub {
            substr $message, 28 + $self->chance( length($message) - 28 ), 1, chr $self->chance(256)
                for 1 .. ( length $message > 28 ? 1 + $self->chance(8) : 0 );
            return $message;
        },
        length =>
            sub { return $word->( 0, $self->pick( @NUMBERS, length($message) - 4, length($message) + 4 ) ) },
        procedure => sub { return $word->( 3, $self->chance(460) ) },
        type      => sub { return $word->( 4, $self->chance(7) ) },
        serial    => sub { return $word->( 5, $self->chance(100) ) },
        status    => sub { return $word->( 6, $self->chance(4) ) },
        cut       => sub {
            return with_length( substr $message, 0, 28 + 4 * $self->chance( $words > 7 ? $words - 6 : 1 ) );
        },
        grow => sub {
            return with_length( $message . join q{},
                map { pack 'N', $self->pick(@NUMBERS) } 1 .. $self->pick( 1, 2, 64, 4_000 ) );
        },
        twice => sub { return ( $message, $message ) },
        drop  => sub { return },
        delay => sub { Time::HiRes::sleep( 0.01 * $self->chance(6) ); return $message },
        swap  => sub { $self->{held} = $message;                      return },
        end   => sub { return ( substr( $message, 0, $self->chance( length $message ) ), q{} ) },

        # Something nobody asked for: the same payload as an event, or as a stream's data.
        unasked => sub {
            my $copy = $message;
            substr $copy, 12, 4, pack 'N',
                $self->pick( 107, 167 .. 175, 211, 306, 318 .. 320, 333, 347, 349, 393 );
            substr $copy, 16, 4, pack 'N', $self->pick( 2, 3 );
            return ( $copy, $message );
        },
    );

    # Half of all are counts, which matter most.
    my @names = ( ('count') x 8, ('last_count') x 6, ('words') x 3, sort keys %way );
    my $name  = $self->pick(@names);
    print {*STDERR} "proxy: $name\n" if $ENV{PROXY_VERBOSE};
    return $way{$name}->();
}

sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{owner} || !$self->{pid};
    local $?;
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
    return;
}

1;
