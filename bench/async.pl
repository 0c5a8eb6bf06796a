#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use FindBin          ();
use Getopt::Long     ();
use IO::Socket::UNIX ();
use List::Util       qw(max min);
use Pod::Usage       ();
use POSIX            ();
use Time::HiRes      qw(sleep time);
use lib $FindBin::Bin, "$FindBin::Bin/../xt/lib";
use Bench;
use Session;
use Sys::Virt;

my %option = ( rounds => 3 );
Getopt::Long::GetOptions( \%option, 'rounds=i', 'markdown', 'check', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage(0) if $option{help};

my $daemon = Session->new or die "libvirtd is needed (Debian: libvirt-daemon)\n";
my @failed;

sub target {
    my ( $what, $met ) = @_;
    push @failed, $what if !$met;
    return;
}

# --- Calls side by side on one connection

my @in_flight = ( 4, 8, 16, 32, 64 );
my $print =
    Bench::table( $option{markdown}, 'round trip', 'one at a time', map { "$_ in flight" } @in_flight );
for my $milliseconds ( 50, 10, 1 ) {
    my $proxy = proxy( $milliseconds / 1000 );
    my $conn  = Sys::Virt->new( uri => $daemon->uri( $proxy->{socket} ) );
    my $dom   = $conn->get_domain_by_name('test');
    $conn->async_limits( all => max @in_flight );
    my $calls  = $milliseconds > 10 ? 20 : 100;
    my $single = least( sub { $dom->get_info for 1 .. $calls } ) / $calls;
    my %ratio;
    for my $number (@in_flight) {
        my @doms = ($dom) x ( $number * ( $milliseconds > 10 ? 20 : 60 ) );
        my $time = least( sub { calls( { concurrency => $number }, @doms ) } );
        $ratio{$number} = $single / ( $time / @doms );
    }
    $print->(
        "$milliseconds ms",
        sprintf( '%.1f ms', 1000 * $single ),
        map { sprintf '%.1f times', $ratio{$_} } @in_flight
    );
    target( 'at 50 ms, 32 in flight: 28 times', $ratio{32} >= 28 ) if $milliseconds == 50;
    target( 'at 10 ms, 32 in flight: 16 times', $ratio{32} >= 16 ) if $milliseconds == 10;
    if ( $milliseconds == 50 ) {
        $conn->async_limits( all => 32 );
        our $thousand = least( sub { calls( {}, ($dom) x 1000 ) } );
        our $bulk     = least( sub { $conn->get_all_domain_stats(Sys::Virt::Domain::STATS_STATE) } );
        target( '1,000 get_info at 50 ms within 2.5 s', $thousand <= 2.5 );
    }
    kill KILL => $proxy->{pid};
    waitpid $proxy->{pid}, 0;
}
printf "\n1,000 get_info at 50 ms with the default limits: %.2f s; get_all_domain_stats: %.2f s.\n",
    our $thousand, our $bulk;

# --- How late a timer is while the daemon does not answer for six seconds

for my $loop (qw(IO::Async::Loop Mojo::IOLoop)) {
    my $late = timer($loop) // next;
    printf "A timer of 10 ms in %s during a call of 6 s is late by %.1f ms at most.\n", $loop, 1000 * $late;
    target( "a timer of $loop is late by less than 20 ms", $late < 0.02 );
}

# --- Instructions, under callgrind

if ( my %count = instructions() ) {
    printf
        "A call with its future costs %d instructions more than the blocking call (%d), an element of all %d more.\n",
        @count{qw(future blocking element)};
    target( 'a future within 35,000 instructions',   $count{future} <= 35_000 );
    target( 'an element within 15,000 instructions', $count{element} <= 15_000 );
}
print "Missed: $_\n" for @failed;
exit( $option{check} && @failed ? 1 : 0 );

sub calls {
    my ( $options, @doms ) = @_;
    my @failures =
        grep { !ref || ref eq 'Sys::Virt::Error' } Sys::Virt::Async->all( $options, \@doms, 'get_info' )->get;
    die $failures[0] if @failures;
    return;
}

sub least {
    my ($code) = @_;
    return min map { my $start = time; $code->(); time - $start } 1 .. $option{rounds};
}

# Forwards a socket to the daemon's, each byte later by half of the round trip.
sub proxy {
    my ($seconds) = @_;
    my $socket    = $daemon->dir . "/delay-$seconds";
    my $listening = IO::Socket::UNIX->new( Local => $socket, Listen => 1 ) or die "$socket: $!";
    chmod oct(777), $socket;
    my $pid = fork // die "fork: $!";
    return { socket => $socket, pid => $pid } if $pid;
    my $one   = $listening->accept;
    my $two   = IO::Socket::UNIX->new( Peer => $daemon->socket ) or POSIX::_exit(1);
    my @ends  = ( [ $one, $two ], [ $two, $one ] );
    my @queue = ( [], [] );

    forward( \@ends, \@queue, $seconds ) while 1;
    return;
}

sub forward {
    my ( $ends, $queue, $seconds ) = @_;
    my $now  = time;
    my @due  = map { @$_ ? $_->[0][0] : () } @$queue;
    my $bits = q{};
    vec( $bits, fileno $_, 1 ) = 1 for map { $_->[0] } @$ends;
    select $bits, undef, undef, @due ? max( 0, min(@due) - $now ) : undef;
    $now = time;
    for my $way ( 0, 1 ) {
        my ( $from, $to ) = @{ $ends->[$way] };
        if ( vec $bits, fileno $from, 1 ) {
            sysread $from, my $data, 2**16 or POSIX::_exit(0);
            push @{ $queue->[$way] }, [ $now + $seconds / 2, $data ];
        }
        while ( @{ $queue->[$way] } && $queue->[$way][0][0] <= $now ) {
            my $data = ( shift @{ $queue->[$way] } )->[1];
            my $done = 0;
            $done += syswrite( $to, $data, length($data) - $done, $done ) // POSIX::_exit(0)
                while $done < length $data;
        }
    }
    return;
}

# In a process of its own: the largest delay of a timer, or undef if the loop is not installed.
sub timer {
    my ($loop) = @_;
    my $pid = open( my $pipe, q{-|} ) // die "fork: $!";
    if ( !$pid ) {
        eval "require $loop; 1" or POSIX::_exit(1);
        my $conn = Sys::Virt->new( uri => $daemon->uri );
        my ( $late, $due ) = (0);
        my $tick = sub {
            my $now = time;
            $late = max( $late, $now - $due ) if $due;
            $due  = $now + 0.01;
        };
        my $run = $loop->new;
        if ( $loop =~ /Mojo/ ) { $run = $loop->singleton; $run->recurring( 0.01 => $tick ) }
        else {
            my $again;
            $again = sub { $tick->(); $run->watch_time( after => 0.01, code => $again ) };
            $run->watch_time( after => 0.01, code => $again );
        }
        $daemon->signal('STOP');
        my $waker = fork // die "fork: $!";
        if ( !$waker ) { sleep 6; $daemon->signal('CONT'); POSIX::_exit(0) }
        $conn->async->get_hostname->on_ready( sub { $run->stop } );
        $run->can('run') ? $run->run : $run->start;
        waitpid $waker, 0;
        syswrite STDOUT, $late;
        POSIX::_exit(0);
    }
    my $late = <$pipe>;
    close $pipe;
    return $late;
}

# The cost of a call, from twice as many calls; a domain of the test driver is asked for its information.
sub instructions {
    return if system 'valgrind --version >/dev/null 2>&1';
    my $code = q{
        use Sys::Virt; my ( $kind, $count ) = @ARGV;
        my $dom = Sys::Virt->new( uri => 'test:///default' )->get_domain_by_name('test');
        $dom->async->get_info->get; Sys::Virt::Async->all( [$dom], 'get_info' )->get;
        if    ( $kind eq 'blocking' ) { $dom->get_info for 1 .. $count }
        elsif ( $kind eq 'future' )   { $dom->async->get_info->get for 1 .. $count }
        else                          { Sys::Virt::Async->all( [ ($dom) x $count ], 'get_info' )->get }
    };
    my %per;
    for my $kind (qw(blocking future element)) {
        my ( $once, $twice ) = map {
            my $file = $daemon->dir . '/callgrind';
            system( 'valgrind', '-q', '--tool=callgrind', "--callgrind-out-file=$file", $^X, '-Mblib', '-e',
                $code, $kind, $_ ) == 0
                or return;
            open my $out, '<', $file or return;
            my ($sum) = map { /^(?:summary|totals): (\d+)/ ? $1 : () } <$out>;
            $sum;
        } 1000, 2000;
        $per{$kind} = ( $twice - $once ) / 1000;
    }
    $per{$_} -= $per{blocking} for qw(future element);
    return %per;
}

__END__

=head1 NAME

async.pl - times calls that do not block, over a connection with long round trips

=head1 SYNOPSIS

    bench/async.pl [--rounds 3] [--markdown] [--check]

=head1 DESCRIPTION

Needs a built tree (C<make>) and libvirtd; it starts one of its own and puts a proxy before it that delays. It tells how many times
faster calls are that run side by side on one connection, how long a thousand take, how late a timer of an event loop is while a call
takes six seconds, and how many instructions a call costs (with valgrind). C<--check> ends with status 1 if a target is missed.

=cut
