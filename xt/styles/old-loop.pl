# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A loop of the time when Sys::Virt::Event was the base class, whose methods end in loops.
# only ours warns: event implementation is a subclass of Sys::Virt::Event
package MyLoop;
use strict;
use warnings;
use Sys::Virt;
use Sys::Virt::Event;
use base qw(Sys::Virt::Event);

sub new {
    my $p    = shift;
    my $c    = ref($p) || $p;
    my $self = { nextwatch => 1, handles => [], nexttimer => 1, timers => [] };
    bless $self, $c;
    $self->register;
    return $self;
}

sub _bits {
    my $self = shift;
    my $mask = shift;
    my $vec  = '';
    for my $h ( @{ $self->{handles} } ) { vec( $vec, $h->{fd}, 1 ) = 1 if $h->{events} & $mask }
    $vec;
}

sub run_once {
    my $self = shift;
    my ( $r, $w, $e ) = map { $self->_bits($_) } ( 1, 2, 4 );
    my $to  = 0.02;
    my $now = time * 1000;
    select( $r, $w, $e, $to );
    foreach my $h ( @{ [ @{ $self->{handles} } ] } ) {
        my $ev = 0;
        $ev |= 1 if vec( $r, $h->{fd}, 1 ) && $h->{events} & 1;
        $ev |= 2 if vec( $w, $h->{fd}, 1 ) && $h->{events} & 2;
        next unless $ev;
        $self->_run_handle_callback( $h->{watch}, $h->{fd}, $ev, $h->{cb}, $h->{opaque} );
    }
    foreach my $t ( @{ [ @{ $self->{timers} } ] } ) {
        next if $t->{interval} < 0;
        if ( $now >= $t->{expiresAt} ) {
            $t->{expiresAt} = $now + $t->{interval};
            $self->_run_timeout_callback( $t->{timer}, $t->{cb}, $t->{opaque} );
        }
    }
}

sub add_handle {
    my ( $self, $fd, $events, $cb, $opaque, $ff ) = @_;
    my $h = {
        watch  => $self->{nextwatch}++,
        fd     => $fd,
        events => $events,
        cb     => $cb,
        opaque => $opaque,
        ff     => $ff
    };
    push @{ $self->{handles} }, $h;
    return $h->{watch};
}

sub update_handle {
    my ( $self, $watch, $events ) = @_;
    foreach my $h ( @{ $self->{handles} } ) {
        if ( $h->{watch} == $watch ) { $h->{events} = $events; last }
    }
}

sub remove_handle {
    my ( $self, $watch ) = @_;
    my @h;
    for my $h ( @{ $self->{handles} } ) {
        if ( $h->{watch} == $watch ) { $self->_free_callback_opaque( $h->{ff}, $h->{opaque} ) if 0; }
        else                         { push @h, $h }
    }
    $self->{handles} = \@h;
}

sub add_timeout {
    my ( $self, $int, $cb, $opaque, $ff ) = @_;
    my $t = {
        timer     => $self->{nexttimer}++,
        interval  => $int,
        cb        => $cb,
        opaque    => $opaque,
        ff        => $ff,
        expiresAt => time * 1000 + $int
    };
    push @{ $self->{timers} }, $t;
    $t->{timer};
}

sub update_timeout {
    my ( $self, $timer, $int ) = @_;
    for my $t ( @{ $self->{timers} } ) {
        if ( $t->{timer} == $timer ) {
            $t->{interval}  = $int;
            $t->{expiresAt} = time * 1000 + ( $int < 0 ? 0 : $int );
        }
    }
}

sub remove_timeout {
    my ( $self, $timer ) = @_;
    my @t;
    for my $t ( @{ $self->{timers} } ) { push @t, $t unless $t->{timer} == $timer }
    $self->{timers} = \@t;
}

package main;
my $l = MyLoop->new;
my $c = Sys::Virt->new( uri => $ARGV[0] );
my @got;
$c->domain_event_register_any(
    undef,
    Sys::Virt::Domain::EVENT_ID_LIFECYCLE(),
    sub { my ( $con, $dom, $ev, $det ) = @_; push @got, $dom->get_name . "/$ev/$det" }
);
$c->domain_event_register( sub { push @got, "old $_[2]" } );
my $d = $c->get_domain_by_name('test');
$d->suspend;
$d->resume;
for ( 1 .. 200 ) { last if @got > 3; $l->run_once }
print join( " ", sort @got ), "\n";
$c->domain_event_deregister;
$d->suspend;
for ( 1 .. 50 ) { last if @got > 4; $l->run_once }
print "$got[-1]\n";
