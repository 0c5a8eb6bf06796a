# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A storm of signals while a daemon is talked to: other processes send what they can. Calls, streams and events have the results
# that they have without; handlers run between statements.
use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../t/lib";
use POSIX ();
use Patience;
use Session;
use Sys::Virt;
use Sys::Virt::Event;
use Test::More;
use Time::HiRes ();

local $SIG{ALRM} = sub { die "stuck\n" };
alarm 60;

my $daemon = Session->new or plan skip_all => 'needs libvirtd (Debian: libvirt-daemon)';
Sys::Virt::Event::register_default();

my %handled = map { $_ => 0 } qw(USR1 USR2 WINCH CONT IO);
local @SIG{ keys %handled } = ( sub { $handled{ $_[0] }++ } ) x keys %handled;

my $target = $$;
my @senders;
for ( 1 .. 3 ) {
    my $pid = fork // die $!;
    if ( !$pid ) {
        local @SIG{ keys %handled } = ('DEFAULT') x keys %handled;
        my @kinds = keys %handled;
        while ( kill $kinds[0] => $target ) {
            push @kinds, shift @kinds;
            Time::HiRes::sleep(0.0002) if rand() < 0.3;
        }
        POSIX::_exit(0);
    }
    push @senders, $pid;
}

my $conn = Sys::Virt->new( uri => $daemon->uri );
my $xml  = q{<domain type='test'><name>storm</name><memory>8192</memory><os><type>hvm</type></os></domain>};
my ( $rounds, $events, %wrong ) = ( 0, 0 );
$conn->domain_event_register_any( undef, Sys::Virt::Domain::EVENT_ID_LIFECYCLE(), sub { $events++; return } );
my $end = Time::HiRes::time() + 8;
while ( Time::HiRes::time() < $end ) {
    $rounds++;
    my $domain;
    my @steps = (
        create       => sub { $domain = $conn->create_domain($xml) },
        name         => sub { $domain->get_name eq 'storm' },
        active       => sub { $domain->is_active },
        info         => sub { $domain->get_info->{maxMem} == 8192 },
        list         => sub { ( () = $conn->list_all_domains ) == 2 },
        capabilities => sub { length( $conn->get_capabilities ) > 100 },
        error        => sub {
            !eval { $conn->get_domain_by_name('none') } && $@->code == Sys::Virt::Error::ERR_NO_DOMAIN();
        },
        destroy => sub { $domain->destroy; 1 },
    );
    while ( my ( $name, $step ) = splice @steps, 0, 2 ) {
        my $ok = eval { $step->() };
        $wrong{"$name: $@"}++ if !$ok;
    }

    # Both events of the round, or a loop that hangs ends the test.
    while ( $events < 2 * $rounds && !%wrong ) { Sys::Virt::Event::run_default() }
    last if %wrong;
}
my $storm = 0;
$storm += $_ for values %handled;
is_deeply( \%wrong, {}, "$rounds rounds: all results are right" );
is( $events, 2 * $rounds, 'each event has come once' );
cmp_ok( $storm, '>', 1_000, "$storm signals were handled" );
is( scalar( grep { !$handled{$_} } keys %handled ), 0, '... of each kind' );
cmp_ok( $rounds, '>', 20, 'the calls go on' );

subtest 'connecting' => sub {
    my $opened = 0;
    for ( 1 .. 50 ) {
        $opened++ if eval { Sys::Virt->new( uri => $daemon->uri )->get_type } // q{} eq 'TEST';
    }
    is( $opened, 50, 'fifty connections' );
};

kill KILL => @senders;
waitpid $_, 0 for @senders;

# perl leaves what runs at the 120th signal that it has not handled: from its C handler, across the frames of libvirt.
subtest 'a thousand signals during one call' => sub {
    my $ticks = 0;
    local $SIG{ALRM} = sub { $ticks++ };
    my $ticking = sub {
        my ($code) = @_;
        $ticks = 0;
        Time::HiRes::setitimer( Time::HiRes::ITIMER_REAL(), 0.001, 0.001 );
        my $lived = eval { $code->(); 1 };
        Time::HiRes::setitimer( Time::HiRes::ITIMER_REAL(), 0 );
        is( $@, q{}, 'it returns' ) if !$lived;
        return $lived;
    };
    $daemon->signal('STOP');
    my $pid = fork // die $!;
    if ( !$pid ) {
        Time::HiRes::sleep(1.2);
        $daemon->signal('CONT');
        POSIX::_exit(0);
    }
    my $start = Time::HiRes::time();
    ok( $ticking->( sub { $conn->get_hostname } ), 'a call of a daemon that is stopped' );
    cmp_ok( Time::HiRes::time() - $start, '>', 1, '... waits' );
    waitpid $pid, 0;
    cmp_ok( $ticks, '>', 0, '... and the signal is handled' );
    is( $conn->get_type, 'TEST', 'the connection still works' );

    # A callback that takes its time handles them itself.
    my $within = 0;
    my $timer  = Sys::Virt::Event::add_timeout(
        0,
        sub {
            $ticks = 0;
            my $end = Time::HiRes::time() + 0.3;
            1 while Time::HiRes::time() < $end;
            $within = $ticks;
            return;
        }
    );
    ok( $ticking->( sub { Sys::Virt::Event::run_default() while !$within } ), 'the loop' );
    cmp_ok( $within, '>', 20, '... whose callbacks handle signals at once' );
    Sys::Virt::Event::remove_timeout($timer);
};

done_testing;
