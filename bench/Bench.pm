# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# What the programs of bench/ share: ours as it is installed, medians, C programs, a private libvirtd.
package Bench;
use strict;
use warnings;

use Cwd            ();
use File::Basename ();
use File::Temp     ();

our $ROOT = Cwd::abs_path( File::Basename::dirname(__FILE__) . '/..' );

# The commands that run a Perl program under the original, and under ours as it is installed: in a tree split into lib and
# arch, XSLoader would take its slow path.
sub perls {
    our $install ||= File::Temp->newdir;
    system("make -C '$ROOT' pure_install DESTDIR='$install' >/dev/null 2>&1") == 0
        or die "make pure_install failed\n";
    my ($pm) = split /\n/, qx{find '$install' -path '*/Sys/Virt.pm'};
    die "nothing was installed\n" if !$pm;
    ( my $lib = $pm ) =~ s{/Sys/Virt[.]pm\z}{};
    return ( original => [$^X], ours => [ $^X, "-I$lib" ] );
}

# The versions of both, for the heading.
sub versions {
    my (%perls) = @_;
    my %version = map { $_ => output( @{ $perls{$_} }, '-MSys::Virt', '-e', 'print $Sys::Virt::VERSION' ) }
        keys %perls;
    die "both perls load the same Sys::Virt $version{ours}\n" if $version{original} eq $version{ours};
    return "Original: Sys::Virt $version{original}. Ours: $version{ours}.";
}

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return $sorted[ $#sorted / 2 ];
}

# A program's standard output.
sub output {
    my (@command) = @_;
    open my $pipe, '-|', @command or die "$command[0]: $!\n";
    my $output = do { local $/ = undef; <$pipe> };
    close $pipe or die "@command: failed with $?\n";
    return $output // q{};
}

# A C program of bench/, compiled; its path.
sub compiled {
    my ($name) = @_;
    our $programs ||= File::Temp->newdir;
    system("cc -O2 -o '$programs/$name' '$ROOT/bench/$name.c' \$(pkg-config --cflags --libs libvirt)") == 0
        or die "bench/$name.c does not compile\n";
    return "$programs/$name";
}

# A private libvirtd, ended with the program unless it was up before; its socket.
my $started;

sub daemon {
    local $ENV{STACK_ROOT} = $ENV{STACK_ROOT} || '/tmp/svb';
    my $script = "$ROOT/xt/libvirt-stack";
    if ( system("'$script' status >/dev/null 2>&1") != 0 ) {
        $started = $ENV{STACK_ROOT};
        system( $script, 'up' ) == 0 or die "xt/libvirt-stack up failed\n";
    }
    return "$ENV{STACK_ROOT}/a/run/libvirt-sock";
}

$SIG{INT} = $SIG{TERM} = sub { exit 1 };    ## no critic (RequireLocalizedPunctuationVars)

my $owner = $$;

END {
    if ( $started && $$ == $owner ) {
        my $status = $?;
        local $ENV{STACK_ROOT} = $started;
        system "$ROOT/xt/libvirt-stack", 'down';
        $? = $status;    ## no critic (RequireLocalizedPunctuationVars)
    }
}

1;
