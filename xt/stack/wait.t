# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Waiting for real guests: for states, addresses, the agent, jobs and jobs of disks, each with success, a time limit, and a guest that dies
# in between; by events in libvirt's loop, and without a loop by looking again. Migrations and copies with progress. ensure_domain.
use strict;
use warnings;

use Test::More;
use Time::HiRes ();
use lib         qw(t/lib xt/lib);
use Patience;
use Stack;
use Throws;

my $mode = $ENV{WAIT_TEST_MODE} // 'events';
if ( $mode eq 'events' ) {

    # Without a loop in a process of its own: one that is registered stays.
    local @ENV{qw(WAIT_TEST_MODE STACK_CASE)} = ( 'polling', 1 );
    my @includes = map { "-I$_" } grep { !ref } @INC;
    open my $pipe, '-|', $^X, @includes, $0 or die $!;
    my $output = do { local $/ = undef; <$pipe> };
    close $pipe;
    is( $?, 0, 'without a loop' ) or diag $output;
    like( $output, qr/^1[.][.]5$/m, '... all of it' );
}

else {
    no warnings 'redefine';    ## no critic (ProhibitNoWarnings)
    *Stack::wait_for = sub {
        my ( undef, $seconds, $code ) = @_;
        my $end = Time::HiRes::time() + $seconds;
        my $result;
        Time::HiRes::sleep(0.05) while !( $result = $code->() ) && Time::HiRes::time() < $end;
        return $result;
    };
    alarm 300;
}

my $conn = Stack::connect('a');

sub disk {
    my ( $file, $target ) = @_;
    return "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='$file'/>"
        . "<target dev='$target' bus='virtio'/></disk>";
}

sub took {
    my ($code) = @_;
    my $start = Time::HiRes::time();
    $code->();
    return Time::HiRes::time() - $start;
}

# Kills the guest's QEMU after a while, from another process, for a blocking wait does not come back before.
sub dies_after {
    my ( $dom, $seconds ) = @_;
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    Time::HiRes::sleep($seconds);
    my $name = $dom->get_name;
    exec 'virsh', '-q', '-c', Stack::uri('a'), 'destroy', $name or POSIX::_exit(1);
}

# The wait ends at once with an error when the guest dies, and with a time limit.
sub fails {
    my ( $name, $dom, $method, @arguments ) = @_;
    my $seconds = took(
        sub {
            throws "$name: a time limit", 'OPERATION_TIMEOUT',
                sub { $dom->$method( @arguments, timeout => 0.5 ) };
        }
    );
    cmp_ok( $seconds, '<', 2, sprintf '... that holds: %.2f s', $seconds );
    my $pid = dies_after( $dom, 1 );
    $seconds = took(
        sub {
            throws "$name: a guest that dies", 'OPERATION_INVALID',
                sub { $dom->$method( @arguments, timeout => 60 ) };
        }
    );
    like( $@ && $@->message, qr/\A$method of \S+: the domain is not running: /, '... which the error says' );
    cmp_ok( $seconds, '<', 4, sprintf '... at once: %.2f s', $seconds );
    waitpid $pid, 0;
    return;
}

my $file  = Stack::image( "disk-$mode", 'qcow2', '64M' );
my $guest = $conn->define_domain(
    Stack::xml( name => "main-$mode", agent => 1, network => 1, disks => [ disk( $file, 'vda' ) ] ) );

subtest "$mode: states" => sub {
    my ( $running, $paused, $off ) =
        map { Sys::Virt::Domain->can("STATE_$_")->() } qw(RUNNING PAUSED SHUTOFF);
    my $future = $guest->async->wait_for_state( $running, timeout => 30 );
    ok( !$future->is_ready, 'a guest that is off may start' );
    $guest->create;
    is( scalar $future->get, $running, '... and does' );
    $future = $guest->async( timeout => 30 )->wait_for_state( [ $paused, $off ] );
    $guest->suspend;
    is_deeply( [ $future->get ], [ $paused, Sys::Virt::Domain::STATE_PAUSED_USER ], 'paused, and why' );
    is( scalar $guest->wait_for_state( $paused, timeout => 1 ), $paused, 'what is so already' );
    fails( 'a state', $guest, wait_for_state => $running );
    is( scalar $guest->wait_for_state( $off, timeout => 5 ), $off, 'off' );
    my $brief = $conn->create_domain( Stack::xml( name => "brief-$mode" ) );
    dies_after( $brief, 0.5 );
    is( scalar $brief->wait_for_state( $off, timeout => 20 ), $off, 'a transient guest that is gone is off' );
};

subtest "$mode: agent and addresses" => sub {
    $guest->create(Sys::Virt::Domain::START_PAUSED);
    fails( 'an agent', $guest, 'wait_for_agent' );
    $guest->create(Sys::Virt::Domain::START_PAUSED);
    fails( 'an address', $guest, 'wait_for_address' );
    $guest->create;
    my $agent = $guest->async( timeout => 120 )->wait_for_agent;
    my @all   = $guest->wait_for_address( timeout => 120 );
    like( $all[0]{addr}, qr/\A192[.]168[.]122[.]\d+\z/, 'an address' );
    is( $all[0]{source},    Sys::Virt::Domain::INTERFACE_ADDRESSES_SRC_LEASE, '... of a lease' );
    is( scalar $agent->get, undef,                                            'the agent' );
    ok( eval { $guest->get_time }, '... answers' );
    my ($by_agent) = $guest->wait_for_address(
        timeout => 60,
        sources => [Sys::Virt::Domain::INTERFACE_ADDRESSES_SRC_AGENT],
        type    => Sys::Virt::IP_ADDR_TYPE_IPV4
    );
    is( $by_agent->{addr}, $all[0]{addr}, 'the agent knows the same address' );
    my @found = $guest->addresses;
    is( scalar( grep { $_->{addr} eq $by_agent->{addr} } @found ),
        1, 'all sources at once: each address once' );
    is( scalar( grep { $_->{addr} =~ /\A127/ } $guest->addresses ), 0, '... without loopback' );
    ok( scalar( grep { $_->{addr} eq '127.0.0.1' } $guest->addresses( local => 1 ) ), '... or with it' );
    my $none = $conn->create_domain( Stack::xml( name => "none-$mode" ) );
    throws 'a guest without an agent', 'ARGUMENT_UNSUPPORTED', sub { $none->wait_for_agent( timeout => 20 ) };
    $none->destroy;
};

subtest "$mode: jobs of disks" => sub {
    my $copy = Stack::file("copy-$mode");
    my $xml  = "<disk type='file'><driver type='qcow2'/><source file='$copy'/></disk>";
    Stack::in_guest( $guest, 'dd if=/dev/urandom of=/dev/vda bs=1M count=12 conv=fsync 2>/dev/null' );
    my @seen;
    my $is = $guest->wait_for_block_job(
        'vda',
        timeout     => 60,
        interval    => 0.05,
        on_progress => sub { push @seen, $_[0] },
        start       => sub {
            $guest->block_copy(
                'vda', $xml,
                { Sys::Virt::Domain::BLOCK_COPY_BANDWIDTH => 10 * 2**20 },
                Sys::Virt::Domain::BLOCK_COPY_TRANSIENT_JOB
            );
        }
    );
    is( $is,                                      'ready', 'a copy is ready' );
    is( $guest->get_block_job_info('vda')->{cur}, $guest->get_block_job_info('vda')->{end}, '... all of it' );
    is( $seen[-1],                                100, '... progress ends at 100 %' );
    is_deeply( \@seen, [ sort { $a <=> $b } @seen ], '... and never goes back' );
    cmp_ok( scalar( grep { $_ > 0 && $_ < 100 } @seen ), '>', 1, "... and was seen in between: @seen" );
    is( $guest->wait_for_block_job( $file, until => 'ready', timeout => 5 ),
        'ready', 'by its path, ready already' );
    my $end = $guest->wait_for_block_job(
        'vda',
        until   => 'end',
        timeout => 20,
        start   => sub { $guest->abort_block_job( 'vda', Sys::Virt::Domain::BLOCK_JOB_ABORT_PIVOT ) }
    );
    is( $end, $mode eq 'events' ? 'completed' : 'ended', 'the end' );
    unlink $file;
    my $back = "<disk type='file'><driver type='qcow2'/><source file='$file'/></disk>";
    my $slow = sub {
        $guest->block_copy(
            'vda', $back,
            { Sys::Virt::Domain::BLOCK_COPY_BANDWIDTH => 2**18 },
            Sys::Virt::Domain::BLOCK_COPY_TRANSIENT_JOB
        );
    };
    my $future = $guest->async->wait_for_block_job( 'vda', start => $slow, until => 'ready', timeout => 30 );

    # It starts when the daemon has answered.
    Stack::wait_for( 'the job', 10, sub { ( $guest->get_block_job_info('vda') // {} )->{type} } );
    $guest->abort_block_job('vda');
    throws 'one that is aborted', $mode eq 'events' ? 'OPERATION_ABORTED' : 'OPERATION_FAILED',
        sub { $future->get };
    unlink $file;
    throws 'one that cannot start', 'INVALID_ARG', sub { $guest->wait_for_block_job( 'vdz', timeout => 5 ) };
    $slow->();
    fails( 'a job of a disk', $guest, wait_for_block_job => 'vda' );
};

subtest "$mode: jobs" => sub {
    unlink $file;
    Stack::command( 'qemu-img', 'create', '-q', '-f', 'qcow2', $file, '64M' );
    $guest->undefine;
    $guest = $conn->define_domain(
        Stack::xml( name => "main-$mode", agent => 1, disks => [ disk( $file, 'vda' ) ] ) );
    $guest->create;
    $guest->wait_for_agent( timeout => 120 );
    Stack::in_guest( $guest, 'dd if=/dev/urandom of=/dev/vda bs=1M count=12 conv=fsync 2>/dev/null' );
    is_deeply( scalar $guest->wait_for_job( timeout => 5 ), {}, 'no job is no reason to wait' );
    my @seen;
    my $backup = sub {
        my ( $dom, $to ) = @_;
        unlink $to;
        return $dom->backup_begin(
            "<domainbackup><disks><disk name='vda' type='file'><target file='$to'/></disk></disks></domainbackup>",
            undef
        );
    };
    my $stats = $guest->wait_for_job(
        timeout     => 60,
        on_progress => sub { push @seen, $_[0] },
        start       => sub { $backup->( $guest, Stack::file("backup-$mode") ) }
    );
    is( $stats->{ Sys::Virt::Domain::JOB_OPERATION() }, Sys::Virt::Domain::JOB_OPERATION_BACKUP, 'a backup' );
    cmp_ok( -s Stack::file("backup-$mode"), '>', 12 * 2**20, '... is complete' );
    is( $seen[-1], 100, '... progress ends at 100 %' );

    # Dumping, as a call that is a job.
    @seen = ();
    $guest->async( on_progress => sub { push @seen, $_[0] } )
        ->core_dump( Stack::file("dump-$mode"), Sys::Virt::Domain::DUMP_LIVE )->get;
    is( $seen[-1], 100, 'a call that is a job: progress ends at 100 %' );

    # A migration that takes a while.
    my $other = Stack::connect('b');
    @seen = ();
    $guest->undefine;    # so that it leaves nothing behind
    $guest->migrate_set_max_speed(40);
    my $moved = $guest->async( timeout => 120, on_progress => sub { push @seen, $_[0] } )
        ->migrate( $other, {}, Sys::Virt::Domain::MIGRATE_LIVE | Sys::Virt::Domain::MIGRATE_UNSAFE )->get;
    is( $moved->is_active, 1,   'a migration' );
    is( $seen[-1],         100, '... progress ends at 100 %' );
    cmp_ok( scalar( grep { $_ > 0 && $_ < 100 } @seen ), '>', 1, "... and was seen in between: @seen" );
    is_deeply( \@seen, [ sort { $a <=> $b } @seen ], '... and never goes back' );
    $moved->destroy;
    my $dying =
        $conn->create_domain( Stack::xml( name => "dying-$mode", disks => [ disk( $file, 'vda' ) ] ) );
    my ( $socket, $scratch ) = map { Stack::file("$_-$mode") } qw(nbd scratch);
    $dying->backup_begin(    # it lasts until it is ended
        "<domainbackup mode='pull'><server transport='unix' socket='$socket'/><disks><disk name='vda' type='file'>"
            . "<scratch file='$scratch'/></disk></disks></domainbackup>",
        undef
    );
    fails( 'a job', $dying, 'wait_for_job' );
};

subtest "$mode: ensure_domain" => sub {
    my $xml = Stack::xml( name => "sure-$mode", agent => 1 );
    my ($name) = $xml =~ /<name>(.*?)</;
    is( $conn->ensure_domain( $name, 'running', xml => $xml ), 1, 'running' );
    my $dom = $conn->get_domain_by_name($name);
    is( $conn->ensure_domain( $name, 'running' ), 0, '... already' );
    is( $conn->async->ensure_domain( $name, 'stopped', timeout => 100 )->get,
        1, 'a guest that boots shuts down in the end' );
    is( ( $dom->get_state )[1], Sys::Virt::Domain::STATE_SHUTOFF_SHUTDOWN, '... by itself' );
    $dom->create;
    $dom->suspend;
    is( $conn->ensure_domain( $dom, 'stopped', force => 1 ), 1, 'by force, after a second' );
    is( $conn->ensure_domain( $dom, 'absent' ), 1, 'absent' );
    is( $conn->ensure_domain( $dom, 'absent' ), 0, '... already' );
};

done_testing;
