# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Dashboard::Migration;

# The migration of one domain from host to host, with progress.

use Mojo::Base -base, -signatures;

## no critic (ProhibitSubroutinePrototypes): signatures, which perlcritic takes for them

use Mojo::IOLoop ();
use Sys::Virt;

use constant { POLL => 0.5, LIMIT => 10 };

has [qw(host to dom)];
has percent => 0;
has detail  => 'begins';

sub uuid ($self) { return $self->dom->get_uuid_string }

sub message ( $self, %more ) {
    return {
        type    => 'job',
        host    => $self->host->id,
        to      => $self->to->id,
        uuid    => $self->uuid,
        name    => $self->dom->get_name,
        percent => $self->percent,
        detail  => $self->detail,
        %more
    };
}

sub tell ( $self, %more ) {
    $self->host->emit( message => $self->message(%more) );
    return;
}

# A promise that fails if the migration does. The definition goes along with a persistent domain.
sub run ($self) {
    my ( $host, $dom, $jobs ) = ( $self->host, $self->dom, $self->host->jobs );
    die $dom->get_name . " is being migrated already\n" if $jobs->{ $self->uuid };
    $jobs->{ $self->uuid } = $self;
    $host->note( $dom->get_name, 'migration', 'to ' . ( $self->to->node->{name} // $self->to->title ) );
    $self->tell;
    $self->{timer} = Mojo::IOLoop->recurring( POLL, sub { $self->look } );
    return $dom->async->is_persistent->promise->then(
        sub ($persistent) {
            my $flags = Sys::Virt::Domain::MIGRATE_LIVE;
            $flags |= Sys::Virt::Domain::MIGRATE_PERSIST_DEST | Sys::Virt::Domain::MIGRATE_UNDEFINE_SOURCE
                if $persistent;
            return $dom->async->migrate( $self->to->conn, $flags )->promise;
        }
    )->then(
        sub (@) {
            $self->percent(100)->detail('done');
            $host->note( $dom->get_name, 'migration', 'complete' );
        }
    )->catch(
        sub ($error) {
            my $why = ref $error ? $error->message : $error;
            $self->detail($why);
            $host->note( $dom->get_name, 'migration', "failed: $why" );
            return Mojo::Promise->reject($error);
        }
    )->finally(
        sub {
            Mojo::IOLoop->remove( $self->{timer} );
            delete $jobs->{ $self->uuid };
            $self->tell( over => 1 );
            $_->measure for $host, $self->to;
        }
    );
}

# Bypasses the queue: queries and aborts of a job are only useful now.
sub urgent ($self) { return $self->dom->async( timeout => LIMIT, urgent => 1 ) }

sub look ($self) {
    return if $self->{looking};
    $self->{looking} = 1;
    $self->urgent->get_job_stats->promise->then(
        sub ( $type, $stats ) {
            my ( $total, $left ) = @{$stats}{qw(data_total data_remaining)};
            return if !$total || !$self->host->jobs->{ $self->uuid };
            my $percent = 100 * ( 1 - ( $left // 0 ) / $total );
            my $speed   = $stats->{memory_bps};
            $self->percent( $percent > 99 ? 99 : $percent );
            $self->detail(
                sprintf '%.0f of %.0f MiB are left%s',
                ( $left // 0 ) / 2**20,
                $total / 2**20,
                $speed ? sprintf( ', %.0f MiB/s', $speed / 2**20 ) : q{}
            );
            $self->tell;
        }
    )->catch( sub { } )->finally( sub { $self->{looking} = 0 } );
    return;
}

sub abort ($self) { return $self->urgent->abort_job->promise }

1;
