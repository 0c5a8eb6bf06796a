# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Wait::Jobs;

# wait_for_job, wait_for_block_job, and the progress of a call that is a job.

use 5.016;
use strict;
use warnings;

use Carp            ();
use Scalar::Util    ();
use Sys::Virt::Wait ();

our @ISA      = ('Sys::Virt::Wait');
our @CARP_NOT = qw(Sys::Virt::Wait Sys::Virt::Async Sys::Virt::Async::Proxy);

# How much later than the end of a job its event may arrive, in seconds.
use constant GRACE => 1;

BEGIN {
    *has_code    = \&Sys::Virt::Wait::has_code;
    *error       = \&Sys::Virt::Wait::error;
    *constant_of = \&Sys::Virt::Wait::constant_of;
}

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
    my $self = __PACKAGE__->start( 'wait_for_job', $how, $dom, [qw(on_progress start)], @options );
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
    my $self =
        __PACKAGE__->start( 'wait_for_block_job', $how, $dom, [qw(on_progress start until)], @options );
    my $until = $self->{options}{until} // q{};
    $until =~ /\A(?:ready|end|)\z/
        or eval { Carp::croak('wait_for_block_job: until is "ready" or "end"') }
        or return $self->_refuse;
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
