# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Stream::Transfer;

# send_from and receive_to of streams, and their non-blocking forms. The core transfers the data; this is the script's side.
# A transfer is aborted when its object is freed.

use 5.016;
use strict;
use warnings;

use Carp         ();
use Scalar::Util ();

our @CARP_NOT = qw(Sys::Virt::Stream Sys::Virt::Async::Proxy Sys::Virt::Async);

# How long the core transfers data before Perl runs signal handlers, in milliseconds.
use constant SLICE         => 100;
use constant ERR_TIMED_OUT => 68;

# Transfers on threads that report progress, by id; their number.
my %running;
our $watched = 0;

my %option = map { $_ => 1 } qw(sparse length on_progress timeout);

sub new {
    my ( $class, $name, $stream, $file, @options ) = @_;
    defined $file     or Carp::croak("Usage: \$stream->$name(\$file, %options)");
    @options % 2 == 0 or Carp::croak("$name takes options as pairs of a name and a value");
    my %options = @options;
    for my $key ( sort keys %options ) { Carp::croak("$name has no option '$key'") if !$option{$key} }
    my ( $length, $timeout, $progress ) = @options{qw(length timeout on_progress)};
    !defined $length || Scalar::Util::looks_like_number($length) && $length >= 0
        or Carp::croak("$name: length is a number of bytes");
    !defined $timeout || Scalar::Util::looks_like_number($timeout) && $timeout > 0
        or Carp::croak("$name: timeout must be a number of seconds greater than 0");
    !defined $progress || ref $progress eq 'CODE'
        or Carp::croak("$name: on_progress must be a CODE reference");
    defined fileno_of($file) || !ref $file && $file =~ /\A[0-9]+\z/
        or Carp::croak("$name: that is neither an open file handle nor the number of a descriptor");
    my $sends = $name eq 'send_from';
    my $self = bless { name => $name, stream => $stream, progress => $progress, timeout => $timeout }, $class;

    # Buffered output comes first.
    if ( !$sends && defined fileno_of($file) ) {
        require IO::Handle;
        require Errno;
        IO::Handle::flush($file)
            or $! == Errno::EINVAL()    # it is only read
            or Carp::croak("$name: what was printed cannot be written: $!");
    }
    $self->{total} = $length // ( $sends ? left($file) : undef );
    $self->{key} =
        $stream->_transfer_open( $file, $sends ? 1 : 0, $options{sparse}, $length );
    return $self;
}

sub fileno_of {
    my ($file) = @_;
    return if !ref $file && ref \$file ne 'GLOB';
    my $number = eval { fileno $file };
    return defined $number && $number >= 0 ? $number : undef;
}

# The number of bytes left in a plain file; undef for other files.
sub left {
    my ($file) = @_;
    my $copy;
    if ( defined fileno_of($file) ) { $copy = $file }
    else                            { open $copy, '<&', $file or return }
    return if !-f $copy;
    my $size = -s _;
    my $here = sysseek $copy, 0, 1;
    return defined $here && $here < $size ? $size - $here : 0;
}

sub report {
    my ( $self, $done ) = @_;
    return if !$self->{progress} || defined $self->{reported} && $self->{reported} == $done;
    $self->{reported} = $done;
    $self->{progress}->( $done, $self->{total} );
    return;
}

# --- On the script's own thread

sub send_from  { return transfer( 'send_from',  @_ ) }
sub receive_to { return transfer( 'receive_to', @_ ) }

sub transfer {
    my ( $name, $stream, @arguments ) = @_;
    my $self = __PACKAGE__->new( $name, $stream, @arguments );
    return Sys::Virt::Stream::Transfer::Wait->new( $self->in_background )->get if defined $self->{timeout};
    my ( $over, $done );
    until ($over) {
        ( $over, $done ) = $stream->_transfer_run( $self->{key}, SLICE, 0 );
        $self->report($done);
    }
    delete $self->{key};
    return $done;
}

# --- On a thread of the pool

sub async_send    { return background( 'send_from',  @_ ) }
sub async_receive { return background( 'receive_to', @_ ) }

sub background {
    my ( $name, $proxy, $file, $line, $stream, @arguments ) = @_;
    my $self = __PACKAGE__->new( $name, $stream, @arguments );
    $self->{how} = $proxy->[1];
    return $self->in_background( $file, $line );
}

sub in_background {
    my ( $self, $file, $line ) = @_;
    require Sys::Virt::Async;
    ( undef, $file, $line ) = caller 1 if !defined $file;
    $self->{background} = 1;
    my ( $stream, $key ) = @$self{qw(stream key)};
    my $how    = { %{ $self->{how} // {} } };
    my $future = bless { name => "Sys::Virt::Stream::$self->{name}", where => " at $file line $line." },
        'Sys::Virt::Future';
    $future->{queue} = Sys::Virt::Async::_queue();

    # Without the option there is no limit: the limit of the connection is for calls, not for transfers.
    $how->{timeout} = $self->{timeout} // $how->{timeout};
    my $run = Sys::Virt::Async::Proxy::submit(
        [ $stream, $how ],
        '_transfer_run', $stream->can('_transfer_run'),
        $stream, $key, 0, $self->{progress} ? $future->{queue} : 0
    );
    $self->watch($future) if $self->{progress};
    $run->on_ready(
        sub {
            my ($r) = @_;
            my ( $ok, @values ) = ( $r->{ok}, @{ $r->{values} } );
            $self->unwatch;
            my $error = $ok ? undef : $values[0];
            if ($ok) {
                eval { $self->report( $values[1] ); 1 } or ( $ok, $error ) = ( 0, $@ );
            }
            if ( $r->{ok} ) { delete $self->{key} }
            else {
                $error = $self->timed_out($error);
                $self->stop;
            }
            $future->_resolve( $ok, $ok ? $values[1] : $error );
        }
    );
    $future->_on_cancel( sub { $self->unwatch; $self->stop; $run->cancel } );
    return $future;
}

sub timed_out {
    my ( $self, $error ) = @_;
    return $error if !Scalar::Util::blessed($error) || !$error->isa('Sys::Virt::Error');
    return $error if $error->code != ERR_TIMED_OUT || $error->message !~ /_transfer_run/;
    $error->{message} =~ s/_transfer_run has not ended in time;.*/$self->{name} has not ended in time/s;
    return $error;
}

sub watch {
    my ( $self, $future ) = @_;
    $running{ $self->{key} } = [ $self, $future ];
    $watched = keys %running;
    Scalar::Util::weaken( $running{ $self->{key} }[$_] ) for 0, 1;
    return;
}

sub unwatch {
    my ($self) = @_;
    delete $running{ $self->{key} } if defined $self->{key};
    $watched = keys %running;
    return;
}

# Called by the code that watches the core's descriptor.
sub report_all {
    for my $key ( sort { $a <=> $b } keys %running ) {
        my ( $self, $future ) = @{ $running{$key} // next };
        my $done = $self && $future ? $self->{stream}->_transfer_done($key) : undef;
        next if !defined $done;
        next if eval { $self->report($done); 1 };
        my $error = $@;
        $self->unwatch;
        $self->stop;
        $future->_resolve( 0, $error );
    }
    return;
}

# --- Aborting

# Another thread aborts a transfer that runs on a thread, because aborting a stream waits for the daemon's answer.
sub stop {
    my ($self) = @_;
    my $key    = delete $self->{key} // return;
    my $stream = $self->{stream};
    return if $self->{background} && ${^GLOBAL_PHASE} ne 'DESTRUCT' && eval {
        Sys::Virt::Async::proxy( $stream, urgent => 1 )->_transfer_stop($key)->on_ready( sub { } );
        1;
    };
    eval { $stream->_transfer_stop($key) };
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ( $@, $!, $? );
    $self->stop;
    return;
}

# A waiter that stops the transfer if a signal handler dies.
package Sys::Virt::Stream::Transfer::Wait;

sub new {
    my ( $class, $future ) = @_;
    return bless { future => $future }, $class;
}

sub get {
    my ($self) = @_;
    return scalar $self->{future}->get;
}

sub DESTROY {
    my ($self) = @_;
    local ( $@, $!, $? );
    $self->{future}->cancel;
    return;
}

1;
