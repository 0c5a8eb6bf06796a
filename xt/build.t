# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The ways in which distributions and users build and install: a path with blanks, a parallel make, an own target
# directory, DESTDIR and INSTALL_BASE, PERL_DL_NONLAZY; and that make does again only what is needed.
use strict;
use warnings;

use Config;
use Cwd                ();
use ExtUtils::Manifest ();
use File::Temp         ();
use Test::More;

delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL PERL5LIB PERL_MM_OPT PERL_MB_OPT)};
my $home = Cwd::getcwd();
my $dir  = File::Temp->newdir;
my $tree = "$dir/a path with blanks";
mkdir $tree or die $!;
$ExtUtils::Manifest::Quiet = 1;
ExtUtils::Manifest::manicopy( ExtUtils::Manifest::maniread(), $tree, 'cp' );
chdir $tree or die $!;

# The code is not tested here, so it is not optimized; xt/dist.t builds as users do.
$ENV{CARGO_PROFILE_RELEASE_OPT_LEVEL} = 0;
my $past = time - 1_000;
utime $past, $past, keys %{ ExtUtils::Manifest::maniread() };

# The output of a command that must end with that status.
sub run {
    my ( $name, $want, $command ) = @_;
    my $output = qx{$command 2>&1 </dev/null};
    is( $? >> 8, $want, $name ) or diag $output;
    return $output;
}

sub spew {
    my ( $name, $text ) = @_;
    open my $file, '>', $name or die "$name: $!";
    print {$file} $text;
    close $file or die "$name: $!";
    return;
}
my $perl = $^X =~ /\s/ ? qq{"$^X"} : $^X;

$ENV{CARGO_TARGET_DIR} = "$dir/target of its own";
run( 'perl Makefile.PL', 0, "$perl Makefile.PL" );
run( 'make -j4',         0, 'make -j4' );
ok( -e "$dir/target of its own/release/libsysvirt.so", 'CARGO_TARGET_DIR is honoured' );
ok( !-e 'target',                                      '... alone' );
unlike( run( 'make again', 0, 'make' ), qr/cargo/, 'cargo is not called when nothing has changed' );

# Newer than make's stamp, but older than cargo's output: it is called, and has nothing to compile.
for my $source (qw(rust/lib.rs perl/call.c Cargo.toml)) {
    utime $past + 1, $past + 1, '.cargo-stamp';
    utime $past + 2, $past + 2, $source;
    like( run( "make after a change of $source", 0, 'make' ), qr/cargo build/, '... calls it' );
    utime $past, $past, $source;
}
like(
    run( 'PERL_DL_NONLAZY=1 make test', 0, 'PERL_DL_NONLAZY=1 make test' ),
    qr/^All tests successful[.]$/m,
    'tests pass with every symbol bound at load'
);

# Installs, and uses what was installed from there.
sub installed {
    my ( $name, $lib, $root ) = @_;
    my $arch = "$root/$lib";
    ok( -e "$arch/auto/Sys/Virt/Virt.so", "$name: the shared object is at $lib" );
    my $code = 'print Sys::Virt->new(uri => q{test:///default})->get_domain_by_name(q{test})->get_id';
    local @ENV{qw(PERL5LIB LIB)} = ( undef, $arch );
    is( run( "$name: it works from there", 0, qq{cd / && $perl "-I\$LIB" -MSys::Virt -e '$code'} ),
        '1', '... for a call' );
    return;
}
run( 'make install DESTDIR', 0, qq{make install "DESTDIR=$dir/dest dir"} );
installed( 'DESTDIR', $Config{installsitearch}, "$dir/dest dir" );
my ($packlist) = glob qq{"$dir/dest dir$Config{installsitearch}/auto/Sys/Virt/.packlist"};
open my $list, '<', $packlist or die $!;
my @packed = map { s/ .*type=.*|\n//gr } <$list>;
cmp_ok( scalar @packed, '>', 30, 'the packing list' );
is( join( q{ }, grep { !-e } @packed ), q{}, '... names what is there' );

run( 'make install with vendor directories', 0, qq{make install INSTALLDIRS=vendor "DESTDIR=$dir/vendor"} );
installed( 'INSTALLDIRS=vendor', $Config{installvendorarch} || $Config{installsitearch}, "$dir/vendor" );

run( 'perl Makefile.PL INSTALL_BASE', 0, qq{$perl Makefile.PL "INSTALL_BASE=$dir/base"} );
run( 'make install',                  0, 'make && make install' );
installed( 'INSTALL_BASE', "lib/perl5/$Config{archname}", "$dir/base" );

# With a home that is not there, as builders of packages have it. Only rustup, where it is what finds cargo, needs to know.
{
    spew( "$dir/cargo", <<"SH" );
#!/bin/sh
case "\$1" in build) echo "home <\$CARGO_HOME>" >>"$dir/homes"; echo "tool <\$PKG_CONFIG>" >>"$dir/homes" ;; esac
exec cargo "\$@"
SH
    chmod 0755, "$dir/cargo" or die $!;
    local $ENV{CARGO}       = "$dir/cargo";
    local $ENV{RUSTUP_HOME} = $ENV{RUSTUP_HOME} || "$ENV{HOME}/.rustup";
    my %homes = (
        "HOME=/homeless-shelter"                     => Cwd::getcwd() . '/.cargo-home',
        "HOME="                                      => Cwd::getcwd() . '/.cargo-home',
        "HOME=/homeless-shelter CARGO_HOME=$dir/own" => "$dir/own",
        "HOME=$dir"                                  => q{},
    );
    delete local $ENV{CARGO_HOME};
    for my $case ( sort keys %homes ) {
        unlink '.cargo-stamp', "$dir/homes";
        run( "make Makefile with $case",
            0, qq{env $case PKG_CONFIG="pkg-config --silence-errors" $perl Makefile.PL} );
        qx{env $case make .cargo-stamp CARGOFLAGS=--help 2>&1};
        open my $homes, '<', "$dir/homes" or die $!;
        my @lines = <$homes>;
        is( $lines[0], "home <$homes{$case}>\n",               "$case: cargo's home" );
        is( $lines[1], "tool <pkg-config --silence-errors>\n", '... and $PKG_CONFIG reaches it' );
    }
    ok( !-e '/homeless-shelter', 'no home is made' );
    unlink '.cargo-stamp';
    run( 'perl Makefile.PL',    0, "$perl Makefile.PL" );
    run( 'make without a home', 0, 'env HOME=/homeless-shelter make' );
}

run( 'make clean', 0, 'make clean' );
ok( !-e 'blib' && !-e '.cargo-stamp' && !-e '.cargo-home', 'make clean cleans' );

# Distributions ask for it: the shim must be in the module all the same, and make says so if what it linked does not load.
SKIP: {
    skip( 'the compiler has no -flto', 4 )
        if system('echo "int x;" | cc -flto=auto -x c -c -o /dev/null - 2>/dev/null') != 0;
    local $ENV{CFLAGS} = '-flto=auto';
    run( 'perl Makefile.PL for -flto', 0, "$perl Makefile.PL" );
    run( 'make with CFLAGS=-flto',     0, 'make' );
    ok( -e 'blib/arch/auto/Sys/Virt/Virt.so', '... makes the module' );
    is(
        run(
            '... that works',
            0, qq{$perl -Mblib -MSys::Virt -e 'print Sys::Virt->new(uri => "test:///default")->get_type'}
        ),
        'TEST',
        '... for a call'
    );
    spew( 'broken.so', 'no shared object' );
    like(
        run( 'what does not load', 255, "$perl tools/loads broken.so" ),
        qr/broken[.]so was built, but cannot be loaded: /,
        '... is named'
    );
    run( 'make clean', 0, 'make clean' );
}

subtest q{perl's compiler and flags} => sub {

# Each word that the compiler gets. The configuration is of a perl whose compiler is two words, and a flag has blanks.
    spew( "$dir/compiler", <<"SH" );
#!/bin/sh
for word; do printf '<%s>\\n' "\$word" >>'$dir/words'; done
exec cc "\$@"
SH
    chmod 0755, "$dir/compiler" or die $!;
    mkdir "$dir/folder with blanks" or die $!;
    spew( "$dir/OtherConfig.pm", <<"PERL" );
package OtherConfig;
use Config;
my %config = %Config;
untie %Config;
%Config = ( %config, cc => '$dir/compiler -DCC_HAS_WORDS',
    ccflags => qq{\$config{ccflags} -DGREETING='"two words"' "-I$dir/folder with blanks"} );
PERL
    local $ENV{PERL5OPT} = "-I$dir -MOtherConfig";
    delete local @ENV{qw(CC CFLAGS)};
    run( 'perl Makefile.PL', 0, "$perl Makefile.PL" );
    run( 'make',             0, 'make' );
    is(
        run(
            'the module works',
            0, qq{$perl -Mblib -MSys::Virt -e 'print Sys::Virt->new(uri => "test:///default")->get_type'}
        ),
        'TEST',
        '... for a call'
    );
    open my $words, '<', "$dir/words" or die $!;
    my %got = map { s/\n//r => 1 } <$words>;
    close $words;
    ok( $got{"<$_>"}, "the compiler got $_" )
        for '-DCC_HAS_WORDS', '-DGREETING="two words"', "-I$dir/folder with blanks";

    # Not through make: the configuration's own compiler.
    my ($script) = grep { -x } glob qq{"$ENV{CARGO_TARGET_DIR}/release/build/sys-virt-*/build-script-build"};
    unlink "$dir/words";
    mkdir "$dir/out" or die $!;
    my ($machine) = qx{rustc -vV} =~ /^host: (\S+)/m;
    local %ENV = (
        %ENV,
        SYSVIRT_PERL             => $^X,
        OUT_DIR                  => "$dir/out",
        TARGET                   => $machine,
        HOST                     => $machine,
        OPT_LEVEL                => 0,
        DEBUG                    => 'false',
        CARGO_CFG_TARGET_ARCH    => $machine =~ s/-.*//r,
        CARGO_CFG_TARGET_OS      => 'linux',
        CARGO_CFG_TARGET_ENV     => 'gnu',
        CARGO_CFG_TARGET_FEATURE => 'crt-static',
    );
    run( 'the build script', 0, "'$script'" );
    ok( -e "$dir/words", q{... uses perl's compiler} );

    # musl's default, with which rustc would omit the shared object.
    $ENV{CARGO_CFG_TARGET_ENV} = 'musl';
    my $output = run( 'for musl, linked statically', 1, "'$script'" );
    like(
        $output,
        qr/^cargo:warning=a module of perl is a shared object: .*-crt-static$/m,
        '... it says what to set'
    );
    $ENV{CARGO_CFG_TARGET_FEATURE} = 'fxsr,sse2';
    run( 'for musl, linked dynamically', 0, "'$script'" );
};
run( 'make clean', 0, 'make clean' );

subtest 'what is missing is named in one line' => sub {
    mkdir "$dir/tools" or die $!;
    my ($cc) = split q{ }, $Config{cc};
    for my $tool ( $cc, qw(cargo pkg-config sh) ) {
        my ($found) = grep { -x } map { "$_/$tool" } split /:/, $ENV{PATH};
        symlink $found, "$dir/tools/$tool" or die "$tool: $!";
    }
    for my $case ( [ 'cargo', qr/Rust/ ], [ $cc, qr/C compiler/ ], [ 'pkg-config', qr/pkg-config/ ] ) {
        my ( $tool, $pattern ) = @$case;
        rename "$dir/tools/$tool", "$dir/tools/.$tool" or die $!;
        local $ENV{PATH} = "$dir/tools";
        unlink 'Makefile';
        my $output = run( "without $tool", 1, "$perl Makefile.PL" );
        like( $output, qr/\ASys::Virt cannot be built here: install .*$pattern.*\n\z/, '... it is named' );
        ok( !-e 'Makefile', '... and there is no Makefile' );
        run( '... under AUTOMATED_TESTING', 0, "AUTOMATED_TESTING=1 $perl Makefile.PL" );
        ok( !-e 'Makefile', '... neither' );
        rename "$dir/tools/.$tool", "$dir/tools/$tool" or die $!;
    }
    spew( "$dir/old", "#!/bin/sh\necho 'cargo 1.63.0 (fd9c4297c 2022-07-01)'\n" );
    chmod 0755, "$dir/old" or die $!;
    like(
        run( 'with an old cargo', 1, qq{CARGO="$dir/old" $perl Makefile.PL} ),
        qr/ install Rust 1[.]\d+ or newer .*; \Q$dir\E\/old is 1[.]63$/,
        '... its version and what is needed are named'
    );
    like(
        run( 'another pkg-config', 1, "PKG_CONFIG=$dir/none $perl Makefile.PL" ),
        qr{install \Q$dir\E/none },
        '... is the one that is used'
    );
    spew( "$dir/pkg", "#!/bin/sh\necho asked >>'$dir/asked'\n" );
    chmod 0755, "$dir/pkg" or die $!;
    run( 'one that says yes',
        0, "PKG_CONFIG='$dir/pkg --static' PKG_CONFIG_LIBDIR=$dir/tools $perl Makefile.PL" );
    ok( -e "$dir/asked", '... is asked' );

    for my $system (qw(cygwin darwin os2)) {
        is(
            run(
                "on $system", 255, qq{$perl -e 'BEGIN { \$^O = q{$system} } do q{./Makefile.PL} or die \$\@'}
            ),
            "OS unsupported\n",
            '... it says so, and nothing else'
        );
    }
    local $ENV{PKG_CONFIG_LIBDIR} = "$dir/tools";
    like(
        run( 'without libvirt', 1, "$perl Makefile.PL" ),
        qr/libvirt 6[.]0[.]0 or newer/,
        '... it is named'
    );
};

chdir $home or die $!;
done_testing;
