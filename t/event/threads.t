# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A callback runs in the interpreter that registered it, or not at all: an event loop in another thread warns of that, once.
use strict;
use warnings;

use Config;
use FindBin ();
use lib "$FindBin::Bin/../lib" =~ /(.*)/s;    # untainted, for -T
use Child;
use if $Config{useithreads}, 'threads';
use if $Config{useithreads}, 'threads::shared';
use Test::More;
use Time::HiRes ();
use Sys::Virt;
use Sys::Virt::Event;

plan skip_all => 'this perl has no threads' if !$Config{useithreads};

Sys::Virt::Event::register_default();
my $c      = Sys::Virt->new( uri => 'test:///default' );
my $d      = $c->get_domain_by_name('test');
my $timer  = Sys::Virt::Event::add_timeout( 5, sub { } );
my $toggle = sub { $d->suspend; $d->resume };
my ( $mine, @warned ) = (0);
local $SIG{__WARN__} = sub { push @warned, @_ };

subtest 'a loop in the thread that registered' => sub {
    my $ran = threads->create(
        sub {
            my $own   = 0;
            my $conn  = Sys::Virt->new( uri => 'test:///default' );
            my $id    = $conn->domain_event_register_any( undef, 0, sub { $own++ } );
            my $ticks = Sys::Virt::Event::add_timeout( 1, sub { $own++ } );
            $toggle->();
            Sys::Virt::Event::run_default() for 1 .. 5;
            $conn->domain_event_deregister_any($id);
            Sys::Virt::Event::remove_timeout($ticks);
            return join q{ }, $own ? 'ran:' : 'did not run:', @warned;
        }
    )->join;
    like(
        $ran,
        qr/^ran: The event loop of this thread cannot run a callback that another thread registered .* line \d+[.]?$/,
        'its callbacks run; of the timer that this thread has it says that it cannot'
    );
};

subtest 'a loop in another thread' => sub {
    @warned = ();
    my ( $go, $stop ) : shared;
    my $thread = threads->create(
        sub {
            my $own   = 0;
            my $conn  = Sys::Virt->new( uri => 'test:///default' );
            my $id    = $conn->domain_event_register_any( undef, 0, sub { $own++ } );
            my $ticks = Sys::Virt::Event::add_timeout( 1, sub { $own++ } );
            $go = q{yes};
            Time::HiRes::sleep(0.01) until $stop;
            $conn->domain_event_deregister_any($id);
            Sys::Virt::Event::remove_timeout($ticks);
            return $own;
        }
    );
    Time::HiRes::sleep(0.01) until $go;
    my $id = $c->domain_event_register_any( undef, 0, sub { $mine++ } );
    $toggle->();
    Sys::Virt::Event::run_default() for 1 .. 10;
    $stop = q{yes};
    is( $thread->join, 0, 'does not run its callbacks' );
    cmp_ok( $mine, '>=', 2, 'but its own' );
    is( "@warned", q{}, 'which was said' );
    $c->domain_event_deregister_any($id);
};

# In a separate process, because the warning is issued only once.
my $program = <<'PERL';
use strict;
use warnings;
use threads;
use Sys::Virt;
use Sys::Virt::Event;
Sys::Virt::Event::register_default();
Sys::Virt::Event::add_timeout( 20, sub { } );
my $thread = threads->create( sub { Sys::Virt::Event::add_timeout( 1, sub { } ); sleep 60 } );
select undef, undef, undef, 0.2;
{
    use warnings FATAL => 'threads';
    print eval { Sys::Virt::Event::run_default() for 1 .. 20; 1 } ? "lived\n" : "died: $@";
}
print eval { Sys::Virt::Event::run_default() for 1 .. 20; 1 } ? "lived\n" : "died: $@";
$thread->detach;
$| = 1;
print "end\n";
require POSIX;
POSIX::_exit(0);
PERL
open my $pipe, '-|', child_perl(), '-e', $program or die $!;
my $output = join q{}, <$pipe>;
close $pipe;
like(
    $output,
    qr/\Adied: The event loop of this thread cannot .*\nlived\nend\n\z/,
    'fatal, it is thrown by the loop, which goes on'
);

done_testing;
