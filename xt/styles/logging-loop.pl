# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# An adapter for a framework, as CPAN has them: its methods end in log calls.
# only ours warns: event implementation is a subclass of Sys::Virt::Event
package Log;
sub new   { bless { n => 0 }, shift }
sub trace { my ( $s, $f, @a ) = @_; $s->{n}++; return sprintf $f, @a }
sub debug { my $s = shift; $s->trace(@_) }

package Ad;
use strict;
use warnings;
use Sys::Virt;
use Sys::Virt::Event;
our @ISA = ('Sys::Virt::Event');
my $log = Log->new;
sub new { my $class = shift; return bless { @_, h => {}, t => {}, id => 0 }, $class }

sub add_handle {
    my ( $s, $fd, $ev, $cb, $o, $ff ) = @_;
    my $id = ++$s->{id};
    $s->{h}{$id} = [ $fd, $ev, $cb, $o, $ff ];
    $log->trace( "add handle %d", $id );
    $id;
}

sub update_handle {
    my ( $s, $id, $ev ) = @_;
    $s->{h}{$id}[1] = $ev;
    $log->trace( "handle updated: %d", $ev );
}

sub remove_handle {
    my ( $s, $id ) = @_;
    my $h = delete $s->{h}{$id};
    push @{ $s->{dead} }, $h;
    $log->debug( "removed %s", $id );
}

sub add_timeout {
    my ( $s, $ms, $cb, $o, $ff ) = @_;
    my $id = ++$s->{id};
    $s->{t}{$id} = [ $ms, $cb, $o, $ff ];
    $log->trace( "timer %d", $id );
    return $id;
}

sub update_timeout {
    my ( $s, $id, $ms ) = @_;
    $s->{t}{$id}[0] = $ms;
    $log->trace( "timer %d now %d", $id, $ms );
}
sub remove_timeout { my ( $s, $id ) = @_; push @{ $s->{dead} }, delete $s->{t}{$id}; $log->debug("gone") }

sub turn {
    my $s = shift;
    my ( $r, $w ) = ( '', '' );
    for ( values %{ $s->{h} } ) {
        vec( $r, $_->[0], 1 ) = 1 if $_->[1] & 1;
        vec( $w, $_->[0], 1 ) = 1 if $_->[1] & 2;
    }
    select( $r, $w, undef, .02 );
    for my $id ( keys %{ $s->{h} } ) {
        my $h = $s->{h}{$id} or next;
        my $e = ( vec( $r, $h->[0], 1 ) ? 1 : 0 ) | ( vec( $w, $h->[0], 1 ) ? 2 : 0 );
        $e &= $h->[1];
        $s->_run_handle_callback( $id, $h->[0], $e, $h->[2], $h->[3] ) if $e;
    }
    for my $id ( keys %{ $s->{t} } ) {
        my $t = $s->{t}{$id} or next;
        $s->_run_timeout_callback( $id, $t->[1], $t->[2] ) if $t->[0] == 0;
    }
    while ( my $d = shift @{ $s->{dead} } ) { $s->_free_callback_opaque( $d->[-1], $d->[-2] ) }
}

package main;
my $l = Ad->new;
Sys::Virt::Event::register($l);
my $c = Sys::Virt->new( uri => $ARGV[0] );
my @e;
my $id  = $c->domain_event_register_any( undef, 0, sub { push @e, "$_[2].$_[3]" } );
my $nid = $c->network_event_register_any( undef, 0, sub { push @e, "net$_[2]" } );
my $d   = $c->get_domain_by_name('test');
$d->suspend;
$d->resume;
my $n = $c->get_network_by_name('default');
$n->destroy;
$n->create;
for ( 1 .. 100 ) { $l->turn; last if @e > 3 }
print join( " ", sort @e ), "\n";
$c->domain_event_deregister_any($id);
$c->network_event_deregister_any($nid);
$d->suspend;
$l->turn for 1 .. 3;
print scalar(@e), "\n";
undef $c;
undef $d;
undef $n;
$l->turn;
print "bye\n";
