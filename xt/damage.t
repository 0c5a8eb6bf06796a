# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A hostile daemon: a proxy damages the replies of a libvirtd, in ways that a seed decides, while a script calls all methods that read.
# Nothing may crash or hang. A crash within libvirt itself, without a frame of ours on top, is reported with its stack.
#
#   DAMAGE_SEEDS=500 DAMAGE_SEED=1 prove -b xt/damage.t
use strict;
use warnings;

use File::Temp ();
use FindBin    ();
use lib "$FindBin::Bin/lib";
use Proxy;
use Session;
use Sys::Virt;
use POSIX ();
use Test::More;
use Time::HiRes ();

my $daemon = Session->new or plan skip_all => 'needs libvirtd (Debian: libvirt-daemon)';
my $dir    = $daemon->dir;
my $first  = $ENV{DAMAGE_SEED}  // 1;
my $seeds  = $ENV{DAMAGE_SEEDS} // 30;
system( qw(cc -shared -fPIC -Wall -Werror -o), "$dir/backtrace.so", "$FindBin::Bin/stub/backtrace.c" ) == 0
    or die "backtrace.c does not compile\n";

subtest 'counts of lists' => sub {
    my $whole = Sys::Virt->new( uri => $daemon->uri );
    my %list  = (
        domains       => sub { $_[0]->list_all_domains },
        networks      => sub { $_[0]->list_all_networks },
        pools         => sub { $_[0]->list_all_storage_pools },
        interfaces    => sub { $_[0]->list_all_interfaces },
        devices       => sub { $_[0]->list_all_node_devices },
        'model names' => sub { $_[0]->get_cpu_model_names('x86_64') },
    );
    for my $name ( sort keys %list ) {
        my $expected = () = $list{$name}->($whole);
        ok( $expected, "there are $name" );
        for my $count ( 0, 1, $expected + 1, $expected + 1_000, 1 << 24, ( 1 << 31 ) - 1 ) {
            my $pid = fork // die $!;
            if ( !$pid ) {
                my $proxy = Proxy->new( "$dir/counts", $daemon->socket, 0, last_word => $count );
                my $found = () =
                    eval { $list{$name}->( Sys::Virt->new( uri => $daemon->uri("$dir/counts") ) ) };
                undef $proxy;
                POSIX::_exit( $@ ? 1 : $found == ( $count < $expected ? $count : $expected ) ? 0 : 2 );
            }
            waitpid $pid, 0;
            is( $?, 0, "... a list of as many as there are, whatever is said: $count" );
            unlink "$dir/counts";
        }
    }
};

my @includes = map { "-I$_" } grep { !ref } @INC;
my ( $done, $failed, $slowest, $ended, %inside ) = ( 0, 0, 0, 0 );
for my $seed ( $first .. $first + $seeds - 1 ) {
    my $socket   = "$dir/proxy-$seed";
    my $proxy    = Proxy->new( $socket, $daemon->socket, $seed );
    my $began    = Time::HiRes::time();
    my $includes = join q{ }, map { "'$_'" } @includes;
    my $output   = do {
        local $ENV{LD_PRELOAD}      = "$dir/backtrace.so";
        local $ENV{MALLOC_PERTURB_} = 165;                   # what is freed or was never written is noticed
        open my $pipe, '-|',
              "exec $^X $includes '$FindBin::Bin/damage/client.pl' '"
            . $daemon->uri($socket)
            . "' $seed 2>'$dir/errors'"
            or die $!;
        local $/ = undef;
        my $text = <$pipe> // q{};
        close $pipe;
        $text;
    };
    my $status = $?;
    undef $proxy;
    unlink $socket;
    $ended++ if $daemon->revive;    # of what its test driver does, which is not damaged
    my $took = Time::HiRes::time() - $began;
    $slowest = $took if $took > $slowest;
    if ( $output =~ /^(\d+) (\d+)$/ ) { $done += $1; $failed += $2 }

    # Whose crash it is: the first frame beyond the C library's.
    my @frames = do {
        open my $file, '<', "$dir/errors" or die $!;
        my ( @lines, $crash );
        while (<$file>) { $crash ||= /^CRASH/; push @lines, $_ if $crash }
        @lines;
    };
    my ($culprit) = grep { !/^CRASH|backtrace[.]so|libc[.]so|linux-vdso/ } @frames;
    if ( $status & 127 && ( $culprit // q{} ) =~ /libvirt[.-]/ ) {
        $inside{ $culprit =~ s/\s*\[.*//sr }++;
        diag "seed $seed: libvirt crashed:\n", @frames;
        next;
    }
    is( $status, 0, "seed $seed: ended as it should" ) or diag @frames;
}
cmp_ok( $slowest, '<', 60,         sprintf 'the slowest run took %.1f seconds', $slowest );
cmp_ok( $done,    '>', 5 * $seeds, "$done calls succeeded" );
cmp_ok( $failed,  '>', 5 * $seeds, "$failed calls failed" );
diag "libvirtd ended $ended times" if $ended;
diag "crashed within libvirt: $inside{$_} times $_" for sort keys %inside;

done_testing;
