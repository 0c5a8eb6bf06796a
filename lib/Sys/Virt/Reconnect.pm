# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Reconnect;

# A connection that is opened again when it breaks, with its events and a snapshot. Each attempt is a task: open the connection,
# register the events, and take the snapshot. Events that arrive before the script has the snapshot are queued.

use 5.016;
use strict;
use warnings;

use Carp                    ();
use Scalar::Util            ();
use Sys::Virt               ();
use Sys::Virt::Async::Task  ();
use Sys::Virt::Async::Loops ();
use Sys::Virt::Event        ();

our @CARP_NOT = qw(Sys::Virt::Async);

my %default = (
    min_delay    => 0.5,
    max_delay    => 60,
    open_timeout => 30,
    snapshot     => ['domain'],
    keep_alive   => [ 5, 3 ]
);
my @handlers = qw(on_connect on_disconnect on_retry on_give_up);

# The kinds of objects for events and snapshots: the method that identifies one, and the methods to look one up and to list all.
my %kind = (
    domain       => [ 'get_uuid_string', 'get_domain_by_uuid' ],
    network      => [ 'get_uuid_string', 'get_network_by_uuid' ],
    storage_pool => [ 'get_uuid_string', 'get_storage_pool_by_uuid' ],
    node_device  => [ 'get_name',        'get_node_device_by_name' ],
    secret       => [ 'get_uuid_string', 'get_secret_by_uuid' ],
    nwfilter     => [ 'get_uuid_string', 'get_nwfilter_by_uuid' ],
);

# The time limit in seconds for registering callbacks, which blocks, and for unregistering them.
use constant CALL_TIMEOUT => 5;

# Errors that another attempt cannot change.
my @final = qw(NO_CONNECT INVALID_ARG NO_SUPPORT);

sub new {
    my ( $class, @options ) = @_;
    Carp::croak("$class takes options as pairs of a name and a value") if @options % 2;
    my %open = @options;
    my %own  = map { $_ => exists $open{$_} ? delete $open{$_} : $default{$_} } keys %default, @handlers,
        'attempts';
    for my $name (@handlers) {
        !defined $own{$name} || ref $own{$name} eq 'CODE'
            or Carp::croak("$class: $name must be a CODE reference");
    }
    for my $name (qw(min_delay max_delay open_timeout attempts)) {
        !defined $own{$name} || Scalar::Util::looks_like_number( $own{$name} ) && $own{$name} > 0
            or Carp::croak("$class: $name is a number greater than 0");
    }
    for my $name (qw(snapshot keep_alive)) {
        !defined $own{$name} || ref $own{$name} eq 'ARRAY'
            or Carp::croak("$class: $name must be a reference to an array");
    }
    my ($bad) = grep { !/\A(?:domain|network|storage_pool)\z/ } @{ $own{snapshot} // [] };
    Carp::croak("$class: there is no snapshot of '$bad'") if defined $bad;
    my $self = bless {
        %own,
        process   => $$,
        open      => \%open,
        waiting   => [],
        callbacks => {},
        last      => 0,
        number    => 0,
        failures  => 0,
    }, $class;
    $self->attempt;
    return $self;
}

# --- Attempts

sub attempt {
    my ($self) = @_;
    delete $self->{timer};
    $self->{process} = $$;
    my $number = ++$self->{number};
    my $task   = $self->{task} = Sys::Virt::Async::Task->new(
        what    => 'connecting' . ( defined $self->{open}{uri} ? " to $self->{open}{uri}" : q{} ),
        timeout => $self->{open_timeout},
    );
    Scalar::Util::weaken( my $weak = $self );
    $task->future->on_ready(
        sub {
            my ($future) = @_;
            return if !$weak || $weak->{number} != $number;
            delete $weak->{task};
            my $error = $future->failure;
            return defined $error ? $weak->failed($error) : $weak->ready( $future->result );
        }
    );

    # A callback for credentials runs on the script's thread, so that opening blocks.
    my $future = eval {
        $self->{open}{callback}
            ? Sys::Virt::Future->AWAIT_NEW_DONE( Sys::Virt->new( %{ $self->{open} } ) )
            : Sys::Virt->async( timeout => $self->{open_timeout} )->new( %{ $self->{open} } );
    } or return $task->fail($@);
    $task->follow(
        $future,
        sub {
            my ( $error, $conn ) = @_;
            return $task->fail($error) if defined $error;
            return                     if !$weak || $weak->{number} != $number;
            $weak->prepare( $task, $conn, $number );
        }
    );
    return;
}

sub prepare {
    my ( $self, $task, $conn, $number ) = @_;
    Scalar::Util::weaken( my $weak = $self );
    @$self{qw(conn live queue)} = ( $conn, {}, [] );
    $conn->set_call_timeout(CALL_TIMEOUT);    # what follows blocks
    if ( $Sys::Virt::Event::eventimpl || Sys::Virt::Event::_has_default() ) {
        eval {                                # some drivers have neither
            $conn->register_close_callback(
                sub {
                    my ( undef, $reason ) = @_;
                    $weak->lost( $number, reason($reason) ) if $weak;
                    return;
                }
            );
        };
        eval { $conn->set_keep_alive( @{ $self->{keep_alive} } ) } if $self->{keep_alive};
        my %needed = map { ( "$_->{kind} $_->{event}" => $_ ) } values %{ $self->{callbacks} };
        for my $name ( sort keys %needed ) {
            eval { $self->listen( @{ $needed{$name} }{qw(kind event)} ); 1 } or return $task->fail($@);
        }
    }
    $conn->set_call_timeout( $self->{open}{timeout} );
    my %snapshot;
    $self->take( $task, \%snapshot, @{ $self->{snapshot} // [] } );
    return;
}

sub reason {
    my ($reason) = @_;
    my $name = Sys::Virt->name_of( CLOSE_REASON => $reason ) // $reason;
    return Sys::Virt::Async::Task::error( RPC => "the connection was closed: $name" );
}

# The snapshot of one kind of objects after the other.
sub take {
    my ( $self, $task, $snapshot, $kind, @more ) = @_;
    my $conn = $self->{conn};
    return $task->done( $conn, $snapshot ) if !defined $kind;
    my $all = $snapshot->{$kind} = {};
    Scalar::Util::weaken( my $weak = $self );
    my $next = sub { $weak->take( $task, $snapshot, @more ) if $weak };
    my $add  = sub {
        my ( $object, %what ) = @_;
        $all->{ $object->get_uuid_string } = { object => $object, name => $object->get_name, %what };
    };
    my $method = $kind eq 'domain' ? 'get_state' : 'is_active';
    my $list   = sub {
        $task->call(
            sub {
                my ( $error, @objects ) = @_;
                return $task->fail($error) if defined $error;
                $task->follow(
                    Sys::Virt::Async->all( \@objects, $method ),
                    sub {
                        my ( undef, @results ) = @_;
                        for my $index ( 0 .. $#objects ) {
                            my $result = $results[$index];
                            next if Scalar::Util::blessed($result);    # it has just gone
                            $add->(
                                $objects[$index],
                                $kind eq 'domain'
                                ? ( state => $result->[0], reason => $result->[1] )
                                : ( active => $result )
                            );
                        }
                        $next->();
                    }
                );
            },
            $conn,
            "list_all_${kind}s"
        );
    };
    return $list->() if $kind ne 'domain';
    $task->call(
        sub {
            my ( $error, @records ) = @_;
            return $list->()           if Sys::Virt::Async::Task::has_code( $error, 'NO_SUPPORT' );
            return $task->fail($error) if defined $error;
            $add->( $_->{dom}, state => $_->{data}{'state.state'}, reason => $_->{data}{'state.reason'} )
                for @records;
            $next->();
        },
        $conn,
        get_all_domain_stats => Sys::Virt::Domain::STATS_STATE()
    );
    return;
}

sub ready {
    my ( $self, $conn, $snapshot ) = @_;
    @$self{qw(ready failures)} = ( 1, 0 );
    my $number = $self->{number};
    $self->tell( on_connect => $conn, $snapshot );
    while ( $self->{queue} && $number == $self->{number} ) {
        my $event = shift @{ $self->{queue} } or last;
        $self->deliver(@$event);
    }
    return if $number != $self->{number};    # a callback has ended it
    delete $self->{queue};
    $_->_resolve( 1, $conn ) for splice @{ $self->{waiting} };
    return;
}

# An attempt failed: schedules the next one, with a longer wait each time.
sub failed {
    my ( $self, $error ) = @_;
    $self->drop;
    my $failures = ++$self->{failures};
    my $final    = !ref $error || Sys::Virt::Async::Task::has_code( $error, @final );
    if ( $final || $self->{attempts} && $failures >= $self->{attempts} ) {
        $self->{given_up} = $error;
        $self->tell( on_give_up => $error );
        $_->_resolve( 0, $error ) for splice @{ $self->{waiting} };
        return;
    }
    my $delay = $self->delay( $failures - 1 );
    $self->later($delay);
    $self->tell( on_retry => $error, $delay );
    return;
}

# Doubles each time, shortened by a random factor of up to one half, so that the clients of a daemon do not return together.
sub delay {
    my ( $self, $failures ) = @_;
    my $delay = $self->{min_delay} * 2**( $failures < 30 ? $failures : 30 );
    $delay = $self->{max_delay} if $delay > $self->{max_delay};
    return $delay * ( 0.5 + rand 0.5 );
}

sub later {
    my ( $self, $delay ) = @_;
    Scalar::Util::weaken( my $weak = $self );
    $self->{timer} = Sys::Virt::Async::Loops::after( $delay, sub { $weak->attempt if $weak } );
    return;
}

# The connection with that number has broken. May be called in any callback or call.
sub lost {
    my ( $self, $number, $error ) = @_;
    return if $number != $self->{number} || $self->{process} != $$;
    if ( my $task = $self->{task} ) { return $task->fail($error) }    # before it was ready
    return if !$self->{ready};
    $self->drop;
    $self->{number}++;
    $self->later( $self->delay(0) );
    $self->tell( on_disconnect => $error );
    return;
}

# Closes the connection later, because this may run in one of its callbacks.
sub drop {
    my ($self) = @_;
    my $conn = delete $self->{conn};
    delete @$self{qw(ready live queue)};
    Sys::Virt::Async::Loops::after(
        0,
        sub {
            eval { $conn->close }
        }
    ) if $conn;
    return;
}

sub close_now {
    my ($conn) = @_;
    eval { $conn->set_call_timeout(CALL_TIMEOUT); $conn->close };
    return;
}

sub tell {
    my ( $self, $name, @arguments ) = @_;
    Sys::Virt::Future::_guarded( $self->{$name}, $self, @arguments ) if $self->{$name};
    return;
}

# --- The connection

sub is_connected { return $_[0]{ready} && $_[0]{process} == $$ }

# A child process after fork connects again when it uses the object, and leaves the connection to its parent.
sub leave_parent {
    my ($self) = @_;
    return if $self->{process} == $$;
    $self->{number}++;
    $self->{process} = $$;
    my ( $task, $timer ) = delete @$self{qw(task timer conn ready live queue)};
    my $future = $task && $task->future;
    $future->cancel                             if $future;
    Sys::Virt::Async::Loops::stop_timer($timer) if $timer;
    return;
}

# The same, and begins to connect.
sub own {
    my ($self) = @_;
    return if $self->{process} == $$;
    $self->leave_parent;
    $self->attempt if !defined $self->{given_up};
    return;
}

sub connected {
    my ($self) = @_;
    my $future = Sys::Virt::Future->new;
    $self->look;
    if    ( $self->{ready} )            { $future->_resolve( 1, $self->{conn} ) }
    elsif ( defined $self->{given_up} ) { $future->_resolve( 0, $self->{given_up} ) }
    else {
        push @{ $self->{waiting} }, $future;
        Scalar::Util::weaken( my $weak = $self );
        $future->_on_cancel(
            sub {
                @{ $weak->{waiting} } = grep { $_ != $future } @{ $weak->{waiting} } if $weak;
            }
        );
    }
    return $future;
}

# A break that no event loop has reported.
sub look {
    my ( $self, $error ) = @_;
    $self->own;
    return if !$self->{ready} || eval { $self->{conn}->is_alive };
    $self->lost( $self->{number},
        $error // Sys::Virt::Async::Task::error( RPC => 'the connection is not alive' ) );
    return;
}

sub connection {
    my ( $self, @options ) = @_;
    my $options = Sys::Virt::Async::check_options( 'connection', { timeout => 1 }, @options );
    $self->look;
    return $self->{conn} if $self->{ready};
    my $waiting = $self->connected;
    my $timeout = $options->{timeout} or return got($waiting);
    my $task    = Sys::Virt::Async::Task->new( what => 'waiting for the connection', timeout => $timeout );
    my $future  = $task->future;
    $task->follow( $waiting,
        sub { my ( $error, $conn ) = @_; defined $error ? $task->fail($error) : $task->done($conn) } );
    return got( $future, $waiting );
}

# The result of the first future; if it fails, or a signal handler dies, nobody waits any more.
sub got {
    my (@futures) = @_;
    my $conn = eval { $futures[0]->get } or do {
        my $error = $@;
        $_->cancel for @futures;
        die $error;    ## no critic (RequireCarping)
    };
    $_->cancel for @futures;
    return $conn;
}

sub call {
    my ( $self, $code ) = @_;
    ref $code eq 'CODE' or Carp::croak('call needs a reference to a sub');
    my $conn = $self->connection;
    my @values;
    my $ok = wantarray ? eval { @values = $code->($conn); 1 } : eval { $values[0] = $code->($conn); 1 };
    if ( !$ok ) {
        my $error = $@;
        $self->look($error);
        die $error;    ## no critic (RequireCarping)
    }
    return wantarray ? @values : $values[0];
}

sub reconnect {
    my ($self) = @_;
    return if $self->{closed};
    $self->leave_parent;
    my $was = $self->{ready};
    Sys::Virt::Async::Loops::stop_timer( $self->{timer} ) if $self->{timer};
    delete $self->{given_up};
    $self->stop;
    $self->tell( on_disconnect => undef ) if $was;
    $self->attempt                        if !$self->{task} && !$self->{closed};    # by on_disconnect
    return;
}

# Ends an attempt, and the connection.
sub stop {
    my ($self) = @_;
    $self->{number}++;
    if ( my $task = delete $self->{task} ) {
        my $future = $task->future;
        $future->cancel if $future;
    }
    Sys::Virt::Async::Loops::stop_timer( delete $self->{timer} ) if $self->{timer};
    $self->drop;
    return;
}

sub close {    ## no critic (ProhibitBuiltinHomonyms)
    my ($self) = @_;
    return if $self->{closed}++;
    $self->leave_parent;
    my $error = $self->{given_up} =
        Sys::Virt::Async::Task::error( INVALID_CONN => 'the connection was closed' );
    my $conn = $self->{conn};
    $self->stop;
    close_now($conn) if $conn;
    for my $future ( splice @{ $self->{waiting} } ) {
        $future->{seen} = 1;    # the caller of close knows
        $future->_resolve( 0, $error );
    }
    return;
}

sub DESTROY {
    my ($self) = @_;
    return if ${^GLOBAL_PHASE} eq 'DESTRUCT';
    local ( $@, $!, $? );
    $self->close;
    return;
}

# --- Objects

for my $kind ( grep { $_ ne 'node_device' } keys %kind ) {
    my ( $id_of, $find ) = @{ $kind{$kind} };
    no strict 'refs';    ## no critic (ProhibitNoStrict)
    *$kind = sub {
        my ( $self, $which ) = @_;
        defined $which or Carp::croak("$kind needs a UUID, or an object");
        my $id = Scalar::Util::blessed($which) ? $which->$id_of : $which;
        return scalar $self->call( sub { my ($conn) = @_; return scalar $conn->$find($id) } );
    };
}

# --- Events

for my $kind ( grep { $_ ne 'nwfilter' } keys %kind ) {
    my ($id_of) = @{ $kind{$kind} };
    no strict 'refs';    ## no critic (ProhibitNoStrict)
    *{"${kind}_event_register_any"} = sub {
        my ( $self, $which, $event, $code ) = @_;
        ref $code eq 'CODE' or Carp::croak("${kind}_event_register_any needs a reference to a sub");
        $self->own;
        my $id = ++$self->{last};
        $self->{callbacks}{$id} = {
            kind  => $kind,
            event => $event,
            code  => $code,
            of    => Scalar::Util::blessed($which) ? $which->$id_of : defined $which ? lc $which : undef,
        };
        return $id if !$self->{live};
        if ( !eval { $self->listen( $kind, $event ); 1 } ) {
            my $error = $@;
            $self->look($error);
            return $id if !$self->{conn};    # it is done when it is back
            delete $self->{callbacks}{$id};
            die $error;                      ## no critic (RequireCarping)
        }
        return $id;
    };
    *{"${kind}_event_deregister_any"} = sub {
        my ( $self, $id ) = @_;
        $self->own;
        my $callback = delete $self->{callbacks}{ $id // q{} } or return;
        my $name     = "$kind $callback->{event}";
        return if !$self->{live} || grep { "$_->{kind} $_->{event}" eq $name } values %{ $self->{callbacks} };
        my $live   = delete $self->{live}{$name} // return;
        my $method = "${kind}_event_deregister_any";
        eval { $self->{conn}->$method($live); 1 } or $self->look($@);
        return;
    };
}

# One registration with libvirt serves all callbacks for an event.
sub listen {    ## no critic (ProhibitBuiltinHomonyms)
    my ( $self, $kind, $event ) = @_;
    return if defined $self->{live}{"$kind $event"};
    Scalar::Util::weaken( my $weak = $self );
    my $number = $self->{number};
    my $method = "${kind}_event_register_any";
    $self->{live}{"$kind $event"} = $self->{conn}->$method(
        undef, $event,
        sub {
            my @arguments = @_;
            return if !$weak || $weak->{number} != $number;
            if ( $weak->{queue} ) { push @{ $weak->{queue} }, [ $kind, $event, @arguments ] }
            else                  { $weak->deliver( $kind, $event, @arguments ) }
            Sys::Virt::Future::_run_callbacks();    # throws what a callback died with
            return;
        }
    );
    return;
}

sub deliver {
    my ( $self, $kind, $event, $conn, $object, @arguments ) = @_;
    my $id_of = $kind{$kind}[0];
    for my $id ( sort { $a <=> $b } keys %{ $self->{callbacks} } ) {
        last if $self->{closed};    # by an earlier one, which may also have unregistered this one
        my $callback = $self->{callbacks}{$id} or next;
        next if $callback->{kind} ne $kind || $callback->{event} != $event;
        next if defined $callback->{of} && $callback->{of} ne $object->$id_of;
        Sys::Virt::Future::_guarded( $callback->{code}, $conn, $object, @arguments );
    }
    return;
}

1;
