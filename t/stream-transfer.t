# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# receive_to and send_from, as far as the test driver has streams. xt/stack/transfer.t has the rest.
use strict;
use warnings;

# Their fractions are 0 for XS.
BEGIN {
    $_->unimport for grep { $INC{"$_.pm"} } qw(bigint bignum);
}

use File::Temp ();
use FindBin;
use IO::Handle ();
use POSIX      ();
use lib "$FindBin::Bin/lib" =~ /(.*)/s;

use Test::More;
use Patience;
use Picture;
use Throws;
use Time::HiRes ();
use Sys::Virt;

local $SIG{ALRM} = sub { die "a transfer hangs\n" };
alarm 60;

my $c = Sys::Virt->new( uri => 'test:///default' );
my $d = $c->get_domain_by_name('test');

my $expected = whole_picture();
my $size     = length $expected;

sub slurp {
    my ($file) = @_;
    open my $in, '<:raw', "$file" or die "$file: $!";
    local $/ = undef;
    return scalar <$in>;
}

my $file = File::Temp->new;

sub empty {
    truncate $file, 0;
    seek $file, 0, 0;
    return;
}

is( picture()->receive_to($file), $size, 'how many bytes came' );
ok( slurp($file) eq $expected, '... all of them' );
empty();
print {$file} 'before';
my @progress;
is( picture()->receive_to( $file, on_progress => sub { push @progress, [@_] } ),
    $size, 'with a sub that is told' );
ok( slurp($file) eq "before$expected", 'what was printed before comes before' );
is_deeply( $progress[-1], [ $size, undef ], 'it was told the number at the end' );
empty();
my $st = picture();
is(
    $st->receive_to(
        fileno $file,
        length      => $size,
        timeout     => 30,
        on_progress => sub { push @progress, [@_] }
    ),
    $size,
    'on another thread, with a time limit, to a descriptor'
);
is_deeply( $progress[-1], [ $size, $size ], '... and the sub is told how many there will be' );
ok( slurp($file) eq $expected, '... all of them' );
throws( '... and the stream is finished', qr/the stream is not open/, sub { $st->receive_to($file) } );

empty();
my $future = picture()->async->receive_to($file);
isa_ok( $future, 'Sys::Virt::Future', 'without blocking:' );
is( $future->get, $size, '... how many bytes came' );
ok( slurp($file) eq $expected, '... all of them' );
empty();
is_deeply( [ map { $_->get } map { picture()->async( timeout => 20 )->receive_to($file) } 1 .. 10 ],
    [ ($size) x 10 ], 'several' );
is( -s "$file", 10 * $size, '... to one file' );

pipe my $reader, my $writer or die $!;
binmode $reader;
my $through = picture()->async->receive_to($writer);
close $writer;
my $piped = do { local $/ = undef; <$reader> };
ok( $piped eq $expected, 'to a pipe, whose handle was closed by then' );
is( $through->get, $size, '... which is full again and again' );

subtest 'canceled before a pipe that nobody reads' => sub {
    pipe my $out, my $in or die $!;
    binmode $in;
    syswrite $in, 'x' x 60_000;    # there is room for some
    my $stream  = picture();
    my $stalled = $stream->async->receive_to($in);
    Time::HiRes::sleep(0.2);
    $stalled->cancel;
    my $end = time + 20;
    my $used;

    while (1) {
        $used = !eval { $stream->recv( my $data, 1 ); 1 } && $@ =~ /uses the stream/;
        last if !$used || time > $end;
        Time::HiRes::sleep(0.05);
    }
    ok( !$used, 'the transfer ends' );
};

subtest 'signals while a pipe is full' => sub {
    ( $ENV{PERL_SIGNALS} // q{} ) ne 'unsafe'
        or plan skip_all => 'with PERL_SIGNALS=unsafe no handler may die in a call (perl/SAFETY.md)';
    my $full = sub {
        pipe my $out, my $in or die $!;
        $_->blocking(0), binmode $_ for $out, $in;
        my $filling = 0;
        while ( my $count = syswrite $in, 'x' x 4096 ) { $filling += $count }
        $in->blocking(1);
        return ( $out, $in, $filling );
    };
    my $patience = $SIG{ALRM};
    my $every    = sub { Time::HiRes::setitimer( Time::HiRes::ITIMER_REAL(), $_[0], $_[0] ) };
    my ( $out, $in, $filling ) = $full->();
    my ( $stream, $ticks ) = ( picture(), 0 );
    local $SIG{ALRM} = sub { die "enough\n" if ++$ticks == 3 };
    $every->(0.2);
    throws( 'a handler that dies leaves', qr/\Aenough/, sub { $stream->receive_to($in) } );
    $every->(0);
    is( $ticks, 3, '... those before ran, too' );
    throws( '... and the stream is aborted', qr/not open/, sub { $stream->receive_to($in) } );

    ( $out, $in, $filling ) = $full->();
    my ( $got, @told ) = (q{});
    $SIG{ALRM} = sub { sysread $out, $got, 8_192, length $got };    # nobody else reads
    $every->(0.02);
    my $count = picture()->receive_to( $in, on_progress => sub { push @told, $_[0] } );
    $every->(0);
    $SIG{ALRM} = $patience;
    alarm 60;
    close $in;
    $out->blocking(1);
    $got .= do { local $/ = undef; <$out> };
    is( $count, $size, 'one that is read by a handler alone' );
    ok( $got eq 'x' x $filling . $expected, '... gets all, in order' );
    cmp_ok( scalar @told, '>', 1, '... which is told in between' );
    is_deeply( \@told, [ sort { $a <=> $b } @told ], '... and is never less' );
};

subtest 'what fails' => sub {
    empty();
    throws(
        'a stream with more',
        qr/more than the 100 bytes/,
        sub { picture()->receive_to( $file, length => 100 ) }
    );
    is( -s "$file", 0, '... of which nothing is written' );
    my $more = $size + 1;
    throws(
        'a stream with less',
        qr/ended after $size of $more bytes/,
        sub { picture()->receive_to( $file, length => $more ) }
    );
    isa_ok( $@, 'Sys::Virt::Error' );
    throws(
        'without blocking, too',
        qr/ended after $size of $more bytes/,
        sub { picture()->async->receive_to( $file, length => $more )->get }
    );
    my $stream = picture();
    throws(
        'a sub that dies',
        qr/\Aenough\n\z/,
        sub {
            $stream->receive_to( $file, on_progress => sub { die "enough\n" } );
        }
    );
    for my $how ( [ timeout => 20 ], [] ) {
        $stream = picture();
        throws(
            "... with @$how",
            qr/\Aenough\n\z/,
            sub {
                my @options = ( @$how, on_progress => sub { die "enough\n" } );
                return $stream->receive_to( $file, @options ) if @$how;
                return $stream->async->receive_to( $file, @options )->get;
            }
        );
    }
    throws( 'a picture takes nothing', qr/nothing can be sent/, sub { picture()->send_from($file) } );
    throws(
        'and has no holes',
        qr/not opened for holes/,
        sub { picture()->receive_to( $file, sparse => 1 ) }
    );
    throws( 'a stream that is not open', qr/not open/,          sub { $c->new_stream->receive_to($file) } );
    throws( 'a closed handle', qr/neither an open file handle/, sub { picture()->receive_to($reader), 1 } )
        if close $reader;
    open my $memory, '>', \my $text or die $!;
    throws( 'one in memory', qr/neither an open file handle/, sub { picture()->receive_to($memory) } );
    throws( 'a name',        qr/neither an open file handle/, sub { picture()->receive_to('name') } );
    throws( 'no descriptor', 38,                              sub { picture()->receive_to(12_345) } );
    throws( 'nothing',       qr/\AUsage: /,                   sub { picture()->receive_to } );
    throws( 'an option', qr/receive_to has no option 'x'/, sub { picture()->receive_to( $file, x => 1 ) } );
    throws( 'half an option', qr/options as pairs/,        sub { picture()->receive_to( $file, 'x' ) } );
    throws( 'a length',       qr/length is a number/, sub { picture()->receive_to( $file, length => 'x' ) } );
    throws( 'a time', qr/timeout must be a number/,   sub { picture()->receive_to( $file, timeout => -1 ) } );
    throws(
        'no sub',
        qr/on_progress must be a CODE ref/,
        sub { picture()->receive_to( $file, on_progress => 1 ) }
    );
    throws( 'a file that is only read', 38, sub { open my $in, '<', $0 or die; picture()->receive_to($in) } );
SKIP: {
        skip 'no /dev/full', 3 if !-w '/dev/full';
        open my $full, '>', '/dev/full' or die $!;
        $stream = picture();
        throws( 'a full disk', qr/cannot write to the file/, sub { $stream->receive_to($full) } );
        is( $@->int1, POSIX::ENOSPC(), '... by its number' );
        throws( '... which aborts the stream', qr/not open/, sub { $stream->receive_to($file) } );
    }
    $stream = picture();
    my $cancelled = $stream->async->receive_to($file);
    $cancelled->cancel;
    throws( 'a canceled transfer', qr/cancel/, sub { $cancelled->get } );
};

done_testing;
