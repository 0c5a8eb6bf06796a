# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Little address space (RLIMIT_AS): the same program under limits that grow in small steps, from too
# little to load the module, until all of it succeeds. Each time it
# ends by success, by an exception, or by perl's "Out of memory!", never by a crash of ours, and within a minute.
# ADDRESS_SPACE_STEP: the step in KiB, 4096 unless given. With 64, each request to the kernel is the first that fails under some
# limit, as malloc makes no smaller ones.
use strict;
use warnings;

use File::Spec ();
use File::Temp ();
use FindBin    ();
use POSIX      ();
use Test::More;
use lib 't/lib';
use Patience;

my $step     = $ENV{ADDRESS_SPACE_STEP} || 4096;
my $dir      = File::Temp->newdir;
my @includes = map { '-I' . File::Spec->rel2abs($_) } grep { !ref } @INC;
my $program  = "$FindBin::Bin/starve/space.pl";
my ($gdb)    = grep { -x } map { "$_/gdb" } File::Spec->path;

# The stack counts as well, and a thread whose stack cannot grow crashes, wherever it is. So it grows beforehand.
system( qw(cc -shared -fPIC -Wall -Werror -o), "$dir/stack.so", "$FindBin::Bin/stub/stack.c" ) == 0
    or die "stack.c does not compile\n";

# Runs the program under that many KiB: how it ends, and what it prints.
sub under {
    my ($limit) = @_;
    my $pid = open( my $pipe, q{-|} ) // die "fork: $!";
    if ( !$pid ) {
        chdir $dir or POSIX::_exit(126);
        alarm 60;    # which outlives exec
        @ENV{qw(LD_PRELOAD RUST_BACKTRACE)} =
            ( "$dir/stack.so", 0 );    ## no critic (RequireLocalizedPunctuationVars)
        exec 'sh', '-c', 'ulimit -c unlimited; ulimit -v "$0" && exec "$@" 2>&1', $limit, $^X, @includes,
            $program
            or POSIX::_exit(126);
    }
    my $text = do { local $/ = undef; <$pipe> }
        // q{};
    close $pipe;
    return ( $?, $text );
}

# The functions in which a program crashed, as far as that can be found out.
sub crashed_in {
    my ($core) = glob "$dir/core*";
    return q{} if !$core;
    my $stack = $gdb ? qx{$gdb -batch -ex 'bt -60' -ex 'bt 200' $^X $core 2>/dev/null} : q{};
    unlink $core;
    return join q{ }, $stack =~ /^\#\d+ +(?:0x\w+ in )?([\w:?]+)/mg;
}

# Who ended the program. GLib ends it when it gets no memory, or by calling itself without end to say so; perl crashes in its
# compiler and, after its message, where it frees a temporary value for which there was no room.
sub ended {
    my ( $status, $text ) = @_;
    return $text =~ /throws/ ? 'an exception' : 'success' if !$status && $text =~ /^end$/m;
    if ( $status & 127 ) {
        my $stack = crashed_in();
        return 'GLib'
            if $text  =~ /GLib.*failed to allocate|GSlice: failed/
            || $stack =~ /\bg_log g_vasprintf\b|\bg_vasprintf g_strdup_vprintf\b/;
        return 'perl' if $stack =~ /\A(?:(?:Perl\w*|perl_\w+|main|[?]+)(?: |\z))+\z/;
        return "signal @{[ $status & 127 ]} in: $stack";
    }
    return 'perl'         if $text =~ /^Out of memory|^panic: /m;
    return 'an exception' if $text =~ /^(?:Can't l|BEGIN failed|Compilation failed)/m;
    return "status @{[ $status >> 8 ]}";
}
my %expected = map { $_ => 1 } 'success', 'an exception', 'GLib', 'perl', 'the dynamic linker',
    'before perl ran';

my ( $limit, $good, $runs, $loaded, %count ) = ( 49_152, 0, 0, 0 );
while ( $good < 3 && $limit < 4 << 20 ) {
    my ( $status, $text ) = under($limit);
    my $ended = ended( $status, $text );
    $runs++;
    $loaded++ if $text =~ /^loaded$/m;
    $count{$ended}++;
    $expected{$ended} or fail("with $limit KiB it is ended by $ended") or diag $text;
    $good = $ended eq 'success' ? $good + 1 : 0;
    $limit += $step;
}
is( $good, 3, "all succeeds in the end, with $limit KiB, after $runs runs" );
cmp_ok( $loaded,                     '>', 10, "$loaded of them loaded the module" );
cmp_ok( $count{'an exception'} // 0, '>', 2,  'exceptions' );
note "ended by $_: $count{$_}" for sort keys %count;
done_testing;
