# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# perlcritic, perltidy, clang-format, and some checks that they lack. rustfmt and clippy are called by ./run --test.
# `perl xt/style.t --write` formats perl/*.c and *.h.
use strict;
use warnings;

use Config;
use POSIX ();
use Test::More;

my @files = map { glob }
    qw(Makefile.PL tools/vendor tools/new-in-libvirt tools/soak tools/soak-async lib/Sys/*.pm lib/Sys/Virt/*.pm
    lib/Sys/Virt/*/*.pm t/*.t t/*/*.t t/lib/*.pm t/lib/*/*.pm xt/*.t xt/*/*.pl xt/*/*.t xt/lib/*.pm examples/*.pl
    examples/*/lib/*/*.pm bench/*.pl);

# The output of clang-format for a file. It does not know that aTHX_ and pTHX_ contain a comma: it sees one instead.
my $has_clang = qx{clang-format --version 2>/dev/null} =~ /version 14[.]/;
my @c         = grep { $_ ne 'perl/sysvirt.h' } glob 'perl/*.c perl/*.h';

sub formatted {
    my ($name) = @_;
    my $comma  = q{s/\b([ap]THX)_ /$1, /g};
    my $back   = q{s/\b([ap]THX), /$1_ /g};
    return scalar qx{$^X -pe '$comma' $name | clang-format --assume-filename=$name | $^X -pe '$back'};
}
if ( grep { $_ eq '--write' } @ARGV ) {
    $has_clang or die "clang-format 14 is needed (Debian 12: clang-format)\n";
    for my $name (@c) {
        my $text = formatted($name);
        open my $file, '>', $name or die "$name: $!";
        print {$file} $text;
        close $file or die "$name: $!";
    }
    exit;
}

# The output of perltidy differs between its versions: the one that counts is Debian 12's. It runs at the same time as perlcritic.
my $version  = '20220613';
my $has_tidy = eval { require Perl::Tidy; 1 } && $Perl::Tidy::VERSION == $version;
my $perltidy = open( my $untidy, q{-|} ) // die "fork: $!";
if ( !$perltidy ) {
    for my $name ( $has_tidy ? @files : () ) {
        my ( $tidy, $errors ) = ( q{}, q{} );
        Perl::Tidy::perltidy(
            source      => $name,
            destination => \$tidy,
            errorfile   => \$errors,
            perltidyrc  => '.perltidyrc',
            argv        => q{},
        );
        open my $file, '<', $name or die "$name: $!";
        my $text = do { local $/ = undef; <$file> };
        print "$name\n" if $tidy ne $text;
    }
    close STDOUT or POSIX::_exit(1);
    POSIX::_exit(0);
}

SKIP: {
    eval { require Perl::Critic; 1 }
        or skip( 'Perl::Critic is not installed (Debian: libperl-critic-perl)', 1 );
    my $critic = Perl::Critic->new( -profile => '.perlcriticrc' );
    for my $name ( grep { !m{xt/styles/} } @files ) {    # which are in other people's styles
        my @violations = $critic->critique($name);
        is( "@violations", q{}, "$name: perlcritic" );
    }
}

SKIP: {
    my $names = join q{}, <$untidy>;
    ok( close $untidy, 'perltidy has checked all files' );
    $has_tidy or skip( "perltidy $version is not installed (Debian 12: perltidy)", 1 );
    is( $names, q{}, 'perltidy -b -bext=/ changes none' );
}

SKIP: {
    $has_clang or skip( 'clang-format 14 is not installed (Debian 12: clang-format)', 1 );
    for my $name (@c) {
        open my $file, '<', $name or die "$name: $!";
        my $text = do { local $/ = undef; <$file> };
        ok( $text eq formatted($name), "$name: clang-format changes nothing (xt/style.t --write)" );
    }
}

# rustfmt checks the length of Rust's lines.
for my $name ( @files, glob 'rust/*.rs rust/*/*.rs rust/*/*/*.rs perl/*.c perl/*.h' ) {
    open my $file, '<', $name or die "$name: $!";
    my @long = grep { /\t| +\n/ && $name !~ /Makefile/ || length > 140 && $name !~ /[.]rs\z/ } <$file>;
    is( scalar @long, 0, "$name: no tabs, no blanks at the end, no lines beyond 140" ) or diag @long;
}

# Each alarm is scaled by Patience, which replaces the function: so it has to be loaded before the first one is compiled, also if
# that is in the text of another script. Programs in xt/styles/ are run by a test that uses it.
for my $name ( grep { m{\A(?:t|xt)/} && !m{\Axt/styles/|/Patience[.]pm\z} } @files ) {
    open my $file, '<', $name or die "$name: $!";
    my $text = do { local $/ = undef; <$file> };
    my ($before) = $text =~ /\A(.*?)(?<![:>\$\w])alarm[ (]+[\d\$(]/s;
    ok( !defined $before || $before =~ /^use Patience;/m, "$name: alarm after 'use Patience'" );
    unlike( $text, qr/TEST[_]PATIENCE|Time::HiRes [^;]*\balarm/, '... which alone knows its factor' );
}

# The compiler's warnings, perl's headers aside.
for my $name ( glob 'perl/*.c' ) {
    my $command = "$Config{cc} $Config{ccflags} -O2 -Wall -Wextra -Wshadow -Wcast-qual"
        . qq{ -isystem $Config{archlibexp}/CORE -DXS_VERSION='"0"' -c -o /dev/null $name};
    my $said = qx{$command 2>&1};
    is( $said, q{}, "$name: -Wall -Wextra -Wshadow -Wcast-qual" );
}

done_testing;
