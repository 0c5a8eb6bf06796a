# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A loop of the script's own, whose methods end in what happens to be their last statement: an assignment of a time in
# milliseconds, a print, a loop, a log call, a delete, an object.
# only ours warns: event implementation is a subclass of Sys::Virt::Event
use strict;
use warnings;

package Log;
sub new     { return bless { lines => 0 }, shift }
sub trace   { my ( $self, $text ) = @_; $self->{lines}++; "$self->{lines}: $text" }
sub nothing { return }

package Loop;
use Sys::Virt;
use Sys::Virt::Event;
use Time::HiRes ();
our @ISA = ('Sys::Virt::Event');
our ( $style, %done );

sub new {
    my $class = shift;
    return bless { handles => {}, timers => {}, next => 1, log => Log->new, free => [] }, $class;
}

sub now { return int( Time::HiRes::time() * 1000 ) }

# What a method ends in, by style.
our %ending = (
    assignment =>
        sub { my ( $self, $timer ) = @_; $timer->{expiresAt} = $self->now + ( $timer->{interval} || 0 ) },
    print   => sub { print {*STDERR} q{} },
    foreach => sub {
        my ($self) = @_;
        for my $one ( values %{ $self->{handles} } ) { $one->{seen}++ }
    },
    trace    => sub { my ($self) = @_; $self->{log}->trace('handle updated: 0') },
    nothing  => sub { my ($self) = @_; $self->{log}->nothing },
    delete   => sub { my ( $self, $timer ) = @_; delete $timer->{note} },
    object   => sub { my ($self) = @_; $self },
    list     => sub { my ($self) = @_; return ( 1, 2, 3 ) },
    negative => sub { return -1 },
    large    => sub { return 1_795_703_215_651 },
    word     => sub { return 'updated' },
    empty    => sub { return q{} },
    undef    => sub { return undef },               ## no critic (ProhibitExplicitReturnUndef)
);

sub add_handle {
    my ( $self, $fd, $events, $cb, $opaque, $ff ) = @_;
    my $id = $self->{next}++;
    $self->{handles}{$id} = { fd => $fd, events => $events, cb => $cb, opaque => $opaque, ff => $ff };
    return $id;
}

sub update_handle {
    my ( $self, $id, $events ) = @_;
    $done{update_handle}++;
    $self->{handles}{$id}{events} = $events if $self->{handles}{$id};
    $ending{$style}->( $self, $self->{handles}{$id} );
}

sub remove_handle {
    my ( $self, $id ) = @_;
    $done{remove_handle}++;
    my $handle = delete $self->{handles}{$id};
    push @{ $self->{free} }, $handle;
    $ending{$style}->( $self, $handle );
}

sub add_timeout {
    my ( $self, $interval, $cb, $opaque, $ff ) = @_;
    my $id = $self->{next}++;
    $self->{timers}{$id} = { interval => $interval, cb => $cb, opaque => $opaque, ff => $ff, note => 'text' };
    return $id;
}

sub update_timeout {
    my ( $self, $id, $interval ) = @_;
    $done{update_timeout}++;
    $self->{timers}{$id}{interval} = $interval if $self->{timers}{$id};
    $ending{$style}->( $self, $self->{timers}{$id} );
}

sub remove_timeout {
    my ( $self, $id ) = @_;
    $done{remove_timeout}++;
    my $timer = delete $self->{timers}{$id};
    push @{ $self->{free} }, $timer;
    $ending{$style}->( $self, $timer );
}

sub run_once {
    my ($self) = @_;
    my ( $read, $write ) = ( q{}, q{} );
    for my $handle ( values %{ $self->{handles} } ) {
        vec( $read,  $handle->{fd}, 1 ) = 1 if $handle->{events} & 1;
        vec( $write, $handle->{fd}, 1 ) = 1 if $handle->{events} & 2;
    }
    select $read, $write, undef, 0.02;
    for my $id ( sort { $a <=> $b } keys %{ $self->{handles} } ) {
        my $handle = $self->{handles}{$id} or next;
        my $events = ( vec( $read, $handle->{fd}, 1 ) ? 1 : 0 ) | ( vec( $write, $handle->{fd}, 1 ) ? 2 : 0 );
        $events &= $handle->{events};
        $self->_run_handle_callback( $id, $handle->{fd}, $events, $handle->{cb}, $handle->{opaque} )
            if $events;
    }
    for my $id ( sort { $a <=> $b } keys %{ $self->{timers} } ) {
        my $timer = $self->{timers}{$id} or next;
        $self->_run_timeout_callback( $id, $timer->{cb}, $timer->{opaque} )
            if defined $timer->{interval} && $timer->{interval} == 0;
    }
    $self->_free_callback_opaque( $_->{ff}, $_->{opaque} ) for grep { $_ } splice @{ $self->{free} };
    return;
}

package main;

my ($uri) = @ARGV;
my $loop = Loop->new;
$Loop::style = 'nothing';
Sys::Virt::Event::register($loop);
for my $style ( sort keys %Loop::ending ) {
    $Loop::style = $style;
    %Loop::done  = ();
    my @events;
    my $ok = eval {
        my $conn = Sys::Virt->new( uri => $uri );
        my $dom  = $conn->get_domain_by_name('test');
        my $id   = $conn->domain_event_register_any(
            undef,
            Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
            sub { push @events, "$_[2]/$_[3]" }
        );
        $dom->suspend;
        for ( 1 .. 50 ) { $loop->run_once; last if @events }
        $dom->resume;
        for ( 1 .. 50 ) { $loop->run_once; last if @events > 1 }
        $conn->domain_event_deregister_any($id);
        my $timer = Sys::Virt::Event::add_timeout( 5, sub { } );
        Sys::Virt::Event::update_timeout( $timer, 0 );
        Sys::Virt::Event::remove_timeout($timer);
        my $watch = Sys::Virt::Event::add_handle( 0, 1, sub { } );
        Sys::Virt::Event::update_handle( $watch, 2 );
        Sys::Virt::Event::remove_handle($watch);
        undef $dom;
        undef $conn;
        $loop->run_once;
        1;
    };
    my $done = join q{ },
        map { "$_=" . ( $Loop::done{$_} ? 'yes' : 'no' ) }
        qw(update_handle remove_handle update_timeout remove_timeout);
    print "$style: ", ( $ok ? 'ok' : "died: $@" ), " @events $done\n";
}
