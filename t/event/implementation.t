# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Patience;
use Throws;
use Sys::Virt;
use Sys::Virt::Event;

local $SIG{ALRM} = sub { die "the event loop hangs\n" };
alarm 60;

# A loop that knows timers and descriptors, and counts what it is asked for.
package My::Loop {
    our @ISA = ('Sys::Virt::EventImpl');

    sub new { return bless { next => 1, handles => {}, timers => {}, log => [], free => [] }, shift }

    sub add_handle {
        my ( $self, $fd, $events, $cb, $opaque, $ff ) = @_;
        my $id = $self->{next}++;
        $self->{handles}{$id} = { fd => $fd, events => $events, cb => $cb, opaque => $opaque, ff => $ff };
        push @{ $self->{log} }, "add_handle $events";
        return $id;
    }

    sub update_handle {
        my ( $self, $id, $events ) = @_;
        $self->{handles}{$id}{events} = $events;
        push @{ $self->{log} }, "update_handle $events";
        return;
    }

    sub remove_handle {
        my ( $self, $id ) = @_;
        my $handle = delete $self->{handles}{$id} or return -1;
        push @{ $self->{free} }, $handle;
        return 0;
    }

    sub add_timeout {
        my ( $self, $frequency, $cb, $opaque, $ff ) = @_;
        my $id = $self->{next}++;
        $self->{timers}{$id} = { frequency => $frequency, cb => $cb, opaque => $opaque, ff => $ff };
        push @{ $self->{log} }, "add_timeout $frequency";
        return $id;
    }

    sub update_timeout {
        my ( $self, $id, $frequency ) = @_;
        $self->{timers}{$id}{frequency} = $frequency;
        return;
    }

    sub remove_timeout {
        my ( $self, $id ) = @_;
        my $timer = delete $self->{timers}{$id} or return -1;
        push @{ $self->{free} }, $timer;
        return 0;
    }

    sub turn {
        my ($self) = @_;
        for my $id ( sort keys %{ $self->{timers} } ) {
            my $timer = $self->{timers}{$id} or next;
            next if $timer->{frequency} < 0;
            $self->_run_timeout_callback( $id, $timer->{cb}, $timer->{opaque} );
        }
        for my $id ( sort keys %{ $self->{handles} } ) {
            my $handle = $self->{handles}{$id} or next;
            next if !$handle->{events};
            my $bits = q{};
            vec( $bits, $handle->{fd}, 1 ) = 1;
            next if !select( my $ready = $bits, undef, undef, 0.01 );
            $self->_run_handle_callback( $id, $handle->{fd}, 1, $handle->{cb}, $handle->{opaque} );
        }
        $self->_free_callback_opaque( $_->{ff}, $_->{opaque} ) for splice @{ $self->{free} };
        return;
    }
}

package Old::Loop {
    our @ISA = ('Sys::Virt::Event');
}

my $pattern = qr/\Aevent implementation must be a subclass of Sys::Virt::EventImpl at /;
for my $bad ( undef, 'x', [], {}, sub { }, bless( [], 'Foo' ) ) {
    throws( 'D11: no loop', $pattern, sub { Sys::Virt::Event::register($bad) } );
}

my $base = bless {}, 'Sys::Virt::EventImpl';
for my $name (qw(add_handle update_handle remove_handle add_timeout update_timeout remove_timeout)) {
    throws(
        "the base class has no $name",
        qr/\ASys::Virt::EventImpl must provide an impl of '$name' at /,
        sub { $base->$name }
    );
}
ok( Sys::Virt::Event->can($_), "Sys::Virt::Event has $_" )
    for qw(_run_handle_callback _run_timeout_callback _free_callback_opaque _run_handle_callback_helper);

my $loop = My::Loop->new;
is( Sys::Virt::Event::register($loop), undef, 'register' );
is( $Sys::Virt::Event::eventimpl,      $loop, 'the loop is in the package variable, as ever' );
{
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    my $second = bless {}, 'Old::Loop';
    Sys::Virt::Event::register($second);
    is( $Sys::Virt::Event::eventimpl, $second, 'D12: a second loop takes the place of the first' );
    like( $warnings[1], qr/\Aanother event implementation replaces .* at \Q$0\E /, '... with a warning' );
    Sys::Virt::Event::register($loop);
    like(
        $warnings[0],
        qr/\ADECPRECATION WARNING: event implementation is a subclass of Sys::Virt::Event/,
        'an old subclass is warned of'
    );
    is( $Sys::Virt::Event::eventimpl, $loop, '... and the first that of the second' );
    @warnings = ();
    Sys::Virt::Event::register_default();
    like( "@warnings", qr/libvirt's event loop is not used at \Q$0\E /, q(D12: libvirt's does not take it) );
    throws( '... nor does it run', qr/run that event loop/, sub { Sys::Virt::Event::run_default() } );
}

my $c = Sys::Virt->new( uri => 'test:///default' );
my @events;
my $id = $c->domain_event_register_any( undef, 0, sub { push @events, [@_] } );
like( $loop->{log}[0], qr/\Aadd_timeout -1/, 'events need a timer' );
my ($timer) = values %{ $loop->{timers} };
is( ref $timer->{cb},     'SCALAR', 'the callback is a reference to a scalar' );
is( ref $timer->{opaque}, 'SCALAR', 'the opaque value too' );
my $d = $c->get_domain_by_name('test');
$d->suspend;
$loop->turn;
is( @events,       1,  'events arrive through the loop' );
is( $events[0][0], $c, '... with their connection' );

$c->domain_event_deregister_any($id);
$id = $c->domain_event_register_any( undef, 0, sub { die "in a callback\n" } );
$d->resume;
throws( 'an exception in a callback', qr/\Ain a callback\n\z/, sub { $loop->turn } );
$c->domain_event_deregister_any($id);
$loop->turn;

pipe my $read, my $write or die $!;
binmode $_ for $read, $write;    # PERL_UNICODE
my @ready;
my $watch = Sys::Virt::Event::add_handle( fileno $read, 1, sub { push @ready, [@_] } );
syswrite $write, 'x';
$loop->turn;
is_deeply( $ready[0], [ $watch, fileno $read, 1 ], 'a handle of the script\'s own' );
Sys::Virt::Event::update_handle( $watch, 0 );
is( $loop->{log}[-1], 'update_handle 0', 'updates reach the loop' );
Sys::Virt::Event::remove_handle($watch);
is( @{ $loop->{free} }, 1, 'removal too' );
$loop->turn;
{
    no warnings qw(redefine once);    ## no critic (ProhibitNoWarnings)
    my @contexts;
    my $now = 1_795_703_215_651;
    local *My::Loop::update_handle  = sub { push @contexts, wantarray; return 'handle updated: 0' };
    local *My::Loop::update_timeout = sub { push @contexts, wantarray; return $_[0]{expires} = $now + 5 };
    local *My::Loop::remove_handle  = sub { push @contexts, wantarray; return [] };
    local *My::Loop::remove_timeout = sub { push @contexts, wantarray; return -1 };
    local $SIG{__WARN__}            = sub { fail("a warning: @_") };
    Sys::Virt::Event::update_handle( 4711, 1 );
    Sys::Virt::Event::update_timeout( 4711, 1 );
    Sys::Virt::Event::remove_handle(4711);
    Sys::Virt::Event::remove_timeout(4711);
    is_deeply(
        \@contexts,
        [ undef, undef, undef, undef ],
        'D9: what update_* and remove_* return is not looked at'
    );
}

subtest 'ids that libvirt does not know' => sub {
    my $one    = $c->domain_event_register_any( undef, 0, sub { } );
    my ($real) = values %{ $loop->{timers} };
    my $number = 4096;
    for my $bad ( undef, 'x', 5, [], {}, \$number, \'x', \-1, \1e30, $c ) {
        throws(
            'a callback',
            qr/cbref is not a callback that libvirt registered/,
            sub { $loop->_run_timeout_callback( 1, $bad, undef ) }
        );
        throws(
            'of a handle',
            qr/cbref is not a callback/,
            sub { $loop->_run_handle_callback( 1, 1, 1, $bad, undef ) }
        );
        next if !defined $bad;
        throws(
            'and one to free',
            qr/ffref is not a callback/,
            sub { $loop->_free_callback_opaque( $bad, undef ) }
        );
    }
    throws(
        'a foreign opaque value',
        qr/opaqueref is not a callback/,
        sub { $loop->_run_timeout_callback( 1, $real->{cb}, \$number ) }
    );
    throws(
        'a timer as a handle',
        qr/cbref is not a callback/,
        sub { $loop->_run_handle_callback( 1, 1, 1, $real->{cb}, $real->{opaque} ) }
    );
    is( eval { $loop->_run_timeout_callback( 1, $real->{cb}, undef ); 1 },
        1, 'D10: an undefined opaque value' )
        or diag $@;
    is( $loop->_free_callback_opaque( undef, undef ), undef, 'nothing to free is not an error' );
    $c->domain_event_deregister_any($one);
};

subtest 'a loop that fails' => sub {
    no warnings qw(redefine once);
    local *My::Loop::add_timeout = sub { die "no timers today\n" };
    throws(
        'by dying',
        qr/\Ano timers today\n\z/,
        sub {
            Sys::Virt::Event::add_timeout( 5, sub { } );
        }
    );
    *My::Loop::add_timeout = sub { return -1 };
    throws(
        'by -1',
        'OPERATION_INVALID',
        sub {
            Sys::Virt::Event::add_timeout( 5, sub { } );
        }
    );
    isa_ok( $@, 'Sys::Virt::Error' );
    *My::Loop::add_timeout = sub { return 'seven' };
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    is( Sys::Virt::Event::add_timeout( 5, sub { } ), 0, 'by nonsense, which is the number 0' );
    like( $warnings[0], qr/\AArgument "seven" isn't numeric in a callback/, '... with a warning' );
    *My::Loop::add_timeout = sub { return 2**40 };
    throws(
        'by a number that is out of range for C',
        qr/the event loop's result is out of range: 1099511627776/,
        sub {
            Sys::Virt::Event::add_timeout( 5, sub { } );
        }
    );
};

subtest 'an event loop that fails while a connection is freed' => sub {
    my $other = Sys::Virt->new( uri => 'test:///default' );
    $other->domain_event_register_any( undef, 0, sub { } );
    no warnings 'redefine';
    my $remove = \&My::Loop::remove_timeout;
    local *My::Loop::remove_timeout = sub { $remove->(@_); die "no more timers\n" };
    throws( 'close throws', qr/\Ano more timers\n\z/, sub { $other->close } );
};

undef $d;
undef $c;
$loop->turn;
is( scalar keys %{ $loop->{timers} }, 0, 'closing the connection removes its timer' );

done_testing;
