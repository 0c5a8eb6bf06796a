# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Wait;

# wait_for_state and similar methods. Each checks the domain repeatedly: immediately after a libvirt event if there are events, and
# at intervals otherwise.

use 5.016;
use strict;
use warnings;

use Carp                   ();
use Scalar::Util           ();
use Sys::Virt              ();
use Sys::Virt::Event       ();
use Sys::Virt::Async::Task ();

our @ISA      = ('Sys::Virt::Async::Task');
our @CARP_NOT = qw(Sys::Virt::Wait::Jobs Sys::Virt::Async Sys::Virt::Async::Proxy);

# Seconds between checks: the first pause, the longest one, the one with events, and the one with a progress callback.
use constant { FIRST => 0.1, LONGEST => 1, RARE => 2, SHOWN => 0.25 };

# The time limit in seconds for an answer of the agent. Answers may be lost while the agent starts: then it is asked again.
use constant ANSWER => 10;

BEGIN { *has_code = \&Sys::Virt::Async::Task::has_code; *error = \&Sys::Virt::Async::Task::error }

sub constant_of { my ($name) = @_; return Sys::Virt::Domain->can($name)->() }

my %common = map { $_ => 1 } qw(timeout interval);

# Checks the options, and creates the object. `how` has the options of `async`.
sub start {
    my ( $class, $method, $how, $dom, $more, @options ) = @_;
    my $options = Sys::Virt::Async::check_options( $method, { %common, map { $_ => 1 } @$more }, @options );
    for my $name (qw(on_progress start)) {
        my $code = $options->{$name} // next;
        ref $code eq 'CODE' or Carp::croak("$method: $name must be a CODE reference");
    }
    my $interval = $options->{interval};
    !defined $interval || Scalar::Util::looks_like_number($interval) && $interval > 0
        or Carp::croak("$method: interval is a number of seconds greater than 0");
    $options->{on_progress} //= $how->{on_progress};
    return $class->new(
        what    => $method . ' of ' . $dom->get_name,
        timeout => $options->{timeout} // $how->{timeout},
        dom     => $dom,
        options => $options,
        pause   => FIRST,
        best    => 0,
    );
}

# --- Checking

# Checks now, after each `soon`, and after the pauses, until the task is over. Each check ends with `later`.
sub run {
    my ( $self, $look ) = @_;
    $self->{look} = $look;
    my $future = $self->future;
    $self->prepare( sub { $self->look } );
    return $future;
}

# The same, for looks that are a call, of which the code gets the error and the result.
sub watch {
    my ( $self, $code, @call ) = @_;
    return $self->run( sub { $self->call( $code, @call ) } );
}

sub look {
    my ($self) = @_;
    return                                   if $self->is_over;
    $self->not_after( delete $self->{next} ) if $self->{next};
    @$self{qw(looking again)} = ( 1, 0 );
    $self->guard( $self->{look}, $self );
    return;
}

sub soon {
    my ($self) = @_;
    return $self->{again} = 1 if $self->{looking};
    return $self->look;
}

sub later {
    my ($self) = @_;
    return if $self->is_over;
    $self->{looking} = 0;
    return $self->look if $self->{again};
    my $pause = $self->{options}{interval} // ( $self->{options}{on_progress} ? SHOWN : undef );
    if ( !defined $pause ) {
        $pause = $self->{events} ? RARE : $self->{pause};
        $self->{pause} = $self->{pause} * 1.5 < LONGEST ? $self->{pause} * 1.5 : LONGEST;
    }
    $self->{next} = $self->after( $pause, sub { delete $self->{next}; $self->look } );
    return;
}

# Adds an event of the domain, and code that is called with the event's arguments.
sub listen {    ## no critic (ProhibitBuiltinHomonyms)
    my ( $self, @event ) = @_;
    push @{ $self->{listen} }, \@event;
    return;
}

# Registers for events if there is an event loop, and continues. Registering blocks, so a non-blocking call is made first, which
# shows that the daemon answers.
sub prepare {
    my ( $self, $go_on ) = @_;
    my $wanted = delete $self->{listen};
    return $go_on->() if !$wanted || !$Sys::Virt::Event::eventimpl && !Sys::Virt::Event::_has_default();
    return $self->call(
        sub {
            my ($error) = @_;
            $self->register(@$_) for defined $error ? () : @$wanted;
            $go_on->();
        },
        $self->{dom},
        'is_active'
    );
}

sub register {
    my ( $self, $event, $code ) = @_;
    my $conn = $self->{conn} //= $self->{dom}->get_connect;
    my $id   = eval {
        $conn->domain_event_register_any(
            $self->{dom},
            constant_of("EVENT_ID_$event"),
            sub {
                my ( undef, undef, @arguments ) = @_;
                $self->guard( $code, @arguments ) if !$self->is_over;
                return;
            }
        );
    };
    push @{ $self->{events} }, $id if defined $id;
    return;
}

sub end {
    my ($self) = @_;
    my ( $conn, $events ) = delete @$self{qw(conn events)};
    delete @$self{qw(look probes listen)};
    $self->SUPER::end;

    # A child process would make calls on its parent's connection.
    return if !$events || $self->{process} != $$;

    # When the daemon answers or has ended: the wait may have ended because the daemon does not answer.
    my $answer = eval { $conn->async( urgent => 1 )->get_library_version } or return;
    $answer->on_ready(
        sub {
            for my $id (@$events) {
                eval { $conn->domain_event_deregister_any($id) };
            }
        }
    );
    return;
}

# --- A domain that has stopped

my ( %off, %state_of );

sub is_off {
    my ($state) = @_;
    %off = map { constant_of("STATE_$_") => 1 } qw(SHUTOFF CRASHED) if !%off;
    return $off{$state};
}

sub dead {
    my ( $self, $why ) = @_;
    return $self->fail( error( OPERATION_INVALID => "$self->{what}: the domain is not running: $why" ) );
}

# Ends the wait immediately when the domain stops, unless the code, which gets the event's detail, accepts that.
sub listen_for_stop {
    my ( $self, $allowed ) = @_;
    return $self->listen(
        LIFECYCLE => sub {
            my ( $event, $detail ) = @_;
            return if $event != constant_of('EVENT_STOPPED') || $allowed && $allowed->($detail);
            $self->dead(
                lc( Sys::Virt::Domain->name_of( EVENT_STOPPED => $detail ) // "stopped ($detail)" ) );
        }
    );
}

# Continues with the state and its reason if the domain is active. Otherwise ends the wait, unless the code accepts that.
sub if_active {
    my ( $self, $go_on, $allowed ) = @_;
    return $self->call(
        sub {
            my ( $error, $state, $reason ) = @_;
            return $self->dead('there is no such domain any more') if has_code( $error, 'NO_DOMAIN' );
            return $self->fail($error)                             if $error;
            return $go_on->( $state, $reason )                     if !is_off($state);
            return if $allowed && $allowed->( $state, $reason );
            my $name = Sys::Virt::Domain->name_of( STATE => $state );
            $self->dead( lc join ', ',
                $name, Sys::Virt::Domain->name_of( "STATE_$name", $reason ) // $reason );
        },
        $self->{dom},
        'get_state'
    );
}

# --- States

# The states that follow from events.
my %event_state = (
    STARTED     => 'RUNNING',
    RESUMED     => 'RUNNING',
    SUSPENDED   => 'PAUSED',
    STOPPED     => 'SHUTOFF',
    SHUTDOWN    => 'SHUTDOWN',
    PMSUSPENDED => 'PMSUSPENDED',
    CRASHED     => 'CRASHED',
);

sub wait_for_state {
    my ( $how, $dom, $states, @options ) = @_;
    my @states = ref $states eq 'ARRAY' ? @$states : $states;
    my @bad    = grep { !defined || !defined Sys::Virt::Domain->name_of( STATE => $_ ) } @states;
    Carp::croak('wait_for_state needs a state, one of STATE_*, or a reference to an array of states')
        if @bad || !@states;
    my %wanted = map { $_ => 1 } @states;
    my $self   = __PACKAGE__->start( 'wait_for_state', $how, $dom, [], @options );
    my $off    = $wanted{ constant_of('STATE_SHUTOFF') };
    my ( $seen_active, $was );

    %state_of = map { constant_of("EVENT_$_") => constant_of("STATE_$event_state{$_}") } keys %event_state
        if !%state_of;
    $self->listen(
        LIFECYCLE => sub {
            my ($event) = @_;
            my $state = $state_of{$event} // return;
            $seen_active     = 1      if !is_off($state);
            $was             = $state if $wanted{$state};
            $self->{stopped} = 1      if $event == constant_of('EVENT_STOPPED');
            $self->soon;
        }
    );
    return $self->watch(
        sub {
            my ( $error, $state, $reason ) = @_;
            if ( has_code( $error, 'NO_DOMAIN' ) ) {
                return $self->done( constant_of('STATE_SHUTOFF'), 0 )  if $off;
                return $self->dead('there is no such domain any more') if $seen_active;
            }
            return $self->fail($error)            if $error;
            return $self->done( $state, $reason ) if $wanted{$state};
            return $self->done( $was, 0 )         if defined $was;      # it was in that state for a moment
            $seen_active = 1                      if !is_off($state);
            return $self->dead( lc Sys::Virt::Domain->name_of( STATE => $state ) )
                if $seen_active && is_off($state);
            $self->later;
        },
        $dom,
        'get_state'
    );
}

# --- Addresses

# Those to ask; bad options throw.
sub sources {
    my ( $method, $options ) = @_;
    my $sources = $options->{sources}
        // [ map { constant_of("INTERFACE_ADDRESSES_SRC_$_") } qw(LEASE AGENT ARP) ];
    ref $sources eq 'ARRAY' && @$sources && !grep { !Scalar::Util::looks_like_number($_) } @$sources
        or Carp::croak("$method: sources must be a reference to an array of INTERFACE_ADDRESSES_SRC_*");
    my $type = $options->{type};
    !defined $type
        || Scalar::Util::looks_like_number($type) && defined Sys::Virt->name_of( IP_ADDR_TYPE => 0 + $type )
        or Carp::croak("$method: type is Sys::Virt::IP_ADDR_TYPE_IPV4 or Sys::Virt::IP_ADDR_TYPE_IPV6");
    return @$sources;
}

# The addresses in the answer of one source, without loopback and link-local ones.
sub usable {
    my ( $options, $source, @interfaces ) = @_;
    my @found;
    for my $interface (@interfaces) {
        for my $address ( @{ $interface->{addrs} // [] } ) {
            next if defined $options->{type} && $address->{type} != $options->{type};
            next if !$options->{local} && $address->{addr} =~ /\A(?:127[.]|169[.]254[.]|::1\z|fe[89ab])/i;
            push @found,
                { %$address, name => $interface->{name}, hwaddr => $interface->{hwaddr}, source => $source };
        }
    }
    return @found;
}

my @address_options = qw(sources type local);

sub addresses {
    my ( $how, $dom, @options ) = @_;
    my $self    = __PACKAGE__->start( 'addresses', $how, $dom, \@address_options, @options );
    my $future  = $self->future;
    my @sources = eval { sources( 'addresses', $self->{options} ) } or return $self->_refuse;
    my ( @results, @errors );
    my $left = @sources;
    for my $index ( 0 .. $#sources ) {
        $self->call(
            sub {
                my ( $error, @interfaces ) = @_;
                if ($error) { push @errors, $error }
                else { $results[$index] = [ usable( $self->{options}, $sources[$index], @interfaces ) ] }
                return                           if --$left;
                return $self->fail( $errors[0] ) if @errors == @sources;
                my %seen;
                $self->done( grep { !$seen{ $_->{addr} }++ } map { @{ $_ // [] } } @results );
            },
            $dom,
            get_interface_addresses => $sources[$index]
        );
    }
    return $future;
}

# Invalid arguments throw; the future that already exists is then dropped without a warning.
sub _refuse {
    my ($self) = @_;
    my $error = $@;
    $self->end;
    die $error;    ## no critic (RequireCarping)
}

sub wait_for_address {
    my ( $how, $dom, @options ) = @_;
    my $self    = __PACKAGE__->start( 'wait_for_address', $how, $dom, \@address_options, @options );
    my @sources = eval { sources( 'wait_for_address', $self->{options} ) } or return $self->_refuse;
    $self->{probes} = {};
    $self->listen_for_stop;
    $self->listen( AGENT_LIFECYCLE => sub { $self->soon } );
    my $ask = sub {
        my ($source) = @_;
        $self->{probes}{$source} = 1;
        $self->follow(
            $self->{dom}->async( timeout => ANSWER )->get_interface_addresses($source),
            sub {
                my ( $error, @interfaces ) = @_;
                delete $self->{probes}{$source};
                if ( has_code( $error, qw(ARGUMENT_UNSUPPORTED NO_SUPPORT OPERATION_UNSUPPORTED) ) ) {
                    @sources = grep { $_ != $source } @sources;    # it will not do better the next time
                    $self->fail($error) if !@sources;
                    return;
                }
                my @found = $error ? () : usable( $self->{options}, $source, @interfaces );
                $self->done(@found) if @found;
            }
        );
    };
    return $self->run(
        sub {
            $self->if_active(
                sub {
                    for my $source (@sources) {
                        $ask->($source) if !$self->is_over && !$self->{probes}{$source};
                    }
                    $self->later;
                }
            );
        }
    );
}

# --- The guest agent

sub wait_for_agent {
    my ( $how, $dom, @options ) = @_;
    my $self = __PACKAGE__->start( 'wait_for_agent', $how, $dom, [], @options );
    my $asking;
    $self->listen_for_stop;
    $self->listen( AGENT_LIFECYCLE => sub { $self->soon } );
    my $ask = sub {
        $asking = 1;
        $self->follow(
            $dom->async( timeout => ANSWER )->get_time,
            sub {
                my ($error) = @_;
                $asking = 0;
                return $self->done if !$error;
                return if has_code( $error, qw(AGENT_UNRESPONSIVE AGENT_UNSYNCED OPERATION_TIMEOUT) );

                # It may have stopped in between: the next check has a better message.
                return $self->fail($error) if !has_code( $error, qw(OPERATION_INVALID NO_DOMAIN) );
            }
        );
    };
    return $self->run(
        sub {
            $self->if_active( sub { $ask->() if !$asking; $self->later } );
        }
    );
}

1;
