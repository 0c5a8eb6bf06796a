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
our @CARP_NOT = qw(Sys::Virt::Async Sys::Virt::Async::Proxy);

# Seconds between checks: the first pause, the longest one, the one with events, and the one with a progress callback.
use constant { FIRST => 0.1, LONGEST => 1, RARE => 2, SHOWN => 0.25 };

# The time limit in seconds for an answer of the agent. Answers may be lost while the agent starts: then it is asked again.
use constant ANSWER => 10;

# How much later than the end of a job its event may arrive.
use constant GRACE => 1;

BEGIN { *has_code = \&Sys::Virt::Async::Task::has_code; *error = \&Sys::Virt::Async::Task::error }

sub constant_of { my ($name) = @_; return Sys::Virt::Domain->can($name)->() }

my %common = map { $_ => 1 } qw(timeout interval);

# Checks the options, and creates the object. `how` has the options of `async`.
sub start {
    my ( $method, $how, $dom, $more, @options ) = @_;
    my $options = Sys::Virt::Async::check_options( $method, { %common, map { $_ => 1 } @$more }, @options );
    for my $name (qw(on_progress start)) {
        my $code = $options->{$name} // next;
        ref $code eq 'CODE' or Carp::croak("$method: $name must be a CODE reference");
    }
    my $interval = $options->{interval};
    !defined $interval || Scalar::Util::looks_like_number($interval) && $interval > 0
        or Carp::croak("$method: interval is a number of seconds greater than 0");
    $options->{on_progress} //= $how->{on_progress};
    return __PACKAGE__->new(
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
    my $self   = start( 'wait_for_state', $how, $dom, [], @options );
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
    my $self    = start( 'addresses', $how, $dom, \@address_options, @options );
    my $future  = $self->future;
    my @sources = eval { sources( 'addresses', $self->{options} ) } or return _refuse($self);
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
    my $self    = start( 'wait_for_address', $how, $dom, \@address_options, @options );
    my @sources = eval { sources( 'wait_for_address', $self->{options} ) } or return _refuse($self);
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
    my $self = start( 'wait_for_agent', $how, $dom, [], @options );
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

# --- Jobs

# A whole percentage, which never decreases; 100 is for the end.
sub show {
    my ( $self, $share, $info ) = @_;
    my $percent = int 100 * $share;
    $percent      = 99       if $percent > 99;
    $self->{best} = $percent if $percent > $self->{best};
    return $self->tell( $self->{options}{on_progress}, $self->{best}, $info );
}

sub share_of {
    my ($info) = @_;
    return $info->{dataTotal} ? 1 - $info->{dataRemaining} / $info->{dataTotal} : 0;
}

# Runs `start`, if there is one, and then continues.
sub begin {
    my ( $self, $go_on ) = @_;
    my $start  = $self->{options}{start} or return $go_on->();
    my $future = $self->future;
    $self->prepare( sub { $self->begin_now( $start, $go_on ) } );
    return $future;
}

sub begin_now {
    my ( $self, $start, $go_on ) = @_;
    my @values;
    if ( !eval { @values = $start->(); 1 } ) {
        return $self->fail($@);
    }
    my $begun =
           @values == 1
        && Scalar::Util::blessed( $values[0] )
        && $values[0]->isa('Sys::Virt::Future') ? $values[0] : undef;
    return $go_on->() if !$begun;
    return $self->follow(
        $begun,
        sub {
            my ($error) = @_;
            return $error ? $self->fail($error) : $go_on->();
        }
    );
}

sub wait_for_job {
    my ( $how, $dom, @options ) = @_;
    my $self = start( 'wait_for_job', $how, $dom, [qw(on_progress start)], @options );
    my $kept = constant_of('JOB_STATS_COMPLETED') | constant_of('JOB_STATS_KEEP_COMPLETED');
    my $left;    # the domain has gone, as the job wanted

    # libvirt's statistics of a job that has ended, which it does not keep for all kinds of jobs.
    my $look_back = sub {
        $self->call(
            sub {
                my ( $error, $type, $stats ) = @_;
                $type  = $error ? constant_of('JOB_NONE') : 0 + $type;
                $stats = {} if $type == constant_of('JOB_NONE');
                my $why = $stats->{ constant_of('JOB_ERRMSG') };
                my $ok  = $stats->{ constant_of('JOB_SUCCESS') } // 1;
                return $self->fail(
                    error(
                        OPERATION_ABORTED => "$self->{what}: the job was aborted"
                            . ( defined $why ? ": $why" : q{} )
                    )
                ) if $type == constant_of('JOB_CANCELLED');
                return $self->fail(
                    error(
                        OPERATION_FAILED => "$self->{what}: the job failed"
                            . ( defined $why ? ": $why" : q{} )
                    )
                ) if !$ok || $type == constant_of('JOB_FAILED');
                $self->tell( $self->{options}{on_progress}, 100, $stats );
                $self->done($stats);
            },
            $dom,
            get_job_stats => $kept
        );
    };
    my %good = map { constant_of("EVENT_STOPPED_$_") => 1 } qw(MIGRATED SAVED);
    $self->listen_for_stop( sub { $good{ $_[0] } && ( $left = 1 ) && $self->soon } );
    $self->listen( JOB_COMPLETED => sub { $self->soon } );
    my %gone  = map { constant_of("STATE_SHUTOFF_$_") => 1 } qw(MIGRATED SAVED);
    my $watch = sub {
        return $self->watch(
            sub {
                my ( $error, $info ) = @_;
                return $look_back->() if $left;
                return $self->if_active( sub { $self->fail($error) },
                    sub { $gone{ $_[1] } && ( $look_back->(), 1 ) } )
                    if has_code( $error, qw(OPERATION_INVALID NO_DOMAIN) );
                return $self->fail($error) if $error;
                my $type = $info->{type};
                return $look_back->()
                    if $type != constant_of('JOB_BOUNDED') && $type != constant_of('JOB_UNBOUNDED');
                $self->show( share_of($info), $info );
                $self->later;
            },
            $dom,
            'get_job_info'
        );
    };
    return $watch->() if !$self->{options}{start};

  # Reading the statistics of an earlier job clears them. Otherwise they would be taken for those of this job.
    my $future = $self->future;
    $self->call( sub { $self->begin($watch) }, $dom, get_job_stats => constant_of('JOB_STATS_COMPLETED') );
    return $future;
}

# The progress of a call that is a job, for the option on_progress of `async`.
sub progress_of {
    my ( $dom, $call, $code ) = @_;
    my $self =
        __PACKAGE__->new( what => 'progress', dom => $dom, options => { on_progress => $code }, best => 0 );
    my $last = {};
    $self->future->on_fail(
        sub {
            Sys::Virt::Future::_guarded( sub { die $_[0] }, @_ );
        }
    );
    $call->_when_ready(
        sub {
            my ($f) = @_;
            $self->tell( $code, 100, $last ) if $f->is_done;
            $self->done;
        }
    );
    $self->{look} = sub {
        $self->call(
            sub {
                my ( $error, $info ) = @_;
                $self->show( share_of( $last = $info ), $info ) if !$error && $info->{dataTotal};
                $self->later;
            },
            $dom,
            'get_job_info'
        );
    };
    $self->later;
    return;
}

# --- Block jobs

# A copy is ready when the disk's XML says so: the numbers of the job may be equal before that.
sub mirrored {
    my ( $xml, $disk ) = @_;
    for my $part ( $xml =~ m{<disk\b.*?</disk>}gs ) {
        next
            if $part !~ /<target\s[^>]*\bdev=['"]\Q$disk\E['"]/
            && $part !~ /<source\s[^>]*=['"]\Q$disk\E['"]/;
        return $part =~ /<mirror\b[^>]*\sready=['"]yes['"]/;
    }
    return;
}

sub wait_for_block_job {
    my ( $how, $dom, $disk, @options ) = @_;
    defined $disk && length $disk or Carp::croak('wait_for_block_job needs the name of a disk, or its path');
    my $self  = start( 'wait_for_block_job', $how, $dom, [qw(on_progress start until)], @options );
    my $until = $self->{options}{until} // q{};
    $until =~ /\A(?:ready|end|)\z/
        or eval { Carp::croak('wait_for_block_job: until is "ready" or "end"') }
        or return _refuse($self);
    my $what = "the job on $disk";
    my ( $gone, $seen_event );

    my $ended = sub {
        my ($result) = @_;
        return $self->fail( error( OPERATION_FAILED => "$self->{what}: $what ended before it was ready" ) )
            if $until eq 'ready' && $result ne 'ready';
        $self->tell( $self->{options}{on_progress}, 100, $self->{last} // {} );
        $self->done($result);
    };
    $self->listen_for_stop;
    $self->listen(
        ( $disk =~ m{/} ? 'BLOCK_JOB' : 'BLOCK_JOB_2' ) => sub {
            my ( $of, undef, $status ) = @_;
            return if $of ne $disk;
            my ($name) = grep { $status == constant_of("BLOCK_JOB_$_") } qw(COMPLETED FAILED CANCELED READY)
                or return;
            return $self->fail( error( OPERATION_FAILED => "$self->{what}: $what failed" ) )
                if $name eq 'FAILED';
            return $self->fail( error( OPERATION_ABORTED => "$self->{what}: $what was aborted" ) )
                if $name eq 'CANCELED';
            $ended->( lc $name ) if $name eq 'COMPLETED' || $until ne 'end';
        }
    );
    my $watch = sub {
        return $self->watch(
            sub {
                my ( $error, $info ) = @_;
                return $self->if_active( sub { $self->fail($error) } )
                    if has_code( $error, qw(OPERATION_INVALID NO_DOMAIN) );
                return $self->fail($error) if $error;
                if ( !$info->{type} ) {

                    # The event with the job's result may still arrive.
                    return $self->if_active( sub { $ended->('ended') } ) if !$self->{events} || $gone;
                    $gone = 1;
                    return $self->after( GRACE, sub { $self->look } );
                }
                $gone = 0;
                $self->{last} = $info;
                $self->show( $info->{end} ? $info->{cur} / $info->{end} : 0, $info );
                return $self->later
                    if $until eq 'end' || !$info->{end} || $info->{cur} != $info->{end};
                return $self->call(
                    sub {
                        my ( $e, $xml ) = @_;
                        return $ended->('ready') if !$e && mirrored( $xml, $disk );
                        $self->later;
                    },
                    $dom,
                    'get_xml_description'
                );
            },
            $dom,
            get_block_job_info => $disk
        );
    };
    return $self->begin($watch);
}

1;
