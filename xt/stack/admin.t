# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The administration of a daemon: its servers, limits, clients, log; beside connections to its hypervisor; and its end.
use strict;
use warnings;

use IPC::Open3 ();
use Test::More;
use lib qw(t/lib xt/lib);
use Stack;
use Throws;
use Sys::Virt::Admin;

sub uri {
    my ($which) = @_;
    return 'libvirtd+unix:///system?socket=' . Stack::root() . "/$which/run/libvirt-admin-sock";
}

# Whatever the code prints, in a process of its own.
sub fresh {
    my ($code) = @_;
    my @includes = map { "-I$_" } grep { !ref } @INC;
    my $pid =
        IPC::Open3::open3( my $in, my $out, undef, $^X, @includes, '-MSys::Virt', '-MSys::Virt::Admin', '-e',
        $code, Stack::uri('a'), uri('a') );
    my $text = do { local $/ = undef; readline $out };
    waitpid $pid, 0;
    return ( $text // q{} ) . ( $? ? "status $?" : q{} );
}

subtest 'beside connections to a hypervisor' => sub {
    my $hypervisor = 'my $c = Sys::Virt->new( uri => $ARGV[0] ); print $c->get_type, q{;};';
    my $daemon     = 'my $a = Sys::Virt::Admin->new( uri => $ARGV[1] ); print $a->is_alive, q{;};';
    is( fresh("$hypervisor$daemon"), 'QEMU;1;', 'first the hypervisor' );
    is( fresh("$daemon$hypervisor"), '1;QEMU;', 'first the daemon' );
    is( fresh("$daemon undef \$a; $hypervisor$daemon undef \$c; $daemon"),
        '1;QEMU;1;1;', 'one after the other' );
    my $end = 'my @s = $a->list_servers; undef $a; print $s[0]->get_name, q{;}; exit';
    like( fresh("$daemon$end"), qr/\A1;\w+;\z/, 'the end of a program' );
};

my $admin = Sys::Virt::Admin->new( uri => uri('a') );
my $conn  = Stack::connect('a');

subtest 'the daemon' => sub {
    is( $admin->get_uri,               uri('a'),                   'its URI' );
    is( $admin->is_alive,              1,                          'alive' );
    is( $admin->get_library_version,   $conn->get_library_version, 'its version' );
    is( Sys::Virt::Admin->get_version, Sys::Virt->get_version,     'that of the library' );
    is_deeply( [ sort map { $_->get_name } $admin->list_servers ], [ 'admin', 'libvirtd' ], 'its servers' );
    throws( 'no such server', 'NO_SERVER', sub { $admin->get_server_by_name('none') } );
    Stack::lives( 'a time limit', sub { $admin->set_daemon_timeout(0) } );
    my $newer = Sys::Virt->get_version >= 11_002_000;
    throws( 'what needs a newer libvirt', 'NO_SUPPORT', sub { $admin->daemon_shutdown } ) if !$newer;
    throws( 'another daemon',
        qr/./, sub { Sys::Virt::Admin->new( uri => 'libvirtd+unix:///system?socket=/none' ) } );
};

my $server = $admin->get_server_by_name('libvirtd');

subtest 'limits' => sub {
    my $before = $server->get_client_limits;
    $server->set_client_limits(
        { Sys::Virt::Admin::Server::CLIENTS_MAX => 77, Sys::Virt::Admin::Server::CLIENTS_UNAUTH_MAX => 7 } );
    my $limits = $server->get_client_limits;
    is( $limits->{nclients_max},        77, 'more clients' );
    is( $limits->{nclients_unauth_max}, 7,  '... and fewer that are unknown' );
    my $virt_admin = Stack::command( 'virt-admin', '-c', uri('a'), 'srv-clients-info', 'libvirtd' );
    like( $virt_admin, qr/nclients_max *: 77$/m, 'as virt-admin sees it' );
    throws( 'what cannot be',
        'INVALID_ARG',
        sub { $server->set_client_limits( { nclients_max => 1, nclients_unauth_max => 2 } ) } );
    throws( 'not a number', qr/nclients_max/, sub { $server->set_client_limits( { nclients_max => [] } ) } );
    $server->set_client_limits( { map { $_ => $before->{$_} } qw(nclients_max nclients_unauth_max) } );
    is_deeply( $server->get_client_limits, $before, 'back' );

    my $threads = $server->get_threadpool_parameters;
    $server->set_threadpool_parameters( { maxWorkers => 33, minWorkers => 6, prioWorkers => 4 } );
    my $now = $server->get_threadpool_parameters;
    is( "@$now{qw(maxWorkers minWorkers prioWorkers)}", '33 6 4', 'threads' );
    $server->set_threadpool_parameters(
        { map { $_ => $threads->{$_} } qw(maxWorkers minWorkers prioWorkers) } );
    throws( 'certificates that it has not', qr/./, sub { $server->update_tls_files } );
};

subtest 'clients' => sub {
    my %before   = map { $_->get_id => 1 } $server->list_clients;
    my $victim   = Stack::connect( 'a', readonly => 0 );
    my ($client) = grep { !$before{ $_->get_id } } $server->list_clients;
    ok( $client, 'a connection is a client' ) or return;
    is( $client->get_transport, Sys::Virt::Admin::Client::TRANS_UNIX, 'on a Unix socket' );
    cmp_ok( abs( $client->get_timestamp - time ), '<', 30, 'since now' );
    my $info = $client->get_info;
    is( $info->{readonly},       0,      'that may write' );
    is( $info->{unix_user_name}, 'root', 'of root' );
    is( $server->get_client_by_id( $client->get_id )->get_timestamp,
        $client->get_timestamp, 'found by its id' );
    throws( 'no such client', 'NO_CLIENT', sub { $server->get_client_by_id( 2**40 ) } );
    $client->close;
    ok( Stack::wait_for( 'its end', 10, sub { !$victim->is_alive } ), 'disconnected' );
    throws( 'its next call', qr/./, sub { $victim->get_hostname } );
    is( $conn->is_alive, 1, '... the others stay' );
};

subtest 'the log' => sub {
    my ( $filters, $outputs ) = ( $admin->get_logging_filters, $admin->get_logging_outputs );
    $admin->set_logging_filters('1:qemu 3:event');
    like( $admin->get_logging_filters, qr/\A1:\*?qemu\*? 3:\*?event\*?\s*\z/, 'filters' );
    $admin->set_logging_filters(undef);
    is( $admin->get_logging_filters, q{}, '... none' );
    $admin->set_logging_filters($filters);
    my $file = Stack::file('log');
    $admin->set_logging_outputs("1:file:$file");
    is( $admin->get_logging_outputs, "1:file:$file", 'outputs' );
    $admin->set_logging_filters('1:rpc');
    $conn->get_hostname;
    ok( -s $file, '... which are written to' );
    $admin->set_logging_outputs($outputs);
    is( $admin->get_logging_outputs, $outputs, '... back' );
    throws( 'an invalid filter', 'INVALID_ARG', sub { $admin->set_logging_filters('loud') } );
};

subtest 'without blocking' => sub {
    my @servers = $admin->async->list_servers->get;
    is( scalar @servers, 2, 'servers' );
    my @names = map { $_->get } map { $_->async->get_name } @servers;
    is_deeply( [ sort @names ], [ 'admin', 'libvirtd' ], '... and their names' );
    my ($client) = $server->async( timeout => 10 )->list_clients->get;
    is( $client->async->get_id->get, $client->get_id, 'clients' );
    like(
        fresh('use Sys::Virt; Sys::Virt::Admin->async->new( uri => $ARGV[1] )->get->get_uri; print q{done}'),
        qr/\Adone\z/, 'connecting'
    );
};

subtest 'closed objects' => sub {
    my $other    = Sys::Virt::Admin->new( uri => uri('a') );
    my ($server) = grep { $_->get_name eq 'libvirtd' } $other->list_servers;
    my ($client) = $server->list_clients;
    $_->DESTROY for $client, $server, $other;
    my %call = (
        'Sys::Virt::Admin' => [
            $other,
            qw(get_uri is_alive get_library_version list_servers get_logging_filters get_logging_outputs
                daemon_shutdown unregister_close_callback),
            [ get_server_by_name => 'x' ], [ set_logging_filters     => q{} ], [ set_logging_outputs => q{} ],
            [ set_daemon_timeout => 1 ],   [ register_close_callback => sub { } ]
        ],
        'Sys::Virt::Admin::Server' => [
            $server,
            qw(get_name list_clients get_client_limits get_threadpool_parameters update_tls_files),
            [ get_client_by_id          => 1 ],
            [ set_client_limits         => { nclients_max => 1 } ],
            [ set_threadpool_parameters => { maxWorkers   => 1 } ]
        ],
        'Sys::Virt::Admin::Client' => [ $client, qw(get_id get_timestamp get_transport get_info close) ],
    );
    for my $class ( sort keys %call ) {
        my ( $object, @methods ) = @{ $call{$class} };
        for (@methods) {
            my ( $method, @arguments ) = ref ? @$_ : $_;
            my $lived = eval { $object->$method(@arguments); 1 };
            ok(
                  $lived
                ? $method =~ /\A(?:unregister_close_callback|is_alive)\z/
                : ref $@ eq 'Sys::Virt::Error',
                "${class}::$method"
            ) or diag $@;
        }
    }
    $other->close;
};

subtest 'example' => sub {
    my $pid = IPC::Open3::open3( my $in, my $out, undef, $^X, ( map { "-I$_" } grep { !ref } @INC ),
        'examples/daemon.pl', '--uri', uri('a'), '--server', 'libvirtd', '--max-clients', 4_999 );
    my $text = do { local $/ = undef; readline $out };
    waitpid $pid, 0;
    is( $?, 0, 'daemon.pl' ) or diag $text;
    like( $text, qr/^libvirtd: \d+ of 4999 clients, \d+ of \d+ threads busy/m, '... sets and shows limits' );
    like( $text, qr/^ +\d+  unix  \w.*  root, process -?\d+$/m,                '... and clients' );
};

subtest 'the end of a daemon' => sub {
    my $other = Sys::Virt::Admin->new( uri => uri('b') );
    my @got;
    $other->register_close_callback( sub { push @got, [@_] } );
    throws(
        'there can be one',
        'OPERATION_INVALID',
        sub {
            $other->register_close_callback( sub { } );
        }
    );
    Stack::control( 'daemon', 'b', 'kill' );
    ok( Stack::wait_for( 'the close callback', 10, sub { @got } ), 'the callback is called' );
    is_deeply( \@got, [ [ $other, Sys::Virt::CLOSE_REASON_EOF ] ], '... with connection and reason' );
    is( $other->is_alive, 0, 'not alive any more' );
    throws( 'a call', qr/./, sub { $other->list_servers } );
    Stack::control( 'daemon', 'b', 'start' );

    $other = Sys::Virt::Admin->new( uri => uri('b') );
    my $object = { other => $other };
    $other->register_close_callback( sub { $object->{heard}++ } );
    $other->unregister_close_callback;
    Stack::control( 'daemon', 'b', 'kill' );
    my $turns = 0;
    Stack::wait_for( 'some iterations', 5, sub { $turns++ > 10 } );
    is( $object->{heard}, undef, 'an unregistered one is not' );
    Stack::control( 'daemon', 'b', 'start' );

    $other = Sys::Virt::Admin->new( uri => uri('b') );
    $other->register_close_callback( sub { $_[0]->close; die "closed within\n" } );
    Stack::control( 'daemon', 'b', 'kill' );
    my $error;
    Stack::wait_for( 'the exception', 10, sub { $error } )
        if eval {
        Stack::wait_for( 'the callback', 10, sub { 0 } );
        1;
        };
    is( $@, "closed within\n", 'it may close the connection, and die' );
    Stack::control( 'daemon', 'b', 'start' );
};

done_testing;
