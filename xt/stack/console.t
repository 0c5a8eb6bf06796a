# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Sys::Virt::Console and examples/login.pl, on a guest's serial console.
use strict;
use warnings;

use Test::More;
use Time::HiRes ();
use lib         qw(t/lib xt/lib);
use Stack;
use Sys::Virt::Console;
use Throws;

my $conn  = Stack::connect('a');
my $guest = Stack::boot(
    $conn,
    name    => 'main',
    agent   => 1,
    devices => "<channel type='unix'><target type='virtio' name='test.channel'/></channel>"
);
my $hash = crypt 'secret', '$6$stack$';
Stack::in_guest( $guest, "echo 'root:$hash:20000:0:99999:7:::' >/etc/shadow" );

subtest 'a shell' => sub {
    my $log     = q{};
    my $console = Sys::Virt::Console->open( $guest, force => 1, timeout => 60, log => sub { $log .= $_[0] } );
    is( $console->send_line(q{}),   $console, 'send_line' );
    is( $console->expect(qr/[#] /), 0,        'the prompt' );
    my ( $output, $status ) = $console->run('echo one; echo two >&2; false');
    is( $output,                            "one\ntwo\n", 'the output of a command' );
    is( $status,                            1,            '... and its status' );
    is( $console->run('printf incomplete'), 'incomplete', 'without the end of a line' );
    is( $console->run('cat /etc/hostname /no/such; hostname') =~ s/.*\n(?=.)//sr,
        "guest\n", 'scalar context' );
    is( $console->run('seq 1 2000'), join( q{}, map { "$_\n" } 1 .. 2000 ), 'much' );
    $console->send_line('echo b-$((1+1)) a-$((2+2))');
    is( $console->expect( [ qr/a-(\d)/, 'b-2', 'none' ] ), 1,     'that which comes first' );
    is( $console->match,                                   'b-2', '... what matched' );
    is( $console->expect(qr/(\w)-(\d)/),                   0,     'the next' );
    is( join( q{,}, $console->groups ),                    'a,4', '... its groups' );
    is( $console->before,                                  q{ },  '... and what was before' );
    my $start = Time::HiRes::time();
    throws(
        'nothing of that kind',
        Sys::Virt::Error::ERR_OPERATION_TIMEOUT(),
        sub { $console->expect( 'x.y', 0.5 ) }
    );
    like( $@->message, qr/within 0[.]5 s; it wrote last: ".*[#]/s, '... which tells what there was' );
    cmp_ok( Time::HiRes::time() - $start, '<', 10, '... in time' );
    local $SIG{ALRM} = sub { die "alarm\n" };
    Time::HiRes::alarm(0.3);
    throws( 'a handler that dies leaves it', qr/\Aalarm\n/, sub { $console->expect( 'x.y', 30 ) } );
    like( $console->read, qr/[#]/, 'what is left' );
    is( $console->buffer, q{}, '... once' );
    throws(
        'a command that takes long',
        Sys::Virt::Error::ERR_OPERATION_TIMEOUT(),
        sub { $console->run( 'sleep 5', 0.5 ) }
    );
    $console->send("\cC");
    like( $log, qr/seq 1 2000/, 'the log has it all' );
    ok( !$console->is_eof, 'no end' );
    isa_ok( $console->stream, 'Sys::Virt::Stream' );
    is( $console->close, undef, 'close' );
    is( $console->close, undef, '... again' );
    throws( "a closed one: $_", qr/the console is closed/, sub { $console->$_('x') } )
        for qw(send send_line expect read run);
};

subtest 'a login' => sub {
    my $console = Sys::Virt::Console->open( $guest, force => 1, timeout => 60 );
    $console->send_line(q{});
    $console->expect(qr/[#] /);
    $console->send_line('exec login');
    $console->expect(qr/login: /);
    throws(
        'a wrong password',
        qr/refuses the user or the password/,
        sub { $console->login( user => 'root', password => 'no' ) }
    );
    is( $console->login( user => 'root', password => 'secret' ), $console,       'the right one' );
    is( $console->run('echo $USER $HOME'),                       "root /root\n", '... is logged in' );
    is( $console->login( user => 'root' ),                       $console, 'who is logged in stays so' );
    $console->send_line('exit');
    $console->close;
};

subtest 'examples/login.pl' => sub {
    local $ENV{GUEST_PASSWORD} = 'secret';
    my $name    = $guest->get_name;
    my @command = ( $^X, ( map { "-I$_" } @INC ), 'examples/login.pl', '--uri', Stack::uri('a'), $name );
    is( Stack::command( @command, 'echo $((40+2))', 'hostname' ), "42\nguest\n",
        'commands and their output' );
    is( system( @command, 'exit_3() { return 3; }; exit_3' ) >> 8, 3, '... and the status' );
};

subtest 'a channel' => sub {
    my $console = Sys::Virt::Console->open( $guest, channel => 'test.channel' );
    my $find    = 'd=$(grep -lx test.channel /sys/class/virtio-ports/*/name); d=${d%/name}';
    my $talk    = 'exec 3<>/dev/${d##*/}; read -r line <&3; echo "you said: $line" >&3; sleep 2';
    Stack::in_guest( $guest, "$find; ($talk) >/dev/null 2>&1 &" );
    $console->send_line('hello');
    is( $console->expect( "you said: hello\n", 30 ), 0, 'to the guest and back' );
    $console->close;
};

subtest 'taken over' => sub {
    my $first  = Sys::Virt::Console->open($guest);
    my $start  = Time::HiRes::time();
    my $second = Sys::Virt::Console->open( $guest, force => 1, timeout => 60 );
    cmp_ok( Time::HiRes::time() - $start,
        '>', 0.9, 'the client that uses the console has a second to close it' );
    throws( 'it is disconnected', qr{stream had I/O failure}, sub { $first->expect( 'x.y', 30 ) } );
    is( $second->run('echo $((40+2))'), "42\n", '... by the new one' );
    for ( 1 .. 20 ) {
        undef $second;
        $second = Sys::Virt::Console->open( $guest, force => 1 );
    }
    pass('one that was just closed becomes free, and libvirtd goes on');
    $second->close;
};

subtest 'what is refused' => sub {
    my $open = sub { return Sys::Virt::Console->open(@_) };
    throws( 'no domain',      qr/\AUsage: /,          sub { $open->($conn) } );
    throws( 'an option',      qr/open has no option/, sub { $open->( $guest, x => 1 ) } );
    throws( 'half an option', qr/options as pairs/,   sub { $open->( $guest, 'force' ) } );
    throws(
        'two devices',
        qr/a device or a channel/,
        sub { $open->( $guest, device => 'x', channel => 'y' ) }
    );
    throws( 'no such device', qr/./, sub { $open->( $guest, device => 'serial9' ) } );
    my $console = $open->($guest);
    throws( 'a second one', qr/Active console session/,   sub { $open->( $guest, safe => 1 ) } );
    throws( 'a time',       qr/timeout must be a number/, sub { $console->expect( 'x', 'y' ) } );
    throws( 'nothing',      qr/nothing to wait for/,      sub { $console->expect( [] ) } );
    throws( 'two lines',    qr/one line of shell/,        sub { $console->run("a\nb") } );
    throws( 'nobody',       qr/user is missing/,          sub { $console->login } );
};

subtest 'the end of a guest' => sub {
    my $console = Sys::Virt::Console->open( $guest, force => 1 );
    $console->send_line('echo last_$((40+2))');
    $console->expect('last_42');
    $guest->destroy;
    throws(
        'nothing more comes',
        Sys::Virt::Error::ERR_OPERATION_INVALID(),
        sub { $console->expect( 'x.y', 30 ) }
    );
    like( $@->message, qr/the console has ended/, '... which says so' );
    ok( $console->is_eof, '... too' );
    is( $console->close, undef, 'close' );
};

done_testing;
