# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A SIGPIPE that is pending when we look may be another thread's by the time when we take it: the call must return all the
# same. A stub of sigpending plays that thread.
use strict;
use warnings;

use File::Temp ();
use FindBin    ();
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../t/lib";
use Patience;
use Session;
use Test::More;

my $daemon = Session->new or plan skip_all => 'needs libvirtd (Debian: libvirt-daemon)';
my $dir    = File::Temp->newdir;
system( qw(cc -shared -fPIC -Wall -Werror -o), "$dir/thief.so", "$FindBin::Bin/stub/sigpending.c" ) == 0
    or die "sigpending.c does not compile\n";

my $program = <<'PERL';
use Sys::Virt;
my ( $uri, $daemon ) = @ARGV;
my $signals = 0;
local $SIG{PIPE} = sub { $signals++ };
alarm 20;
$| = 1;
my $conn = Sys::Virt->new( uri => $uri );
print $conn->get_hostname ? "connected\n" : "no\n";
kill 'KILL', $daemon;
for ( 1 .. 3 ) {
    select undef, undef, undef, 0.1;
    print eval { $conn->get_hostname } ? "no error\n" : ref $@, "\n";
}
print "signals: $signals\n";
PERL
my @includes = map { "-I$_" } grep { !ref } @INC;
my $output   = do {
    local $ENV{LD_PRELOAD} = "$dir/thief.so";
    open my $pipe, '-|', $^X, @includes, '-e', $program, $daemon->uri, $daemon->pid or die $!;
    local $/ = undef;
    my $text = <$pipe>;
    close $pipe;
    $text;
};
is( $?,      0,                                                         'no alarm' );
is( $output, "connected\n" . "Sys::Virt::Error\n" x 3 . "signals: 0\n", 'errors and no signals' );
done_testing;
