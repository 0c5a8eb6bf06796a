# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A daemon that is killed with calls in flight: each call ends, once, with the connection's error, regardless of how it is waited for.
use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../../t/lib";
use Patience;
use Session;
use Sys::Virt;
use Sys::Virt::Async;
use Test::More;
use Time::HiRes ();

my $daemon = Session->new or plan skip_all => 'no libvirtd';
$SIG{ALRM} = sub { die "hangs\n" };
alarm 120;

# libvirt's own error of a dead connection, not "the cause is unknown".
sub has_reason {
    my ($error) = @_;
    return
           ref $error
        && $error->isa('Sys::Virt::Error')
        && $error->domain
        && $error->message =~ /socket|recv|send|end of file|reset/i;
}

sub is_of_connection {
    my ( $error, $what ) = @_;
    ok( has_reason($error), $what ) or diag explain $error;
    return;
}

# Stops the daemon, so that calls wait in it; kills it while they do.
sub killed_during {
    my ($calls) = @_;
    kill STOP => $daemon->pid;
    my @futures = $calls->();
    Time::HiRes::sleep(0.2);
    kill KILL => $daemon->pid;
    waitpid $daemon->pid, 0;
    return @futures;
}

my $descriptors = () = glob '/proc/self/fd/*';
for my $round ( 1 .. 20 ) {
    my $conn    = Sys::Virt->new( uri => $daemon->uri );
    my $domain  = $conn->get_domain_by_name('test');
    my $settled = 0;
    my @futures = killed_during(
        sub {
            map { $domain->async->get_info } 1 .. 50;
        }
    );
    my @after = map {
        $_->finally( sub { $settled++ } )
    } @futures;
    my @wrong = grep {
        eval { $_->get; 1 }
            || !has_reason($@)
    } @futures, @after;
    is( scalar @wrong, 0,  "round $round: 50 calls, each with the connection's error" );
    is( $settled,      50, '... and each settled once' );
    is_of_connection( eval { $domain->async->get_info->get; 1 } ? 'lived' : $@, 'a call afterwards' );
    ok( !$conn->is_alive, 'the connection is dead' );
    ok( $daemon->restart, 'the daemon is back' ) or BAIL_OUT('no daemon');
    last if $round == 3 && !$ENV{TEST_LONG};
}

subtest 'a bulk call' => sub {
    my $conn    = Sys::Virt->new( uri => $daemon->uri );
    my $domain  = $conn->get_domain_by_name('test');
    my ($all)   = killed_during( sub { Sys::Virt::Async->all( [ ($domain) x 40 ], 'get_info' ) } );
    my @results = $all->get;
    is( scalar @results, 40, 'has a result for each' );
    is_of_connection( $results[0],  'an error for the first' );
    is_of_connection( $results[39], '... and the last' );
    ok( $daemon->restart, 'the daemon is back' );
};

subtest 'a time limit, and then the end' => sub {
    my $conn   = Sys::Virt->new( uri => $daemon->uri );
    my $domain = $conn->get_domain_by_name('test');
    my ($late) = killed_during( sub { $domain->async( timeout => 0.05 )->get_info } );
    ok( !eval { $late->get; 1 }, 'fails' );
    is( $@->code, Sys::Virt::Error::ERR_OPERATION_TIMEOUT(), '... by its time limit' );
    ok( $daemon->restart, 'the daemon is back' );
};

subtest 'a blocking call with a time limit' => sub {
    my $conn = Sys::Virt->new( uri => $daemon->uri, timeout => 30 );
    kill STOP => $daemon->pid;
    if ( !fork ) { Time::HiRes::sleep(0.3); kill KILL => $daemon->pid; require POSIX; POSIX::_exit(0) }
    is_of_connection( eval { $conn->get_hostname; 1 } ? 'lived' : $@, 'gets the error' );
    1 while wait > 0;
    ok( $daemon->restart, 'the daemon is back' );
};

# A worker's data does not point to Perl's values: the arguments may be freed immediately, and the object, and its class.
subtest 'arguments and invocants that go while their call waits' => sub {
    my $conn = Sys::Virt->new( uri => $daemon->uri );
    $conn->async_limits( slow => 1, all => 1 );
    my @names = map { "no-such-domain-$_" } 1 .. 30;
    my @futures;
    kill STOP => $daemon->pid;
    for my $name (@names) {
        my $copy = $name;
        push @futures, $conn->async->get_storage_pool_by_name($copy);
        $copy = 'x' x 1000;
    }
    {
        my $class = bless \my $invocant, 'Gone::Class';
        no strict 'refs';
        @Gone::Class::ISA = ('Sys::Virt');
        push @futures, Gone::Class->async->new( uri => 'test:///default' );
    }
    undef $conn;
    kill CONT => $daemon->pid;
    my @errors = map {
        eval { $_->get; 1 }
            ? 'lived'
            : $@->message
    } @futures[ 0 .. 29 ];
    is( ( scalar grep { $errors[$_] =~ /\b\Q$names[$_]\E\b/ } 0 .. 29 ), 30, 'each call had its own name' )
        or diag explain \@errors;
    is( ref $futures[30]->get, 'Gone::Class', 'and the object its class' );
};

cmp_ok(
    scalar( () = glob '/proc/self/fd/*' ),
    '<=',
    $descriptors + 5,    # two queues, of two ends each, and a copy for loops
    'no descriptor is left of dead connections'
);

done_testing;
