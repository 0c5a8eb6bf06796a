# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# However many forks led to a process, its child does not close its connection, nor end what its parent transfers.
use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use POSIX ();
use Session;
use Sys::Virt;
use Test::More;

my $daemon = Session->new or plan skip_all => 'needs libvirtd (Debian: libvirt-daemon)';

# Opens a connection, which a child lets go; what the connection says then.
sub parent {
    my $conn  = Sys::Virt->new( uri => $daemon->uri );
    my $child = fork // die $!;
    if ( !$child ) {
        undef $conn;
        POSIX::_exit(0);
    }
    waitpid $child, 0;
    return eval { $conn->get_hostname } ? 'open' : "closed: $@";
}

# The same at the end of a chain in which each process forks the next one and ends.
sub chain {
    my ($length) = @_;
    pipe my $out, my $in or die $!;
    my $first = fork // die $!;
    if ( !$first ) {
        close $out;
        for ( 2 .. $length ) {
            my $next = fork // die $!;
            POSIX::_exit(0) if $next;
        }
        syswrite $in, parent();
        POSIX::_exit(0);
    }
    close $in;
    waitpid $first, 0;
    sysread $out, my $said, 200;
    return $said;
}

is( chain($_), 'open', "after $_ forks" ) for 1, 2, 510 .. 513, 1_100;

SKIP: {
    my $conn = eval { Sys::Virt->new( uri => 'storage+unix:///session?socket=' . $daemon->socket ) }
        or skip 'needs libvirt\'s storage driver', 3;
    my $size = 16 << 20;
    my $dir  = $daemon->dir . '/pool';
    mkdir $dir and chmod 0777, $dir or die $!;
    my $pool = $conn->create_storage_pool(
        "<pool type='dir'><name>forks</name><target><path>$dir</path></target></pool>");
    my $volume = $pool->create_volume("<volume><name>v</name><capacity>$size</capacity></volume>");
    open my $null, '>', '/dev/null' or die $!;
    my $download = sub {
        my $stream = $conn->new_stream;
        $volume->download( $stream, 0, 0 );
        return $stream;
    };
    my $leave = sub {
        my $child = fork // die $!;
        exit 0 if !$child;
        waitpid $child, 0;
        return;
    };

    # One that hangs ends with the daemon.
    my $end = POSIX::SigAction->new( sub { $daemon->signal('KILL') } );
    POSIX::sigaction( POSIX::SIGALRM(), $end ) or die $!;
    alarm 60;
    my $told = 0;
    is(
        eval {
            $download->()->receive_to( $null, on_progress => sub { $told++ or $leave->() } );
        } // $@,
        $size,
        'a child that exits in on_progress lets the transfer be'
    );
    my $future = $download->()->async->receive_to($null);
    $leave->();
    is( eval { $future->get }    // $@, $size, '... one that exits while a thread carries the data, too' );
    is( eval { $conn->get_type } // $@, 'storage', '... and the connection' );
    alarm 0;
}

done_testing;
