# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A guest's agent and its QEMU, spoken to directly: commands with output and status, queries, events, files; the examples.
use strict;
use warnings;

use IPC::Open3   ();
use MIME::Base64 ();
use Socket       ();
use Test::More;
use lib qw(t/lib xt/lib);
use Stack;
use Throws;
use Sys::Virt::QEMU;

my $conn  = Stack::connect('a');
my $guest = Stack::boot( $conn, name => 'main', agent => 1 );

sub agent {
    my ( $command, %arguments ) = @_;
    return Sys::Virt::QEMU::agent_json( $guest, { execute => $command, arguments => \%arguments } );
}

sub monitor {
    my ( $command, %arguments ) = @_;
    return Sys::Virt::QEMU::monitor_json( $guest, { execute => $command, arguments => \%arguments } );
}

# The exception of the code, which must be one of QEMU's or of an agent.
sub refused {
    my ( $what, $class, $text, $code ) = @_;
    ok( !eval { $code->(); 1 }, "$what: refused" );
    my $error = $@;
    is( ref $error,    'Sys::Virt::QEMU::Error', '... by an exception' ) or return diag $error;
    is( $error->class, $class,                   '... with a class' );
    like( $error->text, $text, '... and a description' );
    return;
}

sub descriptors { return scalar( () = glob '/proc/self/fd/*' ) }

subtest 'a command in the guest' => sub {
    my $task = agent(
        'guest-exec',
        path             => '/bin/sh',
        arg              => [ '-c', 'echo "$GREETING on $(hostname)"; echo wrong >&2; exit 3' ],
        env              => ["GREETING=caf\x{e9}"],
        'capture-output' => \1,
    );
    like( $task->{pid}, qr/\A\d+\z/, 'a process' );
    my $status;
    Stack::wait_for( 'its end', 20,
        sub { ( $status = agent( 'guest-exec-status', pid => $task->{pid} ) )->{exited} } );
    is( MIME::Base64::decode_base64( $status->{'out-data'} ), "caf\xc3\xa9 on guest\n", 'what it wrote' );
    is( MIME::Base64::decode_base64( $status->{'err-data'} ), "wrong\n", '... to standard error' );
    is( $status->{exitcode},                                  3,         'its exit status' );
};

subtest 'the agent' => sub {
    is( Sys::Virt::QEMU::agent_command( $guest, '{"execute":"guest-ping"}' ), '{"return":{}}',
        'as a string' );
    is_deeply( agent('guest-ping'), {}, 'as a hash' );
    my $info = agent('guest-info');
    ok( ( grep { $_->{name} eq 'guest-exec' && $_->{enabled} } @{ $info->{supported_commands} } ),
        'what it can do' );
    refused(
        'no such command',
        'CommandNotFound',
        qr/guest-nothing has not been found/,
        sub { agent('guest-nothing') }
    );
    refused(
        'no such file', 'GenericError',
        qr{'/nope'.*No such file},
        sub { agent( 'guest-file-open', path => '/nope' ) }
    );
    my $code = eval { agent('guest-nothing') } // $@->code;
    ok(
        $code == Sys::Virt::Error::ERR_INTERNAL_ERROR || $code == Sys::Virt::Error::ERR_AGENT_COMMAND_FAILED,
        '... with the code of libvirt'
    );
    throws( 'invalid JSON', 'INTERNAL_ERROR', sub { Sys::Virt::QEMU::agent_command( $guest, 'x' ) } );
    my $mute = $conn->define_domain( Stack::xml( name => 'mute' ) );
    throws( 'a domain that does not run',
        'OPERATION_INVALID', sub { Sys::Virt::QEMU::agent_json( $mute, { execute => 'guest-ping' } ) } );
};

subtest 'the monitor' => sub {
    is( monitor('query-status')->{status}, 'running', 'a query' );
    my $blocks = monitor('query-chardev');
    is( ref $blocks, 'ARRAY', 'a list' );
    like( Sys::Virt::QEMU::monitor_command( $guest, '{"execute":"query-name"}' ),
        qr/"name":"qemu-main"/, 'a query as a string' );
    like( Sys::Virt::QEMU::monitor_command( $guest, 'info name', Sys::Virt::QEMU::MONITOR_COMMAND_HMP ),
        qr/\Aqemu-main/, 'one for humans' );
    refused(
        'no such query',
        'CommandNotFound',
        qr/query-nothing has not been found/,
        sub { monitor('query-nothing') }
    );
    refused(
        'wrong arguments',
        'GenericError',
        qr/'x' is unexpected|Parameter 'x'/,
        sub { monitor( 'query-status', x => 1 ) }
    );
    like(
        Sys::Virt::QEMU::monitor_command( $guest, '{"execute":"query-nothing"}' ),
        qr/"error":\{"class":"CommandNotFound"/,
        'an error as text is none of ours'
    );
    throws( 'attaching', 'NO_SUPPORT', sub { Sys::Virt::QEMU::attach( $conn, $$ ) } );
    my $ro = Stack::connect( 'a', readonly => 1 );
    throws( 'reading only', 'OPERATIONED_DENIED',
        sub { Sys::Virt::QEMU::monitor_command( $ro->get_domain_by_name('qemu-main'), '{}' ) } );
};

subtest 'events' => sub {
    my ( @all, @stops, @other );
    my $all   = Sys::Virt::QEMU::monitor_event_register( $conn, undef, undef, sub { push @all, [@_] } );
    my $stops = Sys::Virt::QEMU::monitor_event_register(
        $conn, $guest, '^sto',
        sub { push @stops, $_[2] },
        Sys::Virt::QEMU::MONITOR_EVENT_REGISTER_REGEX | Sys::Virt::QEMU::MONITOR_EVENT_REGISTER_NOCASE
    );
    Sys::Virt::QEMU::monitor_event_register( $conn, $guest, 'stop', sub { push @other, $_[2] } );
    $guest->suspend;
    $guest->resume;
    ok( Stack::wait_for( 'two events', 10, sub { @all >= 2 && @stops } ), 'they arrive' );
    is_deeply( [ map { $_->[2] } @all ], [ 'STOP', 'RESUME' ], 'all of them, in order' );
    my ( $c, $d, undef, $seconds, $microseconds, $details ) = @{ $all[0] };
    is( $c,           $conn,       'the connection' );
    is( $d->get_name, 'qemu-main', 'the domain' );
    cmp_ok( abs( $seconds - time ), '<', 20,        'the time' );
    cmp_ok( $microseconds,          '<', 1_000_000, '... and microseconds' );
    is( $details, undef, 'no details' );
    is_deeply( \@stops, ['STOP'], 'by a pattern' );
    is_deeply( \@other, [],       'another name' );
    Sys::Virt::QEMU::monitor_event_deregister( $conn, $_ ) for $all, $stops;
    my $count = @all;
    $guest->suspend;
    $guest->resume;
    my $turns = 0;
    Stack::wait_for( 'some turns', 5, sub { $turns++ > 10 } );
    is( scalar @all, $count, 'no events after unregistering' );
};

subtest 'files' => sub {
    my $before = descriptors();
    open my $null, '<', '/dev/null' or die $!;
    my ($added) = Sys::Virt::QEMU::monitor_json_with_files( $guest,
        { execute => 'add-fd', arguments => { 'fdset-id' => 7 } }, [$null] );
    is( $added->{'fdset-id'}, 7, 'QEMU took a file' );
    my ($set) = grep { $_->{'fdset-id'} == 7 } @{ monitor('query-fdsets') };
    is_deeply( $set->{fds}, [ { fd => $added->{fd} } ], '... and has it' );
    socketpair my $here, my $there, Socket::AF_UNIX, Socket::SOCK_STREAM, 0 or die $!;
    my ($text) = Sys::Virt::QEMU::monitor_command_with_files(
        $guest,
        '{"execute":"getfd","arguments":{"fdname":"ours"}}',
        [ fileno $there ]
    );
    like( $text, qr/"return":\{\}/, 'and a socket, by its number' );
    close $there or die $!;
    monitor(
        'chardev-add',
        id      => 'ours',
        backend => {
            type => 'socket',
            data => { server => \0, addr => { type => 'fd', data => { str => 'ours' } } }
        }
    );
    monitor( 'chardev-remove', id => 'ours' );
    is( sysread( $here, my $end, 1 ), 0, '... which QEMU opened, and closed: it was the real one' );
    close $here or die $!;
    close $null or die $!;
    is( descriptors(), $before, 'no file stays open here' );
};

subtest 'without blocking' => sub {
    my $async   = Sys::Virt::QEMU->async( timeout => 30 );
    my @futures = (
        $async->agent_json( $guest, { execute => 'guest-ping' } ),
        $async->monitor_json( $guest, { execute => 'query-status' } ),
        $async->agent_command( $guest, '{"execute":"guest-ping"}' ),
        $async->monitor_json_with_files( $guest, { execute => 'query-name' }, undef ),
    );
    is_deeply(
        [ map { $_->get } @futures ],
        [ {}, monitor('query-status'), '{"return":{}}', { name => 'qemu-main' } ],
        'commands at once'
    );
    refused( 'a query', 'CommandNotFound', qr/query-nothing/,
        sub { $async->monitor_json( $guest, { execute => 'query-nothing' } )->get } );
    refused( 'a command', 'CommandNotFound', qr/guest-nothing/,
        sub { $async->agent_json( $guest, { execute => 'guest-nothing' } )->get } );
    ok( !eval { $async->monitor_json( $guest, 'x' ); 1 }, 'no hash' );
    like( $@, qr/cmd is not a HASH reference at \Q$0\E/, '... is refused at once' );
    ok( !eval { $async->agent_command( $conn, 'x' ); 1 }, 'no domain' );
    like( $@, qr/is not a Sys::Virt::Domain object at \Q$0\E/, '... with its line' );
};

subtest 'examples' => sub {
    my @includes = map { "-I$_" } grep { !ref } @INC;
    my $run      = sub {
        my ( $name, @arguments ) = @_;
        my $pid = IPC::Open3::open3(
            my $in,    my $out,             undef,   $^X,
            @includes, "examples/$name.pl", '--uri', Stack::uri('a'),
            @arguments
        );
        close $in or die $!;
        my $output = do { local $/ = undef; readline $out };
        waitpid $pid, 0;
        return ( $output // q{}, $? >> 8 );
    };
    is_deeply( [ $run->( 'agent', 'qemu-main', 'hostname' ) ], [ "guest\n", 0 ], 'agent.pl: output' );
    is_deeply(
        [ $run->( 'agent', 'qemu-main', 'sh', '-c', 'echo no; exit 5' ) ],
        [ "no\n", 5 ],
        '... and status'
    );
    my ( $text, $status ) = $run->( 'qmp', 'qemu-main', 'query-status' );
    is( $status, 0, 'qmp.pl' );
    like( $text, qr/^   "status" : "running"/m, '... prints JSON' );
    ( $text, $status ) = $run->( 'qmp', '--human', 'qemu-main', 'info', 'name' );
    like( $text, qr/\Aqemu-main/, '... and what is for humans' );
    ( $text, $status ) = $run->( 'qmp', 'qemu-main', 'query-nothing' );
    isnt( $status, 0, '... fails' );
    like( $text, qr/\ACommandNotFound: /, '... in words' );
    ( $text, $status ) = $run->( 'qmp', '--events', 1, 'qemu-main', 'stop' );
    like( $text, qr/^\w+ .* STOP $/m, '... and shows events' );
    $guest->resume;
};

done_testing;
