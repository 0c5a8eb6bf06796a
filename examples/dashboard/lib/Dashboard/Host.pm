# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Dashboard::Host;

# One host: its connection, its measurements and events, and actions on its domains. Everything is emitted as `message`, a
# hash for the page.

use Mojo::Base 'Mojo::EventEmitter', -signatures;

## no critic (ProhibitSubroutinePrototypes): signatures, which perlcritic takes for them

use List::Util   ();
use Mojo::IOLoop ();
use Mojo::Promise;
use Sys::Virt;
use Sys::Virt::EventImpl::Mojo;
use Time::HiRes          ();
use Dashboard::Console   ();
use Dashboard::Migration ();

use constant {
    HISTORY => 90,    # measurements
    EVENTS  => 50,
    RETRY   => 5,     # seconds
    LIMIT   => 10,    # seconds for a call that only asks
    WHICH   => Sys::Virt::Domain::STATS_STATE | Sys::Virt::Domain::STATS_CPU_TOTAL |
        Sys::Virt::Domain::STATS_BALLOON | Sys::Virt::Domain::STATS_VCPU |
        Sys::Virt::Domain::STATS_INTERFACE | Sys::Virt::Domain::STATS_BLOCK,
};

has [qw(id uri title interval readonly conn node)];
has past   => sub { [] };
has told   => sub { [] };
has before => sub { {} };
has jobs   => sub { {} };    # migrations that run, by UUID

# --- The connection

# A promise of the first attempt. Others follow as long as none succeeds.
sub start ($self) {
    return Sys::Virt->async( timeout => LIMIT )->new( uri => $self->uri, readonly => $self->readonly )
        ->promise->then( sub ($conn) { $self->connected($conn) } )->catch(
        sub ($error) {
            $self->lost( ref $error ? $error->message : $error );
            return Mojo::Promise->reject($error);
        }
        );
}

sub connected ( $self, $conn ) {
    eval { $conn->set_keep_alive( 5, 3 ) };    # the test driver has nothing to keep alive
    eval {
        $conn->register_close_callback( sub { $self->lost('the connection was lost') } );
    };
    $conn->domain_event_register_any(
        undef,
        Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
        sub ( $, $dom, $event, $detail ) { $self->lifecycle( $dom, $event, $detail ) }
    );
    my $ask = $conn->async( timeout => LIMIT );
    return Mojo::Promise->all( map { $ask->$_->promise } qw(get_type get_node_info) )->then(
        sub (@answers) {
            my ( $type, $info ) = map { $_->[0] } @answers;
            $self->conn($conn)->node( { driver => $type, cpus => $info->{cpus}, memory => $info->{memory} } );
            $self->emit( message => $self->about );
            $self->name_it($conn);
            $self->{timer} = Mojo::IOLoop->recurring( $self->interval => sub { $self->measure } );
            $self->measure;
        }
    );
}

# The host's name, when it is known: the host may have to ask a name server that does not answer.
sub name_it ( $self, $conn ) {
    $conn->async( timeout => 60 )->get_hostname->promise->then(
        sub ($name) {
            return if !$self->conn || $self->conn != $conn;
            $self->node->{name} = $name;
            $self->emit( message => $self->about );
        }
    )->catch( sub { } );
    return;
}

sub lost ( $self, $why ) {
    Mojo::IOLoop->remove( delete $self->{timer} ) if $self->{timer};
    $self->conn(undef)->before( {} );
    $self->{measuring} = 0;
    $self->{why}       = $why =~ s/\s+\z//r;
    $self->emit( message => $self->about );
    $self->{retry} //= Mojo::IOLoop->timer(
        RETRY,
        sub {
            delete $self->{retry};
            $self->start->catch( sub { } );
        }
    );
    return;
}

sub about ($self) {
    return {
        type     => 'host',
        host     => $self->id,
        title    => $self->title,
        up       => $self->conn     ? 1 : 0,
        readonly => $self->readonly ? 1 : 0,
        $self->conn ? %{ $self->node } : ( why => $self->{why} // 'connecting' ),
    };
}

# The first message for a page.
sub greeting ($self) {
    return $self->about, @{ $self->past }, @{ $self->told }, map { $_->message } values %{ $self->jobs };
}

sub tell ( $self, $type, %more ) {
    my $message = { type => $type, host => $self->id, %more };
    $self->emit( message => $message );
    return $message;
}

sub keep ( $self, $list, $most, $message ) {
    push @$list, $message;
    splice @$list, 0, -$most;
    return;
}

# --- Events

sub lifecycle ( $self, $dom, $event, $detail ) {
    my $what = $dom->name_of( EVENT => $event ) // "EVENT $event";
    my $why  = $dom->name_of( "EVENT_$what", $detail );
    $self->note( $dom->get_name, lc $what, defined $why ? lc $why =~ tr/_/ /r : undef );
    $self->measure;
    return;
}

sub note ( $self, $name, $what, $why ) {
    $self->keep( $self->told, EVENTS,
        $self->tell( event => time => time, name => $name, what => $what, why => $why ) );
    return;
}

# --- Measurements

# One at a time: a host that answers slowly is asked less often.
sub measure ($self) {
    my $conn = $self->conn or return;
    return if $self->{measuring};
    $self->{measuring} = 1;
    my $ask  = $conn->async( timeout => LIMIT );
    my $node = $ask->get_node_cpu_stats(Sys::Virt::NODE_CPU_STATS_ALL_CPUS)->promise->catch( sub { return } );
    $ask->get_all_domain_stats(WHICH)->promise->then( sub (@records) { $self->completed(@records) } )->then(
        sub (@domains) {
            $node->then( sub ( $cpu = undef ) { $self->measured( $conn, $cpu, @domains ) } );
        }
    )->catch( sub ($error) { warn 'measuring ', $self->uri, ": $error" if $self->conn } )
        ->finally( sub { $self->{measuring} = 0 if !$self->conn || $self->conn == $conn } );
    return;
}

# The statistics of each domain. A driver without them, such as the test driver, is asked for the information of each domain.
sub completed ( $self, @records ) {
    my @domains = map  { counters( @{$_}{qw(dom data)} ) } @records;
    my @lacking = grep { !defined $_->{cpu} && $_->{active} || !defined $_->{memory} } @domains;
    return @domains if !@lacking;
    return Sys::Virt::Async->all( { timeout => LIMIT }, [ map { $_->{dom} } @lacking ], 'get_info' )
        ->promise->then(
        sub (@infos) {
            for my $domain (@lacking) {
                my $info = shift @infos;
                next if ref $info ne 'HASH';    # an error: it has gone since
                @{$domain}{qw(cpu memory vcpus)} = @{$info}{qw(cpuTime memory nrVirtCpu)};
            }
            return @domains;
        }
        );
}

sub counters ( $dom, $data ) {
    my $sum = sub ($pattern) {
        my @keys = grep { $_ =~ $pattern } keys %$data;
        return @keys ? List::Util::sum( @{$data}{@keys} ) : undef;
    };
    my $state  = $data->{'state.state'};
    my $active = grep { $state == $_ } Sys::Virt::Domain::STATE_RUNNING, Sys::Virt::Domain::STATE_PAUSED,
        Sys::Virt::Domain::STATE_BLOCKED, Sys::Virt::Domain::STATE_PMSUSPENDED,
        Sys::Virt::Domain::STATE_SHUTDOWN;
    return {
        dom    => $dom,
        uuid   => $dom->get_uuid_string,
        name   => $dom->get_name,
        state  => lc( $dom->name_of( STATE => $state ) // "state $state" ),
        active => $active ? 1 : 0,
        cpu    => $data->{'cpu.time'},
        vcpus  => $data->{'vcpu.current'},
        memory => $data->{'balloon.current'},
        used   => defined $data->{'balloon.unused'} && defined $data->{'balloon.available'}
        ? $data->{'balloon.available'} - $data->{'balloon.unused'}
        : $data->{'balloon.rss'},
        read    => $sum->(qr/\Ablock[.]\d+[.]rd[.]bytes\z/),
        written => $sum->(qr/\Ablock[.]\d+[.]wr[.]bytes\z/),
        rx      => $sum->(qr/\Anet[.]\d+[.]rx[.]bytes\z/),
        tx      => $sum->(qr/\Anet[.]\d+[.]tx[.]bytes\z/),
    };
}

# The rate per second of a counter, if it was read before.
sub rate ( $before, $now, $seconds ) {
    return defined $before && defined $now && $now >= $before ? ( $now - $before ) / $seconds : undef;
}

sub measured ( $self, $conn, $cpu, @domains ) {
    return if !$self->conn || $self->conn != $conn;
    my $now     = Time::HiRes::time();
    my $before  = $self->before;
    my $seconds = $now - ( $before->{time} // 0 );
    my %kept    = ( time => $now, cpu => $cpu );
    my @rows;
    for my $domain ( sort { $a->{name} cmp $b->{name} } @domains ) {
        my $last = $before->{ $domain->{uuid} } // {};
        my %row  = map { $_ => $domain->{$_} } qw(uuid name state active vcpus memory used);
        $row{$_}  = rate( $last->{$_}, $domain->{$_}, $seconds ) for qw(cpu read written rx tx);
        $row{cpu} = List::Util::min( 100, $row{cpu} / 1e7 / ( $row{vcpus} || 1 ) ) if defined $row{cpu};
        $row{cpu} = $row{used} = undef                                             if !$row{active};
        $kept{ $domain->{uuid} } = $domain;
        push @rows, \%row;
    }
    $self->before( \%kept );
    my $memory = List::Util::sum( 0, map { $_->{memory} // 0 } grep { $_->{active} } @rows );
    my $guests = List::Util::sum( 0, map { ( $_->{cpu} // 0 ) * ( $_->{vcpus} // 0 ) } @rows ) /
        ( $self->node->{cpus} || 1 );
    $self->keep(
        $self->past,
        HISTORY,
        $self->tell(
            sample  => time => $now,
            cpu     => scalar busy( $before->{cpu}, $cpu ) // List::Util::min( 100, $guests ),
            memory  => 100 * List::Util::min( 1, $memory / ( $self->node->{memory} || 1 ) ),
            domains => \@rows
        )
    );
    return;
}

# The part of their time that the host's CPUs were busy, in percent; undef if the driver does not count it.
sub busy ( $before, $now ) {
    return if !$before || !$now;
    my %spent = map { $_ => $now->{$_} - ( $before->{$_} // 0 ) } keys %$now;
    my $all   = List::Util::sum( 0, @spent{ grep { /\A(?:kernel|user|idle|iowait)\z/ } keys %spent } );
    return if $all <= 0;
    return List::Util::max( 0, 100 * ( 1 - ( ( $spent{idle} // 0 ) + ( $spent{iowait} // 0 ) ) / $all ) );
}

# --- Actions

my %action = (
    start    => [ 'create',   120 ],
    shutdown => [ 'shutdown', 30 ],
    reboot   => [ 'reboot',   30, 0 ],
    off      => [ 'destroy',  60 ],
    suspend  => [ 'suspend',  30 ],
    resume   => [ 'resume',   30 ],
);

# Returns a promise. Throws if the request is invalid.
sub act ( $self, $request, $hosts ) {
    die "this dashboard is read-only\n" if $self->readonly;
    my $do = $request->{do};
    if ( $do eq 'abort' ) {
        my $job = $self->jobs->{ $request->{uuid} // q{} } // die "nothing is being migrated\n";
        return $job->abort;
    }
    if ( $do eq 'migrate' ) {
        my $to = ( $request->{to} // q{} ) =~ /\A\d{1,6}\z/ ? $hosts->[ $request->{to} ] : undef;
        $to && $to != $self && $to->conn or die "choose another host that is connected\n";
        return $self->domain( $request->{uuid} )
            ->then( sub ($dom) { Dashboard::Migration->new( host => $self, to => $to, dom => $dom )->run } );
    }
    my ( $method, $limit, @arguments ) = @{ $action{$do} // die "there is no such action\n" };
    return $self->domain( $request->{uuid} )
        ->then( sub ($dom) { $dom->async( timeout => $limit )->$method(@arguments)->promise } )
        ->then( sub { $self->measure } );
}

sub domain ( $self, $uuid ) {
    my $conn = $self->conn // die "the host is not connected\n";
    die "that is not the UUID of a domain\n"
        if ( $uuid // q{} ) !~ /\A[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\z/;
    return $conn->async( timeout => LIMIT )->get_domain_by_uuid($uuid)->promise;
}

sub console ( $self, $uuid, $tell ) {
    die "this dashboard is read-only\n" if $self->readonly;
    my $console = Dashboard::Console->new( tell => $tell );
    my $conn    = $self->conn;
    $self->domain($uuid)->then( sub ($dom) { $console->open( $conn, $dom ) if !$console->closed } )
        ->catch( sub ($error) { $console->end( ref $error ? $error->message : $error ) } );
    return $console;
}

1;
