# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Future;

# The result of a non-blocking call. Sys::Virt::Async creates futures, and the core settles them, with _settle.

use 5.016;
use strict;
use warnings;

use Carp             ();
use Scalar::Util     ();
use Sys::Virt::Error ();

# Callbacks are run from this queue, not by the code that settles a future, so that a chain of any length needs no stack.
my ( @queue, @died, @dropped );
our ( $depth, $dropping ) = ( 0, 0 );
use constant DEEPEST => 20;

sub new { return bless {}, ref $_[0] || $_[0] }

# --- Settling

# Called by the core, from the event loop, which gets the exceptions of callbacks. The core does the same itself if there are none.
sub _settle {
    my ( $self, $ok, @values ) = @_;
    $self->_set( $ok, \@values );
    _run_callbacks();
    return;
}

# Called by other futures, and by code that waits for this one.
sub _resolve {
    my ( $self, $ok, @values ) = @_;
    return $self->_resolve_with( $ok, \@values );
}

sub _resolve_with {
    my ( $self, $ok, $values ) = @_;
    $self->_set( $ok, $values );
    return if $depth >= DEEPEST;
    _run_queue();
    if ( !$depth ) { warn $_ for splice @died }    ## no critic (RequireCarping)
    return;
}

sub _set {
    my ( $self, $ok, $values ) = @_;
    return if defined $self->{ok};
    @$self{qw(ok values)} = ( $ok, $values );
    delete @$self{qw(id from held on_cancel)};
    my $callbacks = delete $self->{callbacks} or return;
    push @queue, map { [ $_, $self ] } @$callbacks;
    return;
}

sub _run_queue {
    local $depth = $depth + 1;
    while ( my $next = shift @queue ) {
        my ( $code, $future ) = @$next;
        eval { $code->($future); 1 } or push @died, $@;
    }
    return;
}

# Callbacks for use by other modules.
sub _guarded {
    my ( $code, @arguments ) = @_;
    eval { $code->(@arguments); 1 } or push @died, $@;
    return;
}

# Runs all callbacks, then throws the first exception; further ones are warnings.
sub _run_callbacks {
    _run_queue() if @queue;
    return       if !@died;
    my ( $first, @others ) = splice @died;
    warn $_ for @others;            ## no critic (RequireCarping)
    local $SIG{__DIE__} = undef;    # which has seen it already
    die $first;                     ## no critic (RequireCarping)
}

sub _error {
    my ( $code, $message ) = @_;
    return bless { level => 2, code => $code, domain => 0, message => $message }, 'Sys::Virt::Error';
}

# --- State

sub is_ready     { return defined $_[0]{ok} }
sub is_done      { return !!$_[0]{ok} }
sub is_cancelled { return !!$_[0]{cancelled} }

sub is_failed {
    my ($self) = @_;
    $self->{seen} = 1;
    return defined $self->{ok} && !$self->{ok};
}

sub await {
    my ($self) = @_;
    while ( !defined $self->{ok} ) {
        _run_callbacks()               if @queue || @died;
        Sys::Virt::Async::_wait($self) if !defined $self->{ok};
    }
    return $self;
}

sub get {
    my ($self) = @_;
    $self->await if !defined $self->{ok};
    goto &result if !$self->{ok};
    return wantarray ? @{ $self->{values} } : $self->{values}[0];
}

sub result {
    my ($self) = @_;
    Carp::croak('the future is not ready yet') if !defined $self->{ok};
    my $values = $self->{values};
    if ( !$self->{ok} ) {
        $self->{seen} = 1;
        die $values->[0];    ## no critic (RequireCarping)
    }
    return wantarray ? @$values : $values->[0];
}

sub failure {
    my ($self) = @_;
    $self->await;
    $self->{seen} = 1;
    return $self->{ok} ? undef : $self->{values}[0];
}

# --- Callbacks

sub _code {
    my ( $method, $code ) = @_;
    return if ref $code eq 'CODE' || Scalar::Util::blessed($code) && $code->can('(&{}');
    local @Carp::CARP_NOT = (__PACKAGE__);
    Carp::croak("$method needs a CODE reference");
}

sub on_ready {
    my ( $self, $code ) = @_;
    _code( on_ready => $code );
    $self->{seen} = 1;
    return $self->_when_ready($code);
}

sub _when_ready {
    my ( $self, $code ) = @_;
    if   ( defined $self->{ok} ) { $code->($self) }
    else                         { push @{ $self->{callbacks} }, $code }
    return $self;
}

sub on_done {
    my ( $self, $code ) = @_;
    _code( on_done => $code );
    return $self->_when_ready( sub { my ($f) = @_; $code->( @{ $f->{values} } ) if $f->{ok} } );
}

sub on_fail {
    my ( $self, $code ) = @_;
    _code( on_fail => $code );
    $self->{seen} = 1;
    return $self->_when_ready( sub { my ($f) = @_; $code->( $f->{values}[0] ) if !$f->{ok} } );
}

# A future that depends on this one, and is now responsible for reporting a failure.
sub _next {
    my ( $self, $code ) = @_;
    my $next = $self->new;
    $next->{queue} = $self->{queue} if exists $self->{queue};
    $self->{seen}  = 1;
    if ( !defined $self->{ok} ) {
        $next->{from} = $self;
        Scalar::Util::weaken( $next->{from} );
    }
    $self->_when_ready( sub { my ($f) = @_; $code->( $f, $next ) if !defined $next->{ok} } );
    return $next;
}

sub _copy {
    my ( $self, $from ) = @_;
    $self->{cancelled} = 1 if $from->{cancelled};
    $self->_resolve( $from->{ok}, @{ $from->{values} } );
    return;
}

sub then {    ## no critic (ProhibitBuiltinHomonyms)
    my ( $self, $done, $fail ) = @_;
    defined && _code( then => $_ ) for $done, $fail;
    return $self->_next(
        sub {
            my ( $f, $next ) = @_;
            my $code = $f->{ok} ? $done : $fail;
            return $next->_copy($f) if !$code;
            $next->_follow( sub { $code->( @{ $f->{values} } ) }, sub { $next->_resolve( 1, @_ ) } );
        }
    );
}

sub catch {
    my ( $self, $fail ) = @_;
    _code( catch => $fail );
    return $self->then( undef, $fail );
}

sub finally {
    my ( $self, $code ) = @_;
    _code( finally => $code );
    return $self->_next(
        sub {
            my ( $f, $next ) = @_;
            $next->_follow( $code, sub { $next->_copy($f) } );
        }
    );
}

# Runs a function, waits for the future or promise that it may return, and then continues, unless one of them fails.
sub _follow {
    my ( $self, $code, $go_on ) = @_;
    my @values;
    return $self->_resolve( 0, $@ ) if !eval { @values = $code->(); 1 };
    my $inner = @values == 1 && Scalar::Util::blessed( $values[0] ) ? $values[0] : undef;
    return $go_on->(@values) if !$inner || !( $inner->can('on_ready') || $inner->can('then') );
    $self->{held} = $inner;
    if ( $inner->isa(__PACKAGE__) ) {
        $self->{from} = $inner;
        $inner->on_ready( sub { my ($f) = @_; $f->{ok} ? $go_on->( @{ $f->{values} } ) : $self->_copy($f) } );
    }
    elsif ( $inner->can('on_ready') && $inner->can('failure') ) {    # a Future
        $inner->on_ready(
            sub {
                my ($f) = @_;
                return $go_on->( $f->result ) if $f->is_done;
                $self->_resolve( 0,
                    $f->is_cancelled ? _error( 78, 'a future was canceled' ) : ( $f->failure )[0] );
            }
        );
    }
    else {
        my $followed =
            $inner->then( sub { $go_on->(@_); return }, sub { $self->_resolve( 0, $_[0] ); return } );
        undef $followed;
    }
    return;
}

# --- Canceling

sub cancel {
    my ($self) = @_;
    return $self if defined $self->{ok};
    my ( $id, $from, $others ) = @$self{qw(id from on_cancel)};
    Sys::Virt::Async::_cancel($id) if defined $id;
    my $name = $self->{name} // 'the call';
    $self->{cancelled} = 1;
    $self->_resolve( 0, _error( 78, "$name was canceled" ) );
    $_->() for @{ $others || [] };
    $from->cancel if $from;
    return $self;
}

sub _on_cancel {
    my ( $self, $code ) = @_;
    push @{ $self->{on_cancel} }, $code if !defined $self->{ok};
    return;
}

# --- Several

sub _all {
    my ( $class, $impatient, @futures ) = @_;
    my $all  = $class->new;
    my $left = @futures;
    for my $future (@futures) {
        Scalar::Util::blessed($future) && $future->isa(__PACKAGE__)
            or Carp::croak('one of the futures is not a Sys::Virt::Future');
    }
    my $over = sub {
        $all->_resolve( 1, $impatient ? map { @{ $_->{values} } } @futures : @futures );
    };
    $all->_on_cancel( sub { $_->cancel for @futures } );
    for my $future (@futures) {
        $future->on_ready(
            sub {
                my ($f) = @_;
                $left--;
                return                      if defined $all->{ok};
                return $all->_copy($future) if $impatient && !$f->{ok};
                $over->()                   if !$left;
            }
        );
    }
    $over->() if !@futures;
    return $all;
}

sub wait_all  { my ( $class, @futures ) = @_; return $class->_all( 0, @futures ) }
sub needs_all { my ( $class, @futures ) = @_; return $class->_all( 1, @futures ) }

# --- Other kinds

sub future {
    my ($self) = @_;
    require Future;
    my $loop   = $IO::Async::Loop::ONE_TRUE_LOOP;
    my $future = $loop ? $loop->new_future : Future->new;
    $future->on_cancel( sub { $self->cancel } );
    $self->on_ready(
        sub {
            my ($f) = @_;
            return                                    if $future->is_ready;
            return $future->cancel                    if $f->{cancelled};
            return $future->done( @{ $f->{values} } ) if $f->{ok};
            $future->fail( $f->{values}[0], 'libvirt' );
        }
    );
    return $future;
}

sub promise {
    my ($self) = @_;
    require Mojo::Promise;
    my $promise = Mojo::Promise->new;
    $self->on_ready(
        sub {
            my ($f) = @_;
            $f->{ok} ? $promise->resolve( @{ $f->{values} } ) : $promise->reject( $f->{values}[0] );
        }
    );
    return $promise;
}

# --- Methods for Future::AsyncAwait

sub AWAIT_NEW_DONE { my ( $class, @values ) = @_; my $f = $class->new; $f->_set( 1, \@values ); return $f }
sub AWAIT_NEW_FAIL { my ( $class, @values ) = @_; my $f = $class->new; $f->_set( 0, \@values ); return $f }
sub AWAIT_CLONE    { my $f = $_[0]->new; $f->{returned} = 1; return $f }    ## no critic (RequireArgUnpacking)
sub AWAIT_DONE     { my ( $self, @values ) = @_; $self->_resolve( 1, @values ); return }
sub AWAIT_FAIL     { my ( $self, @values ) = @_; $self->_resolve( 0, @values ); return }
sub AWAIT_IS_READY { return defined $_[0]{ok} }
sub AWAIT_GET      { return $_[0]->result }
sub AWAIT_WAIT     { return $_[0]->get }
sub AWAIT_ON_READY { my ( $self, $code ) = @_; $self->{seen} = 1; $self->_when_ready($code); return }

# A function is not resumed when its own future was canceled. If the future that it waits for was canceled, it gets the exception.
sub AWAIT_IS_CANCELLED { my ($self) = @_; return $self->{cancelled} && $self->{returned} }
sub AWAIT_ON_CANCEL { my ( $self, $code ) = @_; $self->_on_cancel($code); return }

sub AWAIT_CHAIN_CANCEL {
    my ( $self, $other ) = @_;
    $self->_on_cancel( sub { $other->cancel } );
    return;
}

# --- The end

# By DESTROY, which the core has, for one with callbacks or a failure.
sub _dropped {
    my ($self) = @_;
    if ( my $callbacks = $self->{callbacks} ) {    # a long chain that is dropped needs no stack either
        push @dropped, splice @$callbacks;
        if ( !$dropping ) {
            local $dropping = 1;
            while (@dropped) { my $callback = shift @dropped }
        }
    }
    return if !defined $self->{ok} || $self->{ok} || $self->{seen} || $self->{cancelled};
    local ( $@, $!, $? );
    my ( $error, $name ) = ( $self->{values}[0], $self->{name} // 'a future' );
    chomp $error if !ref $error;
    my $text = ref $error && $error->isa('Sys::Virt::Error') ? $error->message : "$error";
    warn "$name failed, and nothing handled the error: $text"
        . ( $self->{where} // q{} )
        . "\n";    ## no critic (RequireCarping)
    return;
}

1;
