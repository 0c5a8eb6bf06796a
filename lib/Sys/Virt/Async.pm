# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Async;

# Non-blocking calls: $object->async->method(...). The core makes the calls, on its own threads; this module is the interface for
# scripts and event loops. The first use of `async` loads it (perl/lazy.c).

use 5.016;
use strict;
use warnings;

use Carp         ();
use Scalar::Util ();
use Sys::Virt;
use Sys::Virt::Async::Loops ();
use Sys::Virt::Future       ();

our @CARP_NOT = qw(Sys::Virt Sys::Virt::Future Sys::Virt::Async::Proxy);

# --- The proxy

my %option     = map { $_ => 1 } qw(timeout ordered urgent);
my %job_option = ( %option, on_progress => 1 );

sub check_options {
    my ( $what, $allowed, @options ) = @_;
    Carp::croak("$what takes options as pairs of a name and a value") if @options % 2;
    my %options = @options;
    for my $name ( sort keys %options ) {
        Carp::croak("$what has no option '$name'") if !$allowed->{$name};
    }
    if ( defined( my $timeout = $options{timeout} ) ) {
        Scalar::Util::looks_like_number("$timeout") && $timeout > 0    # an object counts by its number
            or Carp::croak("$what: timeout must be a number of seconds greater than 0");
    }
    return \%options;
}

# Methods that make several calls, with stubs in perl/lazy.c: the class of each, and its module.
our %composed = (
    ensure_domain       => [ 'Sys::Virt',              'Ensure' ],
    ensure_network      => [ 'Sys::Virt',              'Ensure' ],
    ensure_storage_pool => [ 'Sys::Virt',              'Ensure' ],
    ensure_volume       => [ 'Sys::Virt::StoragePool', 'Ensure' ],
    wait_for_block_job  => [ 'Sys::Virt::Domain',      'Wait::Jobs' ],
    wait_for_job        => [ 'Sys::Virt::Domain',      'Wait::Jobs' ],
    map { $_ => [ 'Sys::Virt::Domain', 'Wait' ] }
        qw(addresses wait_for_address wait_for_agent wait_for_state)
);

# The blocking form of such a method: its module has a function of that name, which takes the options of `async` and the arguments,
# and returns a future.
sub composed {
    my ( $module, $name, @arguments ) = @_;
    my $future = _compose( $module, $name, {}, @arguments );
    if ( !eval { $future->await; 1 } ) {    # a signal handler died
        my $error = $@;
        $future->cancel;
        die $error;                         ## no critic (RequireCarping)
    }
    return $future->result;
}

sub _compose {
    my ( $module, $name, @arguments ) = @_;
    require "Sys/Virt/" . ( $module =~ s{::}{/}r ) . ".pm";
    my $future = "Sys::Virt::$module"->can($name)->(@arguments);
    $future->{name} = $name;
    return $future;
}

sub proxy {
    my ( $object, @options ) = @_;
    my $how;
    if (@options) {
        $how = check_options( 'async',
            ref $object && $object->isa('Sys::Virt::Domain') ? \%job_option : \%option, @options );
        !defined $how->{on_progress} || ref $how->{on_progress} eq 'CODE'
            or Carp::croak('async: on_progress must be a CODE reference');
    }
    return bless [ $object, $how ], 'Sys::Virt::Async::Proxy';
}

sub limits {
    my ( $conn, @options ) = @_;
    my $options = check_options( 'async_limits', { slow => 1, all => 1 }, @options );
    my ( $slow, $all ) = _limits( $conn, @$options{qw(slow all)} );
    return ( slow => $slow, all => $all );
}

# AUTOLOAD, by which these are found before this file is loaded.
sub autoload {    ## no critic (RequireArgUnpacking)
    goto &{ autoloaded( $_[0], our $AUTOLOAD ) };
}

sub autoloaded {
    my ( $class, $name ) = @_;
    $name =~ s/.*:://s;
    return $class->can($name) if defined $class && !ref $class && $class->can($name);
    my ( undef, $file, $line ) = caller 1;
    return Sys::Virt::Async::Proxy::unknown( __PACKAGE__, $name, $file, $line );
}

# --- Many objects

my %all_option = ( %option, concurrency => 1, on_progress => 1 );

sub all {
    my ( $class, @arguments ) = @_;
    my $options =
        ref $arguments[0] eq 'HASH' ? check_options( 'all', \%all_option, %{ shift @arguments } ) : {};
    my ( $objects, $name, @rest ) = @arguments;
    ref $objects eq 'ARRAY' && defined $name && !ref $name
        or Carp::croak('Usage: Sys::Virt::Async->all([\%options,] \@objects, $method, @arguments)');
    my $most = delete $options->{concurrency} // 1000;
    Scalar::Util::looks_like_number($most) && $most >= 1
        or Carp::croak('all: concurrency must be a number of 1 or more');
    my $progress = delete $options->{on_progress};
    !defined $progress || ref $progress eq 'CODE' or Carp::croak('all: on_progress must be a CODE reference');
    return Sys::Virt::Async::All->start(
        objects   => [@$objects],
        name      => $name,
        arguments => \@rest,
        how       => $options,
        most      => $most,
        progress  => $progress
    );
}

{
    no warnings 'redefine';
    _rebind();
}

# --- For loops

sub fileno {    ## no critic (ProhibitBuiltinHomonyms)
    return _fileno();
}

sub dispatch { return Sys::Virt::Async::Loops::dispatch() }

sub join {    ## no critic (ProhibitBuiltinHomonyms)
    my ( $class, $loop ) = @_;
    Sys::Virt::Async::Loops::join_named($loop);
    return;
}

sub pending {
    my ( undef, undef, undef, $unsettled ) = _pending();
    return $unsettled;
}

# A future is not ready: waits until something happens.
sub _wait {
    my ($future) = @_;
    if ( defined $future->{queue} && $future->{queue} != _queue() ) {
        return $future->_resolve(
            0,
            Sys::Virt::Future::_error(
                55, ( $future->{name} // 'the call' ) . ' was made in another thread'
            )
        );
    }
    return if Sys::Virt::Async::Loops::dispatch() || defined $future->{ok};
    Sys::Virt::Async::Loops::turn($future);
    return;
}

package Sys::Virt::Async::Proxy;

our @CARP_NOT = qw(Sys::Virt::Async);

# Methods written in Perl that have a non-blocking form here.
my %own = (
    send_from  => sub { require Sys::Virt::Stream::Transfer; goto &Sys::Virt::Stream::Transfer::async_send },
    receive_to =>
        sub { require Sys::Virt::Stream::Transfer; goto &Sys::Virt::Stream::Transfer::async_receive },
);

sub unknown {
    my ( $object, $name, $file, $line ) = @_;
    die sprintf qq(Can't locate object method "%s" via package "%s" at %s line %d.\n), $name,
        ref $object || $object, $file, $line;    ## no critic (RequireCarping)
}

sub call {
    my ( $proxy, $name, $file, $line, @arguments ) = @_;
    my ($object) = @$proxy;
    my $method = $object->can($name) or unknown( $object, $name, $file, $line );
    if ( my $composed = $Sys::Virt::Async::composed{$name} ) {
        my ( $class, $module ) = @$composed;
        if ( $method == $class->can($name) ) {    # a subclass may have its own
            my $future = Sys::Virt::Async::_compose( $module, $name, $proxy->[1] // {}, $object, @arguments );
            $future->{where} = " at $file line $line.";
            return $future;
        }
    }
    my $other = $own{$name};
    return $other->( $proxy, $file, $line, $object, @arguments )
        if $other && $method == Sys::Virt::Stream->can($name);
    return submit( $proxy, $name, $method, $object, @arguments );
}

sub submit {
    my ( $proxy, $name, $method, @arguments ) = @_;
    my $future = bless { name => $name }, 'Sys::Virt::Future';
    my $how    = $proxy->[1];
    Sys::Virt::Async::_start( $future, $how, $method, @arguments ) || Sys::Virt::Async::Loops::join_all();
    if ( $how && ( my $code = $how->{on_progress} ) ) {
        require Sys::Virt::Wait::Jobs;
        Sys::Virt::Wait::Jobs::progress_of( $proxy->[0], $future, $code );
    }
    return $future;
}

sub method {
    my ($name) = @_;
    my $special = $Sys::Virt::Async::composed{$name} || $own{$name};
    return sub {
        my ( $proxy, @arguments ) = @_;
        my $object = $proxy->[0];
        my $method = !$special && $object->can($name);
        return submit( $proxy, $name, $method, $object, @arguments ) if $method;
        my ( undef, $file, $line ) = caller;
        return call( $proxy, $name, $file, $line, @arguments );
    };
}

sub AUTOLOAD {    ## no critic (ProhibitAutoloading)
    my ($proxy) = @_;
    my ($name)  = our $AUTOLOAD =~ /([^:]+)\z/;
    my ( undef, $file, $line ) = caller;
    my $object = ref $proxy ? $proxy->[0] : $proxy;
    ref $proxy && $object->can($name) or unknown( $object, $name, $file, $line );
    no strict 'refs';
    *{$AUTOLOAD} = method($name);
    goto &$AUTOLOAD;
}

sub can {    ## no critic (ProhibitBuiltinHomonyms)
    my ( $proxy, $name ) = @_;
    return UNIVERSAL::can( $proxy, $name ) if !ref $proxy;
    return $proxy->[0]->can($name) && method($name);
}

sub DESTROY { }

# The calls of `all`: each is an element, without its own future (perl/batch.c).
package Sys::Virt::Async::All;

our @CARP_NOT = qw(Sys::Virt::Async);

sub start {
    my ( $class, %self ) = @_;
    my $self   = bless { %self, results => [], process => $$ }, $class;
    my $future = $self->{future} = bless { name => "all of $self{name}" }, 'Sys::Virt::Future';
    my %known;
    for my $object ( @{ $self->{objects} } ) {
        my $package = ref $object || $object // q{};
        $known{$package} //=
            ( Scalar::Util::blessed($object) || !ref $object && $package ne q{} )
            && $object->can( $self{name} )
            or Carp::croak( sprintf q(all: Can't locate object method "%s" via package "%s"),
            $self{name}, $package );
    }
    $self->{methods} = \%known;
    _begin($self);
    my $error = eval { _fill($self); 1 } ? undef : $@;
    if ( defined $error ) {
        my ($index) = _state($self);
        die $error if !$index;    ## no critic (RequireCarping)
        $self->note( $index, 0, $error );
    }
    $future->_on_cancel( sub { $self->cancel } );
    $self->go_on;
    Sys::Virt::Async::Loops::join_all();
    return $future;
}

# Makes calls until enough are running; when all are done, the future is done. In a child process no call is made, because the
# objects' connections are its parent's.
sub go_on {
    my ($self) = @_;
    if ( $self->{process} != $$ ) {
        while ( defined( my $index = _skip($self) ) ) {
            $self->note( $index, 0, 'the call was made before a fork, in the parent process' );
        }
    }
    until ( eval { _fill($self); 1 } ) {
        my $error = $@;
        my ($index) = _state($self);
        $self->note( $index, 0, $error );
    }
    my ( undef, $done ) = _state($self);
    return if $done < @{ $self->{objects} };
    my $future = delete $self->{future} or return;
    $future->_resolve_with( 1, $self->{results} );
    return;
}

sub note {
    my ( $self, $index, $ok, @values ) = @_;
    my $result = $ok == 2 ? \@values : $values[0];
    $result = Sys::Virt::Future::_error( 8, $result =~ s/\n\z//r )
        if !$ok && !( Scalar::Util::blessed($result) && $result->isa('Sys::Virt::Error') );
    my $done = _note( $self, $index, $result );
    Sys::Virt::Future::_guarded(
        $self->{progress}, $done,
        scalar @{ $self->{objects} },
        $self->{objects}[$index], $result
    ) if $self->{progress};
    return;
}

sub cancel {
    my ($self) = @_;
    delete $self->{future};
    _stop($self);
    return;
}

# Called by the core: when an element has a result and more calls can be made; and for a result that the core cannot store.
sub _go_on {
    my ($self) = @_;
    $self->go_on;
    Sys::Virt::Future::_run_callbacks();
    return;
}

sub _told {
    my ( $self, @outcome ) = @_;
    $self->note(@outcome);
    return $self->_go_on;
}

1;
