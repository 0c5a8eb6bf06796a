# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Runs under the stubs: what the functions of libvirt's smaller libraries return, beyond what calls.pl looks at.
use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/../lib";
use Scalar::Util qw(weaken);
use Test::More;
use Sys::Virt;
use Sys::Virt::Admin;
use Sys::Virt::LXC;
use Sys::Virt::QEMU;
use Calls qw(%object);

our $NEVER = "a glob without a file";

my ( $c, $d ) = @object{ 'Sys::Virt', 'Sys::Virt::Domain' };

# The process's open descriptors.
sub descriptors { return scalar( () = glob '/proc/self/fd/*' ) }

subtest 'events of a monitor' => sub {
    my @got;
    is( Sys::Virt::QEMU::monitor_event_register( $c, $d, 'SHUT.*', sub { push @got, [@_] }, 1 ),
        300, 'an id' );
    is( scalar @got,    2,                   'both arrived' );
    is( $got[0][0],     $c,                  'the connection' );
    is( ref $got[0][1], 'Sys::Virt::Domain', 'the domain' );
    is_deeply(
        [ @{ $got[0] }[ 2 .. 5 ] ],
        [ 'SHUTDOWN', 2**40, 999_999, '{"guest":true}' ],
        'name, time, details'
    );
    is_deeply( [ @{ $got[1] }[ 2 .. 5 ] ], [ 'STOP', 5, 0, undef ], 'without details' );
    ok(
        !eval {
            Sys::Virt::QEMU::monitor_event_register( $c, undef, undef, sub { die "event\n" } );
            1;
        },
        'one that dies'
    );
    is( $@, "event\n", '... is thrown' );
    my $held = {};
    weaken( my $weak = $held );
    Sys::Virt::QEMU::monitor_event_register( $c, undef, undef, sub { return $held } );
    undef $held;
    ok( !$weak, 'the sub goes with the registration' );
};

subtest 'file handles' => sub {
    my $before = descriptors();
    my ( $text, @files ) = Sys::Virt::QEMU::monitor_command_with_files( $d, 'x', [ \*STDIN, 1 ] );
    is( $text,              '{"return":{"answer":42}}', 'the answer' );
    is( scalar @files,      2,                          'and two files' );
    is( descriptors(),      $before + 2,                '... which are open' );
    is( readline $files[0], 'from QEMU',                '... and can be read' );
    like( fileno $files[1], qr/\A\d+\z/, '... with a number' );
    open my $flags, '<', '/proc/self/fdinfo/' . fileno $files[1] or die $!;
    like( ( join q{}, <$flags> ), qr/^flags:\s+0?2\d{6}$/m, '... that a new program does not see' );
    close $flags;
    close $files[0];
    @files = ();
    is( descriptors(), $before, '... and go with their handles' );

    my @namespaces = Sys::Virt::LXC::open_namespace($d);
    is( readline $namespaces[1], 'namespace', 'namespaces' );
    my @old = Sys::Virt::LXC::enter_namespace( $d, \@namespaces );
    is( scalar @old,      2,     'those before' );
    is( readline $old[0], 'old', '... are files, too' );
    @namespaces = @old = ();
    is( descriptors(), $before, '... that go' );

    for ( 1 .. 3 ) {
        my $count = Sys::Virt::LXC::open_namespace($d);
        my ($only) = Sys::Virt::QEMU::monitor_command_with_files( $d, 'x', undef );
        Sys::Virt::LXC::open_namespace($d);
        eval { Sys::Virt::LXC::enter_namespace( $d, [ [] ] ) };
        eval { Sys::Virt::QEMU::monitor_command_with_files( $d, 'x', [ {} ] ) };
    }
    is( descriptors(), $before, 'none stays open that nobody takes' );

    for my $case (
        [ 'a hash'                => {},       qr/files\[1\] is a reference, not a number/ ],
        [ 'a handle never opened' => \*NEVER,  qr/files\[1\] is a file handle without descriptor/ ],
        [ 'one in memory'         => memory(), qr/files\[1\] is a file handle without descriptor/ ],
    ) {
        my ( $what, $value, $message ) = @$case;
        ok( !eval { Sys::Virt::LXC::enter_namespace( $d, [ 0, $value ] ); 1 }, "$what is refused" );
        like( $@, $message, '... in words' );
    }
    ok( !eval { $d->set_vcpus( \*STDIN ); 1 }, 'a handle is no number elsewhere' );
};

sub memory { open my $file, '<', \'text' or die $!; return $file }

subtest 'security labels' => sub {
    my $old = Sys::Virt::LXC::enter_security_label( { model => 'selinux', doi => '0' },
        { label => 'l', enforcing => 1 } );
    is_deeply( $old, { label => 'the old label', enforcing => 1 }, 'the old one' );
    for my $case (
        [ { model => 'x' x 257 }, { label => 'l' },        qr/model is longer than 256 bytes/ ],
        [ { model => 'x' },       { label => 'x' x 4097 }, qr/label is longer than 4096 bytes/ ],
        [ { model => "a\0b" },    { label => 'l' },        qr/model holds a NUL character/ ],
        [ 'x', { label => 'l' }, qr/model is not a HASH reference/ ],
    ) {
        my ( $model, $label, $message ) = @$case;
        ok( !eval { Sys::Virt::LXC::enter_security_label( $model, $label ); 1 }, 'what does not fit' );
        like( $@, $message, '... is refused in words' );
    }
};

# The answer of the next command is what the code returns.
sub answering {
    my ( $text, $code ) = @_;
    no warnings qw(redefine once);
    local *Sys::Virt::QEMU::monitor_command = sub { return $text };
    local *Sys::Virt::QEMU::agent_command   = sub { return $text };
    return $code->();
}

subtest 'JSON' => sub {
    my ( $answer, @files ) = Sys::Virt::QEMU::monitor_json_with_files( $d, { execute => 'x' }, [0] );
    is_deeply( $answer, { answer => 42 }, 'a hash' );
    is( scalar @files, 2, '... and files' );
    my $request;
    {
        no warnings qw(redefine);
        local *Sys::Virt::QEMU::agent_command =
            sub { $request = \@_; return '{"return":["\u263a",1.5,true]}' };
        my $list = Sys::Virt::QEMU::agent_json( $d, { execute => "caf\x{e9}" } );
        is_deeply( [ @$list[ 0, 1 ] ], [ "\x{263a}", 1.5 ], 'characters and numbers' );
        ok( $list->[2], '... and what is true' );
        is( $request->[1], qq({"execute":"caf\xc3\xa9"}), 'sent as UTF-8' );
        is_deeply( [ @$request[ 2, 3 ] ], [ -1, 0 ], 'with the usual time limit' );
        Sys::Virt::QEMU::agent_json( $d, { execute => 'x' }, 7, 1 );
        is_deeply( [ @$request[ 2, 3 ] ], [ 7, 1 ], 'or another' );
    }
    is( answering( '{"return":5}', sub { Sys::Virt::QEMU::monitor_json( $d, {} ) } ), 5, 'a number alone' );
    my $refused = '{"id":"1","error":{"class":"CommandNotFound","desc":"no x"}}';
    ok(
        !eval {
            answering( $refused, sub { Sys::Virt::QEMU::monitor_json( $d, {} ) } );
            1;
        },
        'an error'
    );
    is( ref $@,                            'Sys::Virt::QEMU::Error', '... is an exception' );
    is( join( q{|}, $@->class, $@->text ), 'CommandNotFound|no x',   '... with class and text' );
    isa_ok( $@, 'Sys::Virt::Error', '... and' );
    is( $@->code, Sys::Virt::Error::ERR_OPERATION_FAILED, '... a code' );
    like( "$@", qr/CommandNotFound: no x/, '... and a string' );
    ok(
        !eval {
            answering( 'garbage', sub { Sys::Virt::QEMU::monitor_json( $d, {} ) } );
            1;
        },
        'an invalid answer'
    );
    for my $wrong ( 'text', undef, [] ) {
        ok( !eval { Sys::Virt::QEMU::agent_json( $d, $wrong ); 1 }, 'no hash' );
        like(
            $@,
            qr/\ASys::Virt::QEMU::agent_json: cmd is not a HASH reference at \Q$0\E line/,
            '... in words, and where'
        );
    }
    ok( !$INC{'JSON/XS.pm'}, 'no other module was loaded' );
    for my $module (qw(JSON::XS Cpanel::JSON::XS)) {
        my $file = $module =~ s{::}{/}gr . '.pm';
    SKIP: {
            eval { require $file; 1 } or skip( "$module is not installed", 1 );
            is( Sys::Virt::QEMU::_json() =~ s/=.*//r, $module, "$module, once it is loaded" );
            is_deeply(
                answering( '{"return":{"a":1}}', sub { Sys::Virt::QEMU::monitor_json( $d, {} ) } ),
                { a => 1 },
                '... works'
            );
        }
    }
};

subtest 'administration' => sub {
    my $con = Sys::Virt::Admin->new( uri => 'x' );
    my @got;
    $con->register_close_callback( sub { push @got, [@_] } );
    is_deeply( \@got, [ [ $con, 1 ] ], 'the close callback' );
    ok(
        !eval {
            $con->register_close_callback( sub { die "closed\n" } );
            1;
        },
        'one that dies'
    );
    is( $@, "closed\n", '... is thrown' );
    my ($server) = $con->list_servers;
    ok( !eval { $server->set_client_limits( { nclients => 1 } ); 1 }, 'what cannot be set' );
    like( $@->message, qr/params has the unknown key 'nclients'/, '... is refused' );
    ok( !eval { Sys::Virt::Admin::Server::get_name($con); 1 }, 'an object of another class' );
    like( $@, qr/is not a Sys::Virt::Admin::Server object/, '... is refused' );
    ok( !eval { ( bless \( my $forged = 4096 ), 'Sys::Virt::Admin' )->get_uri; 1 }, 'one that is not ours' );
    $con->close;
    is( $$con, 0, 'closed' );
    ok( ref $server->get_name || $server->get_name, 'what came from it stays' );
};

done_testing;
