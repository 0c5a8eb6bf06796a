# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A stream as a file handle. The test driver's only stream is a picture.
use strict;
use warnings;

use Config      qw(%Config);
use IO::Select  ();
use Time::HiRes ();
use FindBin;
use lib "$FindBin::Bin/lib" =~ /(.*)/s;

use Test::More;
use Child;
use Patience;
use Picture;
use Throws;
use Sys::Virt;

local $SIG{ALRM} = sub { die "a handle hangs\n" };
alarm 120;

my $c = Sys::Virt->new( uri => 'test:///default' );
my $d = $c->get_domain_by_name('test');

my $expected = whole_picture();

subtest 'all ways to read' => sub {
    my %way = (
        readline => sub { my ($fh) = @_; local $/ = undef; return scalar <$fh> },
        lines    => sub { my ($fh) = @_; return join q{}, <$fh> },
        read     => sub {
            my ($fh) = @_;
            my $all = q{};
            while ( my $n = read $fh, my $part, 1000 ) { $all .= $part }
            return $all;
        },
        sysread => sub {
            my ($fh) = @_;
            my $all = q{};
            while ( my $n = sysread $fh, $all, 777, length $all ) { }
            return $all;
        },
        getc => sub {
            my ($fh) = @_;
            my $all = q{};
            while ( defined( my $b = getc $fh ) ) { $all .= $b }
            $all;
        },
        select => sub {
            my ($fh)   = @_;
            my $all    = q{};
            my $select = IO::Select->new($fh);
            $fh->blocking(0);
            while (1) {
                $select->can_read(30) or return 'nothing comes';
                my $n = sysread $fh, $all, 5000, length $all;
                next if !defined $n && $!{EAGAIN};
                last if !$n;
            }
            return $all;
        },
    );
    for my $name ( sort keys %way ) {
        my $st = picture();
        my $fh = $st->handle;
        isa_ok( $fh, 'IO::Handle', "$name: the handle" )     if $name eq 'read';
        cmp_ok( fileno $fh, '>', 2, '... has a descriptor' ) if $name eq 'read';
        ok( $way{$name}->($fh) eq $expected,              "$name: all of it" );
        ok( ( $name eq 'getc' ? $fh->close : close $fh ), '... and closing succeeds' );
        is( $st->handle_error, undef, '... without an error' );
        throws( '... once', qr/stream is not open/, sub { $st->handle } );
    }
};

subtest 'the end' => sub {
    my $st = picture();
    my $fh = $st->handle( timeout => 20 );
    is( sysread( $fh, my $data, 100 ), 100, 'some' );
    ok( close $fh, 'closed early: the stream is finished' );
    throws( '... and has ended', qr/stream is not open/, sub { $st->recv( $data, 1 ) } );

    $st = picture();
    $fh = $st->handle;
    undef $fh;
    my $end = time + 20;
    my $gone;
    until ( $gone || time > $end ) {
        eval { $st->recv( $data, 1 ); 1 } or $gone = $@ =~ /stream is not open/;
        Time::HiRes::sleep(0.01) if !$gone;
    }
    ok( $gone, 'dropped: the stream is aborted' );
};

subtest 'what is refused' => sub {
    throws( 'a stream that is not open', qr/the stream is not open/, sub { $c->new_stream->handle } );
    my $st = $c->new_stream( Sys::Virt::Stream::NONBLOCK() );
    $d->screenshot( $st, 0 );
    throws( 'one that does not wait', qr/was made with NONBLOCK/,   sub { $st->handle } );
    throws( 'an option',              qr/handle has no option 'x'/, sub { picture()->handle( x => 1 ) } );
    throws( 'a pair',                 qr/options as pairs/,         sub { picture()->handle('timeout') } );
    throws( 'a time', qr/timeout must be a number of seconds/, sub { picture()->handle( timeout => 0 ) } );
    my $fh = picture()->handle;
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    ok( !print( {$fh} 'x' ),   'a picture takes no data' );
    ok( !syswrite( $fh, 'x' ), '... whatever the way' );
    like( "@warnings", qr/opened only for input/, '... as of every handle' );
};

subtest 'processes and threads' => sub {
    my $st  = picture();
    my $fh  = $st->handle;
    my $pid = fork // die "fork: $!";
    if ( !$pid ) {
        close $fh;
        require POSIX;
        POSIX::_exit( $st->_handle_error ? 1 : 0 );
    }
    waitpid $pid, 0;
    is( $?, 0, 'a child closes its copy' );
    $pid = fork // die "fork: $!";
    if ( !$pid ) { undef $fh; undef $st; exec child_perl(), '-e', 'exit 0' }
    waitpid $pid, 0;
    my $data = do { local $/ = undef; <$fh> };
    ok( $data eq $expected && close $fh, '... and the parent goes on' );
    my $script =
          'use Sys::Virt; my $c = Sys::Virt->new( uri => q(test:///default) ); my $st = $c->new_stream;'
        . '$c->get_domain_by_name(q(test))->screenshot( $st, 0 ); our $fh = $st->handle; ';

    for my $end ( q{}, 'exit 0', 'sysread $fh, my $x, 10; exit', 'END { undef $st; undef $c }',
        'fork; exit 0' ) {
        is( system( child_perl(), '-e', $script . $end ), 0, "a program that ends: '$end'" );
    }
SKIP: {
        skip 'a perl without threads', 2 if !$Config{useithreads};
        require threads;
        my $other  = picture();
        my $handle = $other->handle;
        ok( threads->create( sub { close $handle } )->join, 'a thread closes its copy' );
        $data = do { local $/ = undef; <$handle> };
        ok( $data eq $expected && close $handle, '... and the first goes on' );
    }
    my $dup = picture()->handle;
    open my $copy, '<&', $dup or die $!;
    ok( close $dup, 'closed while there is a copy' );
    close $copy;
    my $count = 'opendir my $d, "/proc/self/fd" or exit; '
        . 'exit scalar grep { ( readlink "/proc/self/fd/$_" // q() ) =~ /socket/ } readdir $d';
    my ($perl)  = child_perl();
    my $without = system $perl, '-e', $count;
    my @handles = map { picture()->handle } 1 .. 5;
    is( system( $perl, '-e', $count ), $without, 'another program sees no descriptor' );
};

subtest 'signals while it closes' => sub {
    my $seen = 0;
    local $SIG{ALRM} = sub { $seen++ };
    for ( 1 .. 20 ) {
        my $fh = picture()->handle;
        Time::HiRes::ualarm( int rand 2000 + 1 );
        my $ok = close $fh;
        Time::HiRes::ualarm(0);
        $ok or fail("interrupted: $!");
    }
    pass('it closes all the same');
};

subtest 'many, used and dropped at random' => sub {
    alarm 120;
    my $descriptors = sub { my @all = glob '/proc/self/fd/*'; return scalar @all };
    my $before      = $descriptors->();
    for ( 1 .. 500 ) {
        my $fh = picture()->handle;
        my $x;
        if    ( rand() < 0.3 ) { sysread $fh, $x, rand 40_000 }
        elsif ( rand() < 0.3 ) { $x = <$fh> }
        if    ( rand() < 0.5 ) { close $fh or fail("close: $!") }
    }
    my $end = time + 30;
    Time::HiRes::sleep(0.05) while $descriptors->() > $before && time < $end;
    is( $descriptors->(), $before, 'no descriptor is left' );
};

done_testing;
