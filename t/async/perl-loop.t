# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# An event loop written in Perl, and libvirt on other threads: its requests reach the event loop in the next iteration.
use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/../lib" =~ /(.*)/s;    # untainted, for -T
use Patience;
use Test::More;
use Sys::Virt;
use Sys::Virt::Event;

local $SIG{ALRM} = sub { die "the event loop hangs\n" };
alarm 60;

# A future that only records its result.
package My::Future {
    sub new { return bless { told => 0 }, shift }

    sub _settle {
        my ( $self, @outcome ) = @_;
        $self->{told}++;
        @$self{qw(ok values)} = ( shift @outcome, \@outcome );
        return;
    }
}

package My::Loop {
    our @ISA = ('Sys::Virt::EventImpl');

    sub new { return bless { next => 1, handles => {}, timers => {}, log => [], free => [] }, shift }

    sub add_handle {
        my ( $self, $fd, $events, @callback ) = @_;
        my $id = $self->{next}++;
        $self->{handles}{$id} = [ $fd, $events, @callback ];
        push @{ $self->{log} }, "add_handle $fd";
        return $id;
    }

    sub update_handle { my ( $self, $id, $events ) = @_; $self->{handles}{$id}[1] = $events; return }

    sub remove_handle {
        my ( $self, $id ) = @_;
        push @{ $self->{free} }, [ ( @{ delete $self->{handles}{$id} } )[ 4, 3 ] ];
        return 0;
    }

    sub add_timeout {
        my ( $self, $frequency, @callback ) = @_;
        my $id = $self->{next}++;
        $self->{timers}{$id} = [ $frequency, @callback ];
        return $id;
    }

    sub update_timeout {
        my ( $self, $id, $frequency ) = @_;
        push @{ $self->{log} }, "update_timeout $frequency";
        $self->{timers}{$id}[0] = $frequency;
        return;
    }

    sub remove_timeout {
        my ( $self, $id ) = @_;
        push @{ $self->{free} }, [ ( @{ delete $self->{timers}{$id} } )[ 3, 2 ] ];
        return 0;
    }

    sub turn {
        my ($self) = @_;
        my @due    = grep { $self->{timers}{$_}[0] >= 0 } sort { $a <=> $b } keys %{ $self->{timers} };
        my $bits   = q{};
        vec( $bits, $_->[0], 1 ) = 1 for grep { $_->[1] & 1 } values %{ $self->{handles} };
        my $found = select $bits, undef, undef, @due ? 0 : 1;
        for my $id ( $found > 0 ? sort { $a <=> $b } keys %{ $self->{handles} } : () ) {
            my $handle = $self->{handles}{$id} or next;
            next if !vec $bits, $handle->[0], 1;
            $self->_run_handle_callback( $id, $handle->[0], 1, @$handle[ 2, 3 ] );
        }
        for my $id (@due) {
            my $timer = $self->{timers}{$id} or next;
            $self->_run_timeout_callback( $id, @$timer[ 1, 2 ] );
        }
        $self->_free_callback_opaque(@$_) for splice @{ $self->{free} };
        return;
    }
}

my $loop = My::Loop->new;
Sys::Virt::Event::register($loop);
is_deeply( $loop->{handles}, {}, 'nothing is watched before libvirt does' );

sub submit {
    my ( $object, $method, @args ) = @_;
    my $future = My::Future->new;
    Sys::Virt::Async::_submit( $future, undef, $object->can($method), $object, @args );
    return $future;
}

sub wait_for {
    my ($done) = @_;
    for ( 1 .. 30 ) {
        last if $done->();
        $loop->turn;
    }
    return $done->();
}

my $c = Sys::Virt->new( uri => 'test:///default' );
my $d = $c->get_domain_by_name('test');
my @events;
my $id = $c->domain_event_register_any( undef, 0, sub { push @events, $_[2]; return } );
is( keys %{ $loop->{handles} }, 1, 'events need a timer, and the loop a watch on what other threads want' );

my $rounds = 50;
for my $round ( 1 .. $rounds ) {
    my $future = submit( $d, $round % 2 ? 'suspend' : 'resume' );
    wait_for( sub { $future->{told} && @events >= $round } );
    is( $future->{ok}, 1, 'the call succeeded' ) or diag "@{ $future->{values} }";
}
is( @events, $rounds, 'each event of a call on another thread arrived' );
ok( !( grep { $_ ne 'update_timeout 0' && $_ ne 'update_timeout -1' && !/add_handle/ } @{ $loop->{log} } ),
    'and nothing else' );

# A loop with nothing to do.
$c->domain_event_deregister_any($id);
wait_for( sub { !%{ $loop->{timers} } && !%{ $loop->{handles} } } );
is_deeply(
    [ map { $loop->{$_} } qw(handles timers) ],
    [ {}, {} ],
    'nothing is left in the loop when libvirt needs it no more'
);

# Registered there.
my $future = submit( $c, 'get_uri' );
is( keys %{ $loop->{handles} }, 1, 'a call under way is something to watch' );
wait_for( sub { $future->{told} } );
is_deeply( $future->{values}, ['test:///default'], 'its result comes through the loop' );
$loop->turn;
is_deeply( $loop->{handles}, {}, '... and then there is nothing again' );

# A connection that is opened and closed on other threads.
my $new = My::Future->new;
Sys::Virt::Async::_submit( $new, {}, Sys::Virt->can('new'), 'Sys::Virt', uri => 'test:///default' );
wait_for( sub { $new->{told} } );
isa_ok( $new->{values}[0], 'Sys::Virt' );

# The exception of a future's callback is thrown by the event loop, and the next futures are notified in any case.
{
    no warnings 'redefine';
    my @futures = map { submit( $c, 'get_uri' ) } 1 .. 3;
    my $settle  = \&My::Future::_settle;
    local *My::Future::_settle = sub { $settle->(@_); die "in a callback\n" };
    my $died = 0;
    for ( 1 .. 20 ) {
        eval { $loop->turn; 1 } or $died += $@ eq "in a callback\n";
        last if 3 == grep { $_->{told} } @futures;
    }
    is( $died, 3, 'each exception came out' );
    is_deeply( [ map { $_->{told} } @futures ], [ 1, 1, 1 ], 'each was notified once' );
}

done_testing;
