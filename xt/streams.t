# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A soak of file handles and transfers of streams: opened, used, closed, aborted and dropped at random points; no descriptor, thread
# or memory is left. STREAM_HANDLES: how many, 4000 unless given; STREAM_SEED repeats a run.
use strict;
use warnings;

use Test::More;
use lib 't/lib';
use Patience;
use Time::HiRes ();
use Sys::Virt;

plan skip_all => 'needs /proc' if !-r '/proc/self/statm';
my $count = $ENV{STREAM_HANDLES} || 4000;
my $seed  = $ENV{STREAM_SEED}    || time;
srand $seed;
local $SIG{ALRM} = sub { die "a stream hangs\n" };

my $conn = Sys::Virt->new( uri => 'test:///default' );
my $dom  = $conn->get_domain_by_name('test');
open my $null, '>', '/dev/null' or die $!;

sub stream {
    my $st = $conn->new_stream;
    $dom->screenshot( $st, 0 );
    return $st;
}

my $size = stream()->receive_to($null);
my ( @kept, $wrong );

# Operations on a handle; false if the result is wrong.
my @uses = (
    sub { return 1 },
    sub {
        my ($fh) = @_;
        my $all = do { local $/ = undef; <$fh> };
        return length $all == $size && close $fh;
    },
    sub { my ($fh) = @_; return sysread( $fh, my $part, 1 + rand 50_000 ) && close $fh },
    sub { my ($fh) = @_; return sysread $fh, my $part, 1 + rand 50_000 },
    sub { my ($fh) = @_; return close $fh },
    sub {
        my ( $fh, $st ) = @_;
        eval { $st->abort };
        close $fh;
        return 1;
    },
    sub {
        my ( $fh, $st ) = @_;
        eval { $st->abort };
        return 1;
    },
    sub { my ($fh) = @_; push @kept, $fh; shift @kept if @kept > 20; return 1 },
    sub { my ( $fh, $st ) = @_; undef $_[1]; return sysread $fh, my $part, 10 },
    sub { my ($fh) = @_; open my $copy, '<&', $fh or die $!; return close $fh },
    sub { my ($fh) = @_; open $fh, '<', '/dev/null' or return; return close $fh },
    sub { my ($fh) = @_; $fh->blocking(0); defined sysread $fh, my $part, 10 or 1 },
);
my @transfers = (
    sub { return stream()->receive_to($null) == $size },
    sub { return stream()->receive_to( $null, timeout => 60 ) == $size },
    sub { return stream()->async->receive_to($null)->get == $size },
    sub {
        my $f = stream()->async->receive_to($null);
        $f->cancel;
        return $f->is_cancelled || $f->is_done;
    },
    sub {
        return !eval {
            stream()->receive_to( $null, on_progress => sub { die "enough\n" } );
        };
    },
    sub {
        return !eval { stream()->receive_to( $null, length => 1 + rand( $size - 1 ) ) }
    },
);

sub turn {
    if ( rand() < 0.05 ) { return $transfers[ rand @transfers ]->() }
    my $st = stream();
    my $fh = $st->handle;
    return $uses[ rand @uses ]->( $fh, $st );
}

sub memory {
    open my $file, '<', '/proc/self/statm' or die $!;
    return ( split q{ }, <$file> )[1] * 4;
}
sub number_of { my @all = glob "/proc/self/$_[0]/*"; return scalar @all }

sub settle {
    my ($descriptors) = @_;
    @kept = ();
    my $end = Time::HiRes::time() + 60;
    while ( Time::HiRes::time() < $end ) {
        Sys::Virt::Async->dispatch;
        last if !Sys::Virt::Async->pending && number_of('fd') <= $descriptors;
        Time::HiRes::sleep(0.02);
    }
    return;
}

# The first round makes what stays.
Sys::Virt::Async->fileno;
stream()->async->receive_to($null)->get;
my $descriptors = number_of('fd');
my $early       = int $count / 4;
my $before;
for my $n ( 1 .. $count ) {
    alarm 60;
    if ( !turn() )      { $wrong++;             diag "turn $n: $@ $!" if $wrong < 5 }
    if ( $n == $early ) { settle($descriptors); $before = memory() }
}
settle($descriptors);
is( $wrong // 0,     0,            "$count streams do what they should (seed $seed)" );
is( number_of('fd'), $descriptors, 'no descriptor is left' );
my $grown = memory() - $before;
SKIP: {
    skip( 'ThreadSanitizer has memory of its own', 1 ) if ( $ENV{LD_PRELOAD} // q{} ) =~ /tsan/;
    cmp_ok( $grown, '<', 3000, "memory does not grow with the number ($grown KiB)" );
}
cmp_ok( number_of('task'), '<', 75, number_of('task') . ' threads' );
undef $conn;

done_testing;
