# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Sys::Virt::Console on one end of a socket pair, and how it is misused. Real guests are in xt/stack/console.t.
use strict;
use warnings;

BEGIN {
    $_->unimport for grep { $INC{"$_.pm"} } qw(bigint bignum);
}    # whose fractions are 0 for XS

use FindBin ();
use Socket  qw(AF_UNIX PF_UNSPEC SOCK_STREAM);
use Test::More;
use Time::HiRes ();
use Sys::Virt;
use Sys::Virt::Console;
use lib "$FindBin::Bin/lib" =~ /(.*)/s;    # untainted, for -T
use Patience;
use Throws;

alarm 60;

# A domain whose console is the socket.
package Guest;
our @ISA = ('Sys::Virt::Domain');          ## no critic (ProhibitExplicitISA)
our $socket;

sub new          { my ($class) = @_; return bless \my $self, $class }
sub get_connect  { return $_[0] }
sub new_stream   { return $_[0] }
sub open_console { return }
sub handle       { return $socket }
sub handle_error { return }
sub DESTROY      { return }

package main;

sub guest {
    my (@options) = @_;
    socketpair $Guest::socket, my $other, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die $!;
    binmode $_ for $Guest::socket, $other;    # whatever -C or PERL_UNICODE say
    $other->autoflush(1);
    my $console = Sys::Virt::Console->open( Guest->new, @options );
    undef $Guest::socket;
    return ( $console, $other );
}

sub soon {
    my ($code) = @_;
    $SIG{ALRM} = $code;
    Time::HiRes::alarm(0.2);
    return;
}    ## no critic (RequireLocalizedPunctuationVars)

subtest 'as it is meant' => sub {
    my $log = q{};
    my ( $console, $other ) = guest( timeout => 20, log => sub { $log .= $_[0] } );
    print {$other} 'login: ';
    is( $console->expect('login: '),                0,              'a string' );
    is( $console->send_line("r\x{f6}\x{f6}t"),      $console,       'a line to the guest' );
    is( do { sysread $other, my $line, 99; $line }, "r\xf6\xf6t\n", '... arrives' );
    is( $console->send("\x{263a}") && do { sysread $other, my $line, 99; $line },
        "\xe2\x98\xba", '... in UTF-8' );
    print {$other} 'a1 b2';
    is( $console->expect( [ qr/b(\d)/, qr/a(\d)/ ] ), 1,              'the first in the text' );
    is( ( $console->groups )[0],                      1,              '... its groups' );
    is( $console->read(0.05),                         ' b2',          'the rest' );
    is( $log,                                         'login: a1 b2', 'the log' );
    close $other;
    throws 'the end', qr/the console has ended/, sub { $console->expect('x') };
    ok( $console->is_eof, '... is known' );
};

subtest 'time limits' => sub {
    local $SIG{ALRM} = $SIG{ALRM};
    my ( $console, $other ) = guest();
    for my $forever ( 9**9**9, 1e300, 1e9 ) {
        soon( sub { print {$other} 'late' } );
        my $before = (times)[0];
        is( $console->expect( 'late', $forever ), 0, "$forever seconds" );
        cmp_ok( (times)[0] - $before, '<', 0.1, '... without spinning' );
    }
    throws 'not a number', qr/expect: timeout must be a number.* at \Q$0\E/,
        sub { $console->expect( 'x', 'nan' ) };
    throws 'a guest that does not read', 'OPERATION_TIMEOUT',
        sub { $console->send( 'x' x 5_000_000, timeout => 0.2 ) };
    alarm 60;
};

subtest 'closed while somebody waits' => sub {
    local $SIG{ALRM} = $SIG{ALRM};
    my ( $console, $other );
    ( $console, $other ) = guest( log => sub { $console->close } );
    print {$other} 'text';
    throws 'by the log', qr/the console was closed during the call/, sub { $console->expect('more') };
    for my $method (qw(expect read send)) {
        ( $console, $other ) = guest();
        soon( sub { $console->close } );
        throws "by a signal's handler: $method", qr/the console was closed during the call/,
            sub { $console->$method( $method eq 'expect' ? 'x' : $method eq 'read' ? 20 : 'x' x 5_000_000 ) };
    }
    ( $console, $other ) = guest();
    soon( sub { die "enough\n" } );
    throws 'a handler that dies leaves', qr/\Aenough/, sub { $console->expect('x') };
    print {$other} 'x';
    is( $console->expect('x'), 0, '... and the console goes on' );
    alarm 60;
};

subtest 'mistakes' => sub {
    my ( $console, $other ) = guest();
    throws 'an option of send', qr/send has no option 'time' at \Q$0\E/,
        sub { $console->send( 'x', time => 1 ) };
    throws 'half an option', qr/send takes options as pairs.* at \Q$0\E/,
        sub { $console->send( 'x', 'timeout' ) };
    throws 'no text', qr/\AUsage: /, sub { $console->send(undef) };
    for my $pattern ( sub { 1 }, {}, \'x' ) {
        throws 'no pattern: ' . ref $pattern, qr/expect: \S+ is no pattern at \Q$0\E/,
            sub { $console->expect($pattern) };
    }
};

done_testing;
