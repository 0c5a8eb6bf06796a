# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Shared code of the tests of faults: cases that run in separate processes, and fail when they hang.
#
#   use Stack;
#   use Faults;
#   Faults::prepare( sub { Stack::boot(...) } );          # once, before the cases
#   Faults::case( 'daemon killed', 20, sub { ... } );     # a subtest, in a process of its own: at most 20 seconds
#   Faults::finish();                                     # instead of done_testing
# FAULTS_ONLY=PATTERN in the environment selects cases by their names.
#
# Within a case:
#   Faults::daemon( 'a', 'kill' );                        # now: kill, freeze, thaw, start
#   Faults::later( 0.5, 'daemon', 'a', 'kill' );          # meanwhile: any command of tools/libvirt-stack
#   my $error = Faults::dies( 'a call', 2, sub { ... } ); # throws a Sys::Virt::Error within 2 seconds
#
# Each case runs the whole file again, as a fresh process without anything inherited, in which all but that case is skipped.
# Its alarm has no handler, so that it ends also what hangs in C. Afterwards both daemons are made to run again.
package Faults;
use strict;
use warnings;

use Scalar::Util ();
use Test::More   ();
use Time::HiRes  ();
use Stack;
use Patience;

my $wanted = $ENV{STACK_CASE};
my $count  = 0;

sub prepare { my ($code) = @_; $code->() if !$wanted; return }

sub case {
    my ( $name, $seconds, $code ) = @_;
    $count++;
    return if defined $ENV{FAULTS_ONLY} && $name !~ /$ENV{FAULTS_ONLY}/;
    if ($wanted) {
        return if $wanted != $count;
        local $| = 1;
        $code->();
        Test::More::done_testing();
        exit;
    }
    my $output = Stack::file("case$count");
    my $pid    = fork // die "fork: $!\n";
    if ( !$pid ) {
        setpgrp;
        open STDOUT, '>',  $output     or die "$output: $!\n";
        open STDERR, '>&', *STDOUT     or die "$output: $!\n";
        open STDIN,  '<',  '/dev/null' or die "/dev/null: $!\n";
        local $ENV{STACK_CASE} = $count;
        $SIG{ALRM} = 'DEFAULT';    ## no critic (RequireLocalizedPunctuationVars)
        alarm $seconds;
        exec $^X, '-Mblib', $0 or die "$0: $!\n";
    }
    my $start = Time::HiRes::time();
    waitpid $pid, 0;
    my $status = $?;
    kill 'KILL', -$pid;    # what it left behind
    my $text = Stack::slurp($output) =~ s/^/    /mgr;
    print $text =~ s/(?<!\n)\z/\n/r;
    my $how = $status == 14 ? "hung: no end after $seconds seconds" : "status $status";
    Test::More::ok( !$status, $name ) or Test::More::diag("$how\n$text");
    Test::More::note( sprintf '%s: %.2f s', $name, Time::HiRes::time() - $start );
    daemon( $_, 'start' ) for qw(a b);
    return;
}

sub finish { Test::More::done_testing() if !$wanted; return }

sub daemon { my ( $which, $action ) = @_; return Stack::control( 'daemon', $which, $action ) }

# A signal for a guest's QEMU: the arguments for `later`, or for Stack::control.
sub qemu {
    my ( $guest, $signal ) = @_;
    my $pid = Stack::slurp( Stack::root() . '/a/run/qemu/' . $guest->get_name . '.pid' );
    $pid =~ /\A(\d+)/ or die 'no process of ' . $guest->get_name . "\n";
    return ( 'run', 'kill', "-$signal", $1 );
}

# The command's process, which nobody needs to wait for.
sub later {
    my ( $seconds, @command ) = @_;
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    Time::HiRes::sleep($seconds);
    exec 'tools/libvirt-stack', @command or die "libvirt-stack: $!\n";
}

# How long the code took; a failed test if it was more than that many seconds. The figures in the README come from here.
sub within {
    my ( $what, $seconds, $code ) = @_;
    my $start = Time::HiRes::time();
    $code->();
    my $took = Time::HiRes::time() - $start;
    Test::More::cmp_ok( $took, '<', $seconds, sprintf '%s: %.2f s', $what, $took );
    return $took;
}

# The Sys::Virt::Error that the code throws in time, of one of the codes if any are given.
sub dies {
    my ( $what, $seconds, $code, @codes ) = @_;
    my ( $lived, $error );
    within(
        $what, $seconds,
        sub {
            $lived = eval { $code->(); 1 };
            $error = $@;
        }
    );
    return Test::More::fail("$what: nothing thrown") && undef if $lived;
    my $right = Scalar::Util::blessed($error) && $error->isa('Sys::Virt::Error');
    my @known = map { Sys::Virt::Error->can("ERR_$_")->() } @codes;
    $right &&= grep { $error->code == $_ } @known if @codes;
    Test::More::ok( $right, "... throws: $error" );
    return $error;
}

1;
