# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The tarball of `make dist`: what is in it and what META says of it; that it builds, passes its tests and installs where
# no registry can be reached; that what was installed works, and that .packlist names all of it.
use strict;
use warnings;

use Config;
use CPAN::Meta         ();
use Cwd                ();
use ExtUtils::Manifest ();
use ExtUtils::Packlist ();
use File::Find         ();
use File::Temp         ();
use Module::CoreList   ();
use Test::More;

local $ExtUtils::Manifest::Quiet = 1;
my $tree      = Cwd::getcwd();
my $place     = File::Temp->newdir;
my ($version) = text('lib/Sys/Virt.pm') =~ /^our \$VERSION = '([\d.]+)';$/m;
my $name      = "Sys-Virt-$version";

# Variables that a user's shell does not have: prove's paths, and options of the make or perl that runs this.
delete @ENV{qw(PERL5LIB PERL5OPT PERL_MM_OPT PERL_MB_OPT CARGO_TARGET_DIR MAKEFLAGS MAKELEVEL MFLAGS)};

sub text {
    my ($file) = @_;
    open my $handle, '<', $file or die "$file: $!";
    local $/ = undef;
    return scalar <$handle>;
}

# run(DIRECTORY, COMMAND...): what the command wrote on both streams, and its status.
sub run {
    my ( $directory, @command ) = @_;
    my $pid = open my $output, q{-|};
    defined $pid or die "fork: $!";
    if ( !$pid ) {
        chdir $directory or die "$directory: $!";
        open STDERR, '>&', \*STDOUT or die "STDERR: $!";
        exec @command or die "$command[0]: $!";
    }
    my $text = do { local $/ = undef; <$output> };
    close $output;
    return ( $text, $? );
}

sub runs {
    my ( $what, $directory, @command ) = @_;
    my ( $text, $status ) = run( $directory, @command );
    ok( $status == 0, $what ) or diag $text;
    return $text;
}

sub files {
    my ($directory) = @_;
    my @files;
    File::Find::find( { no_chdir => 1, wanted => sub { push @files, $_ if -f || -l } }, $directory );
    @files = sort @files;
    return @files;
}

# Packages of lib/, found without what Makefile.PL finds them with.
sub packages {
    my %package;
    for my $file ( grep { /[.]pm\z/ } files('lib') ) {
        $package{$_} = $file for text($file) =~ /^package ([\w:]+)/mg;
    }
    return %package;
}

# Modules that files use, except those of this distribution.
sub modules {
    my @files = @_;
    my @found = map {
        ( text($_) =~ s/^=\w.*?^=cut$//gmsr ) =~
            /(?:^\s*|\beval [{] )(?:use|require) ([A-Z]\w*(?:::\w+)*|[a-z]\w*)[\s;]/mg
    } @files;
    my %own    = packages();
    my %module = map { $_ => 1 }
        grep { !$own{$_} && !-e "t/lib/$_.pm" && !-e "xt/lib/$_.pm" && !-e "xt/stack/lib/$_.pm" } @found;
    my @modules = sort keys %module;
    return @modules;
}

# ---- the tarball, made of a copy: this tree keeps its Makefile

my $copy = "$place/copy of the tree";
my $at   = "$place/un packed";
mkdir $_ or die "$_: $!" for $copy, $at;
ExtUtils::Manifest::manicopy( ExtUtils::Manifest::maniread(), $copy, 'cp' );
runs( 'perl Makefile.PL', $copy, $^X, 'Makefile.PL' );
runs( 'make dist',        $copy, qw(make -j2 dist) );
runs( 'tar unpacks it',   $at,   qw(tar xzf), "$copy/$name.tar.gz" );
is( join( q{ }, glob "\Q$at\E/*" ), "$at/$name", 'everything in it is below one directory' );
$at .= "/$name";

chdir $at or die "$at: $!";
is( join( q{ }, ExtUtils::Manifest::manicheck() ),              q{}, 'all that MANIFEST names is in it' );
is( join( q{ }, ExtUtils::Manifest::filecheck() ),              q{}, 'all that is in it is in MANIFEST' );
is( join( q{ }, grep { ( stat $_ )[2] & oct 22 } files(q{.}) ), q{}, 'only their owner can write the files' );

my %locked   = text('Cargo.lock') =~ /^name = "(\S+)"\nversion = "(\S+)"\nsource/mg;
my %vendored = map { text("$_/Cargo.toml") =~ /^name = "(\S+)"\nversion = "(\S+)"/m } glob 'vendor/*';
cmp_ok( scalar keys %locked, '>', 2, 'there are crates in Cargo.lock' );
is_deeply( \%vendored, \%locked, 'those of Cargo.lock are in vendor/' );

# ---- META

my $meta = CPAN::Meta->load_file('META.json');
is( $meta->name,                      'Sys-Virt',                                 'META: name' );
is( version->parse( $meta->version ), version->parse("v$version"),                'META: version' );
is( $meta->version,                   CPAN::Meta->load_file('META.yml')->version, 'META.yml has it too' );
is_deeply( [ sort $meta->licenses ], [qw(artistic_1 gpl_2)], 'META: licences' );
is(
    $meta->custom('x_spdx_expression'),
    text('Cargo.toml') =~ /^license = "(.*)"/m && $1,
    "META: Cargo.toml's license"
);
is( $meta->release_status, 'stable', 'META: release status' );
my $resources = $meta->resources;
my ($repository) = text('Makefile.PL') =~ /^my \$repository = q[{](.*)[}];$/m;
is( scalar( grep { m{\Ahttps://\S+\z} } @{ $resources->{license} } ), 2, 'META: where the licences are' );
is( $resources->{repository}{web} // q{}, $repository, 'META: where the repository is' );
is( $resources->{bugtracker}{web} // q{}, $repository ? "$repository/issues" : q{}, 'META: where bugs go' );
is(
    'Sys::Virt - ' . $meta->abstract,
    text('lib/Sys/Virt.pod') =~ /^=head1 NAME\n\n(.*)$/m && $1,
    "META: the manual's abstract"
);

my %package  = packages();
my $provides = $meta->provides;
is_deeply( { map { $_ => $provides->{$_}{file} } keys %$provides },
    \%package, 'META: provides every package' );
is(
    version->parse( $provides->{'Sys::Virt'}{version} ),
    version->parse("v$version"),
    'META: the version of Sys::Virt'
);

my @hidden = grep { -d && $_ ne 'lib' } glob q{*};
ok( !$meta->should_index_file("$_/any.pm"), "META: $_/ is not indexed" ) for @hidden;
ok( $meta->should_index_file($_),           "META: $_ is" )              for sort values %package;

sub required {
    my %requirement =
        map { %{ $meta->effective_prereqs->requirements_for( $_, 'requires' )->as_string_hash } } @_;
    return \%requirement;
}
my %phase = (
    runtime   => [ grep { /[.]pm\z/ } files('lib') ],
    test      => [ grep { /[.](?:t|pm)\z/ } files('t') ],
    configure => ['Makefile.PL'],
    develop   => [ 'tools/vendor', grep { /[.](?:t|pm|pl)\z/ } files('xt') ],
);
for my $phase ( sort keys %phase ) {
    my $required = required( $phase, $phase eq 'configure' ? () : 'runtime' );
    my @missing  = grep { !exists $required->{$_} } modules( @{ $phase{$phase} } );

    # Adapters load the event loop that a script uses.
    @missing =
        grep { !/\A(?:AnyEvent|Future|Glib|IO::Async::Loop|Mojo::IOLoop|Mojo::Promise|POE)\z/ } @missing
        if $phase eq 'runtime';

  # threads is used where it is there. Of what Makefile.PL and developers need only what perl lacks is listed.
    @missing = grep { $_ ne 'threads' } @missing                if $phase eq 'test';
    @missing = grep { !Module::CoreList::is_core($_) } @missing if $phase =~ /\A(?:configure|develop)\z/;
    is( join( q{ }, @missing ), q{}, "META: what $phase uses is required" );
}
is(
    required('runtime')->{perl},
    ( text('Makefile.PL') =~ /^use (5[.]\d+);/m )[0],
    "META: Makefile.PL's perl"
);

# ---- built where no registry can be reached

$ENV{CARGO_HOME}        = "$place/cargo home";
$ENV{CARGO_NET_OFFLINE} = 'true';
my @alone = $> == 0 && system('unshare -n true') == 0 ? qw(unshare -n) : ();

my @resolve = ( @alone, $ENV{CARGO} || 'cargo', qw(metadata --locked --format-version 1) );
rename '.cargo', 'cargo' or die ".cargo: $!";
my ( $text, $status ) = run( $at, @resolve );
isnt( $status, 0, 'without .cargo/config.toml there are no crates' ) or diag $text;
rename 'cargo', '.cargo' or die "cargo: $!";

my $base = "$place/base";
my $said = runs( 'perl Makefile.PL', $at, @alone, $^X, 'Makefile.PL', "INSTALL_BASE=$base" );
like( $said, qr/^Looks good$/m, 'MakeMaker finds the kit complete' );
unlike( $said, qr/WARNING/i, 'and warns of nothing' );
runs( 'make', $at, @alone, 'make' );
$said = runs( 'make test', $at, @alone, qw(make test) );
my ($count) = $said =~ /^Files=(\d+), Tests=\d+/m;
is( $count, scalar( grep { /[.]t\z/ } files('t') ), 'all tests of t/ have run' );
like(
    runs( 'make distcheck', $at, qw(make distcheck) ),
    qr/^(?!.*Not in MANIFEST)/s,
    'building leaves no unknown file'
);
runs( 'make dist of what a tarball held', $at, @alone, qw(make dist) );

# ---- installed, used, uninstalled

runs( 'make install', $at, @alone, qw(make install) );
my $arch     = "$base/lib/perl5/$Config{archname}";
my $packlist = ExtUtils::Packlist->new("$arch/auto/Sys/Virt/.packlist");
my @own      = sort keys %$packlist;
is( join( q{ }, $packlist->validate ), q{}, 'every file of .packlist exists' );
is_deeply( [ grep { !m{/(?:[.]packlist|perllocal[.]pod)\z} } files($base) ],
    \@own, 'every file that was installed is in .packlist' );
ok( scalar( grep { $_ eq "$arch/auto/Sys/Virt/Virt.$Config{dlext}" } @own ),
    'the shared object is one of them' );
is( join( q{ }, grep { !-e "$arch/$_" } map { s/\Alib\///r } files('lib') ),
    q{}, 'everything of lib/ is installed' );
is(
    join( q{ },
        grep { !-e "$base/man/man3/$_.$Config{man3ext}" }
            qw(Sys::Virt Sys::Virt::Domain Sys::Virt::Cookbook) ),
    q{},
    'there are man pages'
);

my $tour = runs( 'a script uses it', q{/}, $^X, "-I$base/lib/perl5", "$at/examples/tour.pl" );
like( $tour, qr/\btest\b/, 'and sees the guest of the test driver' );
my $where = 'print join qq{\n}, grep { m{Sys/Virt} } values %INC, @DynaLoader::dl_shared_objects';
my @used  = split /\n/,
    runs( 'where it is', q{/}, $^X, "-I$base/lib/perl5", '-MSys::Virt', '-MSys::Virt::Event', '-e', $where );
cmp_ok( scalar @used, '>', 2, 'modules and shared object are loaded' );
is( join( q{ }, grep { index $_, "$arch/" } @used ), q{}, 'and all come from there' );

my $stage = "$place/staging area";
runs( 'make install DESTDIR=', $at, @alone, qw(make install), "DESTDIR=$stage" );
is( join( q{ }, grep { !-e "$stage$_" } @own ), q{}, 'a staged installation has the same files' );

unlink @own;
is( join( q{ }, grep { !m{/(?:[.]packlist|perllocal[.]pod)\z} } files($base) ),
    q{}, 'without those of .packlist none is left' );
( $text, $status ) = run( q{/}, $^X, "-I$base/lib/perl5", '-e', "\@INC = '$arch'; require Sys::Virt" );
like( $text, qr/\ACan't locate Sys\/Virt[.]pm/, 'and nothing can be loaded' );

chdir $tree or die "$tree: $!";
done_testing;
