# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# However many forks led to a process, its child does not close its connection.
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

# The same at the end of a chain in which each process forks the next and goes.
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

done_testing;
