# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Ensure;

# Brings objects into a given state, whatever their present state is: ensure_domain and similar methods. The state of the
# object decides about the next step, and it is read again after each step, even a failed one. So the result is right whatever
# other programs do at the same time, and however a driver reports "already done".

use 5.016;
use strict;
use warnings;

use Carp                   ();
use Time::HiRes            ();
use Scalar::Util           ();
use Sys::Virt              ();
use Sys::Virt::Async::Task ();

our @ISA      = ('Sys::Virt::Async::Task');
our @CARP_NOT = qw(Sys::Virt::Async);

# Seconds: the default time limit, the time between two checks, and the time until a guest is asked again to shut down.
use constant { LIMIT => 120, PAUSE => 0.2, REMINDER => 10 };

# How often other programs may interfere.
use constant ATTEMPTS => 20;

# The step by wanted and present state; no entry means that nothing is to be done.
my %simple = (
    running => { absent  => 'define', off => 'start_up' },
    stopped => { running => 'stop' },
    absent  => { running => 'stop', off => 'undefine' },
    present => { absent  => 'define' },
);
my %domain = (
    running => {
        absent  => 'define',
        off     => 'start_up',
        paused  => 'resume',
        asleep  => 'wake',
        crashed => 'destroy',
        busy    => 'pause'
    },
    stopped => { ( map { $_ => 'stop' } qw(running paused asleep) ), crashed => 'destroy', busy => 'pause' },
    absent  => {
        ( map { $_ => 'stop' } qw(running paused asleep busy) ),
        crashed => 'destroy',
        off     => 'undefine'
    },
    present => { absent => 'define' },
);

# By type: the class; the methods to find, create and remove it; the error for a missing object; the steps.
my %kind = (
    domain => {
        class  => 'Sys::Virt::Domain',
        find   => 'get_domain_by_name',
        define => 'define_domain',
        none   => 'NO_DOMAIN',
        look   => \&look_at_domain,
        to_do  => \%domain,
    },
    network => {
        class  => 'Sys::Virt::Network',
        find   => 'get_network_by_name',
        define => 'define_network',
        none   => 'NO_NETWORK',
        look   => \&look_at_active,
        to_do  => \%simple,
    },
    storage_pool => {
        class  => 'Sys::Virt::StoragePool',
        find   => 'get_storage_pool_by_name',
        define => 'define_storage_pool',
        none   => 'NO_STORAGE_POOL',
        look   => \&look_at_active,
        to_do  => \%simple,
        more   => { build => 1 },
    },
    volume => {
        class  => 'Sys::Virt::StorageVol',
        find   => 'get_volume_by_name',
        define => 'create_volume',
        none   => 'NO_STORAGE_VOL',
        look   => \&look_at_volume,
        to_do  => { present => { absent => 'define' }, absent => { there => 'delete' } },
    },
);

sub ensure_domain       { return start( domain       => @_ ) }
sub ensure_network      { return start( network      => @_ ) }
sub ensure_storage_pool { return start( storage_pool => @_ ) }
sub ensure_volume       { return start( volume       => @_ ) }

my %option = map { $_ => 1 } qw(xml timeout dry_run);

sub start {
    my ( $name, $how, $owner, $what, $wanted, @options ) = @_;
    my $kind   = $kind{$name};
    my $method = "ensure_$name";
    my $object = Scalar::Util::blessed($what) && $what->isa( $kind->{class} ) ? $what : undef;
    $object || defined $what && !ref $what && length $what
        or Carp::croak("$method needs a name, or an object of $kind->{class}");
    my $to_do = defined $wanted && $kind->{to_do}{$wanted}
        or Carp::croak( "$method: the state must be one of " . join ', ', sort keys %{ $kind->{to_do} } );
    my $options = Sys::Virt::Async::check_options( $method,
        { %option, $name eq 'domain' ? ( force => 1 ) : (), %{ $kind->{more} // {} } }, @options );
    my $title = $object ? $object->get_name : $what;
    check_xml( $method, $title, $options->{xml} ) if defined $options->{xml};
    my $force = $options->{force} // ( $wanted eq 'absent' ? 0 : undef );
    !defined $force || Scalar::Util::looks_like_number($force) && $force >= 0
        or Carp::croak("$method: force must be a number of seconds");
    my $timeout = exists $options->{timeout} ? $options->{timeout} : $how->{timeout} // LIMIT;
    my $self    = __PACKAGE__->new(
        what     => "$name '$title' $wanted",
        timeout  => $timeout,
        kind     => $kind,
        owner    => $owner,
        title    => $title,
        object   => $object,
        to_do    => $to_do,
        wanted   => $wanted,
        options  => $options,
        force    => $force,
        changed  => 0,
        attempts => 0,
    );
    my $future = $self->future;
    $self->look;
    return $future;
}

# XML of another object would be defined again and again, or replace the other object.
sub check_xml {
    my ( $method, $title, $xml ) = @_;
    my $depth = 0;
    while ( $xml =~ m{<(?:!--.*?--|[?!][^>]*|(/?)([^\s/>]+)(?:"[^"]*"|'[^']*'|[^>"'/]|/(?!>))*(/?))>}gs ) {
        my ( $end, $tag, $empty ) = ( $1, $2, $3 );
        next if !defined $tag;
        if ( $depth == 1 && !$end && $tag eq 'name' && $xml =~ /\G\s*([^<&]*?)\s*</gc ) {
            return if $1 eq $title;
            Carp::croak("$method: the XML is of '$1', not of '$title'");
        }
        $depth += $end ? -1 : $empty ? 0 : 1;
    }
    return;
}

# --- Reading the state

sub look {
    my ($self) = @_;
    my $kind = $self->{kind};
    return $kind->{look}->($self) if $self->{object};
    return $self->call(
        sub {
            my ( $error, $object ) = @_;
            return $self->looked($error) if $error;
            $self->{object} = $object;
            $kind->{look}->($self);
        },
        $self->{owner},
        $kind->{find},
        $self->{title}
    );
}

# Reading failed; a missing object is a state like others.
sub looked {
    my ( $self, $error ) = @_;
    if ( Sys::Virt::Async::Task::has_code( $error, $self->{kind}{none} ) ) {
        undef $self->{object};
        return $self->found('absent');
    }
    return $self->fail( $self->{failure} // $error );
}

sub look_at_active {
    my ( $self, $state ) = @_;
    $state //= 'running';
    return $self->call(
        sub {
            my ( $error, $active ) = @_;
            return $error ? $self->looked($error) : $self->found( $active ? $state : 'off' );
        },
        $self->{object},
        'is_active'
    );
}

# libvirt resumes a domain that it has paused itself.
my %own_pause = map { $_ => 1 } qw(MIGRATION SAVE DUMP SHUTTING_DOWN SNAPSHOT STARTING_UP POSTCOPY);
my %state     = (
    RUNNING     => 'running',
    BLOCKED     => 'running',
    NOSTATE     => 'running',
    PAUSED      => 'paused',
    PMSUSPENDED => 'asleep',
    SHUTDOWN    => 'busy',
    SHUTOFF     => 'off',
    CRASHED     => 'crashed'
);

sub look_at_domain {
    my ($self) = @_;
    return $self->call(
        sub {
            my ( $error, $state, $reason ) = @_;
            return $self->looked($error) if $error;
            my $class = 'Sys::Virt::Domain';
            my $found = $state{ $class->name_of( 'STATE', $state ) // q{} } // 'running';
            $found = 'busy'
                if $found eq 'paused' && $own_pause{ $class->name_of( 'STATE_PAUSED', $reason ) // q{} };
            return $self->found($found) if $found ne 'crashed';
            return $self->look_at_active($found);    # it may be kept for inspection
        },
        $self->{object},
        'get_state'
    );
}

sub look_at_volume {
    my ($self) = @_;
    return $self->call(
        sub {
            my ($error) = @_;
            return $error ? $self->looked($error) : $self->found('there');
        },
        $self->{object},
        'get_info'
    );
}

# --- Acting

sub found {
    my ( $self, $state ) = @_;
    my $action = $self->{to_do}{$state};
    $action //= 'define'
        if $state eq 'absent' && $self->{wanted} eq 'stopped' && defined $self->{options}{xml};
    return $self->done( $self->{changed} ) if !$action;
    return $self->done(1)                  if $self->{options}{dry_run};
    my $failure = delete $self->{failure};
    return $self->fail($failure)
        if $failure && ( $state eq $self->{before} || ++$self->{attempts} > ATTEMPTS );
    $self->{before} = $state;
    return $self->$action;
}

# Makes a call that changes something, and reads the state again. A failure counts only if the state is unchanged.
sub act {
    my ( $self, $object, $method, @arguments ) = @_;
    return $self->call(
        sub {
            my ( $error, @values ) = @_;
            if   ($error) { $self->{failure} = $error }
            else          { $self->{changed} = 1 }
            $self->look;
        },
        $object,
        $method,
        @arguments
    );
}

sub pause {
    my ($self) = @_;
    $self->after( PAUSE, sub { $self->look } );
    return;
}

sub define {
    my ($self) = @_;
    my $xml    = $self->{options}{xml};
    my $kind   = $self->{kind};
    return $self->fail(
        Sys::Virt::Async::Task::error(
            $kind->{none}, "$self->{what}: it does not exist, and the option xml is missing"
        )
    ) if !defined $xml;
    return $self->act( $self->{owner}, $kind->{define}, $xml ) if !$self->{options}{build};
    return $self->call(
        sub {
            my ( $error, $pool ) = @_;
            if ($error) {
                $self->{failure} = $error;
                return $self->look;
            }
            $self->{changed} = 1;
            $self->call( sub { my ($e) = @_; $e ? $self->fail($e) : $self->look }, $pool, 'build' );
        },
        $self->{owner},
        $kind->{define},
        $xml
    );
}

sub start_up { my ($self) = @_; return $self->act( $self->{object}, 'create' ) }
sub resume   { my ($self) = @_; return $self->act( $self->{object}, 'resume' ) }
sub wake     { my ($self) = @_; return $self->act( $self->{object}, 'pm_wakeup' ) }
sub destroy  { my ($self) = @_; return $self->act( $self->{object}, 'destroy' ) }
sub delete   { my ($self) = @_; return $self->act( $self->{object}, 'delete' ) }

# Asks a guest to shut down, and repeats that, because the guest may not react yet. A paused guest has to be resumed first.
sub stop {
    my ($self) = @_;
    return $self->destroy if $self->{kind}{class} ne 'Sys::Virt::Domain';
    my $now = Time::HiRes::time();
    $self->{asked} //= $now;
    return $self->destroy if defined $self->{force} && $now >= $self->{asked} + $self->{force};
    return $self->resume  if $self->{before} eq 'paused';
    return $self->wake    if $self->{before} eq 'asleep';
    return $self->pause   if $self->{before} eq 'busy' || $now < ( $self->{again} // 0 );
    $self->{again} = $now + REMINDER;
    return $self->call(
        sub {
            my ($error) = @_;
            if ($error) {
                $self->{failure} = $error;
                return $self->look;
            }
            $self->{changed} = 1;
            $self->pause;
        },
        $self->{object},
        'shutdown'
    );
}

# Undefines a domain with all that libvirt stores for it; its disks are kept. Drivers support different flags.
sub undefine {
    my ($self) = @_;
    return $self->act( $self->{object}, 'undefine' ) if $self->{kind}{class} ne 'Sys::Virt::Domain';
    my @flags = (
        Sys::Virt::Domain::UNDEFINE_MANAGED_SAVE() | Sys::Virt::Domain::UNDEFINE_SNAPSHOTS_METADATA() |
            Sys::Virt::Domain::UNDEFINE_CHECKPOINTS_METADATA() | Sys::Virt::Domain::UNDEFINE_NVRAM(),
        Sys::Virt::Domain::UNDEFINE_MANAGED_SAVE() | Sys::Virt::Domain::UNDEFINE_SNAPSHOTS_METADATA(),
        0
    );
    return $self->undefine_with(@flags);
}

sub undefine_with {
    my ( $self, $flags, @fewer ) = @_;
    return $self->call(
        sub {
            my ($error) = @_;
            return $self->undefine_with(@fewer)
                if @fewer && Sys::Virt::Async::Task::has_code( $error, 'INVALID_ARG', 'NO_SUPPORT' );
            if   ($error) { $self->{failure} = $error }
            else          { $self->{changed} = 1 }
            $self->look;
        },
        $self->{object},
        'undefine',
        $flags
    );
}

1;
