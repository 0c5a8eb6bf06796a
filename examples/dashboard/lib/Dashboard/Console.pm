# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Dashboard::Console;

# The serial console of a domain, as a stream of bytes in Mojolicious' loop.

use Mojo::Base -base, -signatures;

## no critic (ProhibitSubroutinePrototypes): signatures, which perlcritic takes for them

use Mojo::IOLoop::Stream ();
use Mojo::Promise        ();
use Sys::Virt;

use constant WAITING_MAX => 65_536;
use constant TRIES       => 10;

# The callback `tell` gets open => 1, data => BYTES, or closed => WHY.
has [qw(tell stream closed)];
has waiting => q{};

sub open ( $self, $conn, $dom ) {    ## no critic (ProhibitBuiltinHomonyms)
    my $stream = $conn->new_stream;
    $self->take( $dom, $stream, TRIES )->then(
        sub {
            return eval { $stream->abort } if $self->closed;
            my $io = Mojo::IOLoop::Stream->new( $stream->handle )->timeout(0);
            $io->on( read  => sub ( $, $bytes ) { $self->tell->( data => $bytes ) } );
            $io->on( error => sub ( $, $error ) { $self->end( ( $stream->handle_error || $error ) . q{} ) } );
            $io->on( close => sub { $self->end('the console was closed') } );
            $self->{libvirt} = $stream;
            $self->stream($io);
            $io->start;
            $self->tell->( open => 1 );
            $io->write( $self->waiting ) if $self->waiting ne q{};
        }
    )->catch( sub ($error) { $self->end( ref $error ? $error->message : $error ) } );
    return $self;
}

# Another page may have closed this console just now: it has a second to become free. Then its user is disconnected. (libvirtd 9.0.0
# deadlocks when a console is taken over while its stream ends.)
sub take ( $self, $dom, $stream, $tries ) {
    my $flags = $tries ? 0 : Sys::Virt::Domain::OPEN_CONSOLE_FORCE;
    return $dom->async( timeout => 20 )->open_console( $stream, undef, $flags )->promise->catch(
        sub ($error) {
            die $error if !$tries || !ref $error || $error->code != Sys::Virt::Error::ERR_OPERATION_FAILED;
            return Mojo::Promise->timer(0.1)->then( sub { $self->take( $dom, $stream, $tries - 1 ) } );
        }
    );
}

# Bytes, one for each character.
sub write ( $self, $bytes ) {    ## no critic (ProhibitBuiltinHomonyms)
    return if ref $bytes || !utf8::downgrade( $bytes, 1 ) || length $bytes > WAITING_MAX;
    return $self->stream->write($bytes) if $self->stream;
    $self->waiting( $self->waiting . $bytes );
    return;
}

# The browser closes the console. Closing a stream waits for its end, so it is aborted first.
sub close ($self) {    ## no critic (ProhibitBuiltinHomonyms)
    return if $self->closed;
    $self->closed(1);
    eval { $self->{libvirt}->abort } if $self->{libvirt};
    $self->stream->close             if $self->stream;
    return;
}

sub end ( $self, $why ) {
    return if $self->closed;
    $self->closed(1);
    $self->stream->close if $self->stream;
    $self->tell->( closed => $why =~ s/\s+\z//r );
    return;
}

1;
