# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Scenarios that are written once and run in every event loop, each in a process of its own with a time limit. A scenario prints
# what happened, which is compared; so are warnings, and how the process ends.
#
#   scenario 'a timer' => "fired\n", sub { after( 0.1, sub { say 'fired'; finish() } ); spin() };
package Scenario;
use 5.016;
use strict;
use warnings;

use Exporter   qw(import);
use Fcntl      qw(LOCK_EX);
use File::Path ();
use File::Temp ();
use IO::Select ();
use Test::More;
use Time::HiRes ();
use lib __FILE__ =~ s{[^/]+\z}{../../t/lib}r;
use Patience;
use Sys::Virt;
use Sys::Virt::Event;
use EventLoop;
use Guest;
use Session;

## no critic (ProhibitAutomaticExportation)
our @EXPORT =
    qw($loop scenario spin finish after reader uri own_daemon open_console guest_dies guest_hangs guest_goes_on told failed ticks
    still domain_of);
our $loop;

my @scenarios;

# For an exit status other than 0, the expected output is `[ $output, $status ]`.
sub scenario {
    my ( $name, $expected, $code ) = @_;
    my ( $output, $status ) = ref $expected ? @$expected : ( $expected, 0 );
    push @scenarios, { name => $name, expected => $output, status => $status, code => $code };
    return;
}

# --- In the process of a scenario

my ( @ticks, $ticking, $lock );

sub main {
    my ( $kind, $file, $name ) = @_;
    alarm 30;
    STDOUT->autoflush(1);
    $loop = EventLoop->new($kind);
    tick();
    do $file                                                 or die $@ || "$file: $!";
    my ($scenario) = grep { $_->{name} eq $name } @scenarios or die "$name: there is no such scenario\n";
    $scenario->{code}->();
    return;
}

# A timer of the event loop, from which it can be seen whether that stood still.
sub tick {
    push @ticks, Time::HiRes::time();
    $ticking = $loop->after( 0.01, \&tick );
    return;
}

# Ends that timer: from now on nothing wakes the event loop but what the scenario does.
sub still { $ticking->(); return }

# How many times it fired since then, and the longest pause.
sub ticks {
    my ($since) = @_;
    my @since = grep { $_ >= $since } @ticks;
    my ( $longest, $last ) = ( 0, $since );
    for my $at (@since) {
        $longest = $at - $last if $at - $last > $longest;
        $last    = $at;
    }
    return ( scalar @since, $longest );
}

# Runs the event loop until `finish`; what callbacks died with is returned.
sub spin {
    my ($seconds) = @_;
    my $cancel = $loop->after( ( $seconds // 20 ) * Patience::factor(),
        sub { say 'stuck at line ', ( caller 0 )[2] // q{?}; $loop->stop } );
    my @told = $loop->run;
    $cancel->();
    return @told;
}

sub finish { $loop->stop; return }
sub after  { return $loop->after(@_) }
sub reader { return $loop->reader(@_) }

# Counts exceptions that match, without the texts that event loops add; shows the others.
sub told {
    my ( $pattern, @told ) = @_;
    my $count = grep { /$pattern/ } @told;
    my @other = grep { !/$pattern/ } @told;
    return join q{ }, "told $count", map { "and: $_" } @other;
}

# The name of an error's code, or its text.
sub failed {
    my ($error) = @_;
    return 'nothing' if !defined $error;
    return ref $error ? $error->code_name =~ s/\AERR_//r : $error =~ s/ at \S+ line.*//sr;
}

sub uri { return "test+unix:///default?socket=$ENV{SCENARIO_SOCKET}" }

# The folder is noted for a scenario that is killed.
sub own_daemon {
    my $daemon = Session->new // die "no libvirtd\n";
    open my $file, '>>', $ENV{SCENARIO_FOLDERS} or die $!;
    say {$file} $daemon->dir;
    close $file or die $!;
    return $daemon;
}

# Ends daemons whose scenario could not.
sub clean_up {
    my ($folders) = @_;
    seek $folders, 0, 0;
    while ( my $dir = <$folders> ) {
        chomp $dir;
        my $pid = Guest::pid_in( $dir, "$dir/pid" );
        kill KILL => $pid if $pid;
        File::Path::remove_tree($dir);
    }
    return;
}

# A domain of its own, because scenarios run at the same time.
my $domains = 0;

sub domain_of {
    my ($conn) = @_;
    my $name   = join q{-}, 'guest', $$, ++$domains;
    my $xml = "<domain type='test'><name>guest</name><memory>9999</memory><os><type>hvm</type></os></domain>";
    return $conn->create_domain( $xml =~ s/guest/$name/r );
}

# The guest's domain, for this process alone.
sub open_console {
    open $lock, '>', $ENV{SCENARIO_GUEST} . '/lock' or die $!;
    flock $lock, LOCK_EX or die $!;
    alarm 30;
    guest_goes_on();    # a scenario may have ended before
    return Guest::domain( $ENV{SCENARIO_GUEST} );
}

# Kills the guest's daemon, and starts another.
sub guest_dies { return Guest::replace_daemon( $ENV{SCENARIO_GUEST} ) }

# The daemon hangs, until it goes on.
sub guest_hangs   { return Guest::signal_daemon( $ENV{SCENARIO_GUEST}, 'STOP' ) }
sub guest_goes_on { return Guest::signal_daemon( $ENV{SCENARIO_GUEST}, 'CONT' ) }

# --- All of them

my $at_once = 3;

# Runs those of the files in the event loops that were named, or all; with a pattern, scenarios whose names match.
sub run_all {
    my ( $files, $wanted, $pattern ) = @_;
    my $daemon  = Session->new or plan skip_all => 'no libvirtd is installed (Debian: libvirt-daemon)';
    my $guest   = Guest->new;
    my $folders = File::Temp->new;
    local @ENV{qw(SCENARIO_SOCKET SCENARIO_GUEST SCENARIO_FOLDERS)} =
        ( $daemon->socket, $guest ? $guest->dir : q{}, "$folders" );
    for my $file (@$files) {
        my $first = @scenarios;
        do $file or die $@ || "$file: $!";
        $_->{file} = $file for @scenarios[ $first .. $#scenarios ];
    }
    for my $kind (
        grep {
            my $k = $_;
            !@$wanted || grep { $k eq $_ } @$wanted
        } EventLoop->kinds
    ) {
        for my $backend ( EventLoop->backends($kind) ) {
            my $start = Time::HiRes::time();
        SKIP: {
                my $missing = EventLoop->missing( $kind, $backend );
                skip( $missing, 1 ) if $missing;
                run_in( $guest, $kind, $backend, grep { $_->{name} =~ $pattern } @scenarios );
            }
            note sprintf '%s with %s: %.1f s', $kind, $backend, Time::HiRes::time() - $start;
        }
    }
    clean_up($folders);
    return done_testing();
}

# libvirt's client: two calls of one connection that breaks, in 1 of 60 runs of such a scenario.
my $uses_freed_memory = Sys::Virt->get_version < 10_003_000;

# A few at once: most of them only wait.
sub run_in {
    my ( $guest, $kind, $backend, @left ) = @_;
    my %environment = EventLoop->environment( $kind, $backend );
    local @ENV{ keys %environment } = values %environment;
    my $select = IO::Select->new;
    my %running;
    while ( @left || %running ) {
        while ( @left && keys %running < $at_once ) {
            my $scenario = shift @left;
            my @command  = ( $^X, ( map { "-I$_" } grep { !ref } @INC ), '-MScenario' );
            my $program  = 'Scenario::main(@ARGV)';
            open my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command, '-e', $program, $kind,
                @$scenario{qw(file name)}
                or die $!;
            $running{$pipe} = { %$scenario, output => q{} };
            $select->add($pipe);
        }
        $guest->reap if $guest;
        for my $pipe ( $select->can_read(0.05) ) {
            next if sysread $pipe, $running{$pipe}{output}, 65_536, length $running{$pipe}{output};
            my $scenario = delete $running{$pipe};
            $select->remove($pipe);
            close $pipe;
            my $how = $? & 127 ? 'signal ' . ( $? & 127 ) : $? >> 8;
            if ( $how eq 'signal 11' && $uses_freed_memory && !$scenario->{again} ) {
                diag "$scenario->{name}: crashed, as libvirt may (CVE-2024-4418): once more";
                push @left, { %$scenario, again => 1 };
                next;
            }
            is(
                "$scenario->{output}exit $how",
                "$scenario->{expected}exit $scenario->{status}",
                "$kind with $backend: $scenario->{name}"
            );
        }
    }
    return;
}

1;
