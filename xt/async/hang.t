# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Non-blocking calls when a daemon hangs or stops: other calls must not be affected.
use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../../t/lib";
use IO::Socket::UNIX ();
use Patience;
use Session;
use Socket    qw(SOCK_STREAM);
use Sys::Virt ();
use Test::More;
use Time::HiRes qw(sleep time);

my $daemon = Session->new or plan skip_all => 'needs libvirtd (Debian: libvirt-daemon)';
my $good   = $daemon->uri;
alarm 120;

# A host that accepts and never answers.
my $path   = $daemon->dir . '/silent';
my $silent = IO::Socket::UNIX->new( Type => SOCK_STREAM, Local => $path, Listen => 512 ) or die "$path: $!\n";
my $hangs  = $daemon->uri($path);

sub code {
    my ($code) = @_;
    return eval { $code->(); 1 } ? 'none' : ref $@ ? $@->code : $@;
}
use constant TIMEOUT => 68;

# --- Hosts that hang

my %codes;
$codes{ code( sub { Sys::Virt->new( uri => $hangs, timeout => 0.05 ) } ) }++ for 1 .. 40;
is_deeply( \%codes, { TIMEOUT, 40 }, '40 hosts hang in connecting' );
is( code( sub { Sys::Virt->new( uri => $good, timeout => 10 ) } ), 'none', 'another host is reached' );

my @hanging = map { Sys::Virt->async( timeout => 0.5 )->new( uri => $hangs ) } 1 .. 200;
my @fine    = map { Sys::Virt->async( timeout => 20 )->new( uri => $good ) } 1 .. 10;
my $late    = grep {
    code( sub { $_->get } ) eq TIMEOUT
} @hanging;
my $reached = grep { !defined $_->failure } @fine;
is( $late,    200, '200 hang side by side' );
is( $reached, 10,  'those behind them are reached' );
{
    local $SIG{ALRM} = sub { die "alarm\n" };
    for ( 1 .. 40 ) {
        Time::HiRes::alarm(0.02);
        eval { Sys::Virt->new( uri => $hangs, timeout => 30 ); 1 };
    }
    Time::HiRes::alarm(0);
    is( $@, "alarm\n", 'a handler leaves 40 more' );
}
alarm 120;
is( code( sub { Sys::Virt->new( uri => $good, timeout => 10 ) } ), 'none', 'and still another is reached' );
is( Sys::Virt::Async->pending,                                     0,      'nothing is left to settle' );

# --- A long row of canceled calls

my $conn = Sys::Virt->new( uri => $good );
my $dom  = $conn->get_domain_by_name('test');
for my $order ( 'forward', 'backward' ) {
    $daemon->signal('STOP');
    my @row = map { $dom->async( ordered => 1 )->get_info } 1 .. 20_000;
    $_->cancel for $order eq 'forward' ? @row : reverse @row;
    $daemon->signal('CONT');
    is( $dom->async( ordered => 1 )->get_name->get, 'test', "20,000 calls in a row, canceled $order" );
}

# --- Calls that are over and not settled

{
    my $future = $conn->async->get_hostname;
    sleep 0.3;
    is( Sys::Virt::Async->pending, 1, 'a call that has ended is pending until it is dispatched' );
    Sys::Virt::Async->dispatch while Sys::Virt::Async->pending;
    ok( $future->is_done, 'then it is settled' );
}

# --- all, with invalid objects

for ( [ undef, 'nothing' ], [ [], 'a reference' ], [ 'x', 'a string' ] ) {
    my ( $object, $what ) = @$_;
    eval { Sys::Virt::Async->all( [ $dom, $object ], 'get_info' ) };
    like(
        $@,
        qr/\Aall: Can't locate object method "get_info" via package "[^"]*" at \Q$0\E line/,
        "$what among the objects"
    );
}

done_testing;
