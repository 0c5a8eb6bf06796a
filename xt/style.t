# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# perlcritic, perltidy, and what neither looks at. rustfmt and clippy are called by ./run --test.
use strict;
use warnings;

use Config;
use POSIX ();
use Test::More;

my @files = (
    'Makefile.PL',
    'tools/vendor',
    'tools/new-in-libvirt',
    glob(
        'lib/Sys/*.pm lib/Sys/Virt/*.pm lib/Sys/Virt/*/*.pm t/*.t t/*/*.t t/lib/*.pm xt/*.t xt/*/*.pl xt/*/*.t xt/lib/*.pm'
    ),
    glob('examples/*.pl bench/*.pl'),
);

# What perltidy writes differs between its versions: the one that counts is Debian 12's. It works beside perlcritic.
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
    ok( close $untidy, 'perltidy has looked at all files' );
    $has_tidy or skip( "perltidy $version is not installed (Debian 12: perltidy)", 1 );
    is( $names, q{}, 'perltidy -b -bext=/ changes none' );
}

# The length of Rust's lines is rustfmt's affair.
for my $name ( @files, glob 'rust/*.rs rust/*/*.rs rust/*/*/*.rs perl/*.c perl/*.h' ) {
    open my $file, '<', $name or die "$name: $!";
    my @long = grep { /\t| +\n/ && $name !~ /Makefile/ || length > 140 && $name !~ /[.]rs\z/ } <$file>;
    is( scalar @long, 0, "$name: no tabs, no blanks at the end, no lines beyond 140" ) or diag @long;
}

# The compiler's warnings, perl's headers aside.
for my $name ( glob 'perl/*.c' ) {
    my $command = "$Config{cc} $Config{ccflags} -O2 -Wall -Wextra -Wshadow -Wcast-qual"
        . qq{ -isystem $Config{archlibexp}/CORE -DXS_VERSION='"0"' -c -o /dev/null $name};
    my $said = qx{$command 2>&1};
    is( $said, q{}, "$name: -Wall -Wextra -Wshadow -Wcast-qual" );
}

done_testing;
