# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Rows that break a rule do not compile: too many parameters, a name twice, a required one behind an optional one, an unsafe call
# outside of a rule, and safe code that makes values of pointers. And in the tables, a rule's call is nothing but a call.
use strict;
use warnings;

use Cwd                ();
use ExtUtils::Manifest ();
use File::Copy         ();
use File::Path         ();
use File::Temp         ();
use FindBin;
use Test::More;

my $top     = Cwd::abs_path("$FindBin::Bin/..");
my $cargo   = $ENV{CARGO} || 'cargo';
my $scratch = File::Temp::tempdir( CLEANUP => 1 );

sub slurp {
    my ($name) = @_;
    open my $file, '<', $name or die "$name: $!";
    local $/ = undef;
    return scalar <$file>;
}

sub spew {
    my ( $name, $text ) = @_;
    open my $file, '>', $name or die "$name: $!";
    print {$file} $text or die "$name: $!";
    return close $file;
}

for my $name (
    grep { m{\A(?:rust|vendor|[.]cargo)/|\ACargo} }
    keys %{ ExtUtils::Manifest::maniread("$top/MANIFEST") }
) {
    my $to = "$scratch/$name";
    File::Path::make_path( $to =~ s{/[^/]+\z}{}r );
    File::Copy::copy( "$top/$name", $to ) or die "$name: $!";
}
my $mod = "$scratch/rust/class/domain/mod.rs";
spew( $mod, slurp($mod) . "pub mod trial;\n" );
local $ENV{CARGO_TARGET_DIR} = Cwd::abs_path( $ENV{CARGO_TARGET_DIR} // "$top/target" ) . '/rows-check';

# rustc's output for a file with that content.
sub rustc {
    my ($text) = @_;
    spew( "$scratch/rust/class/domain/trial.rs",
        "//! Trial.\n#![allow(dead_code, missing_docs)]\nuse crate::class::prelude::*;\n$text" );
    my $said = qx{cd "$scratch" && "$cargo" check -q --locked --lib 2>&1};
    return ( $? == 0, $said );
}

sub row { return qq{methods! { "Sys::Virt::Domain";\n    $_[0]\n}\n} }

my ( $ok, $said ) =
    rustc( row('good(dom: Domain, flags: u32 = 0) => status(virDomainUndefineFlags(dom, flags));') );
ok( $ok, 'a good row compiles' ) or diag $said;

my ($max) = slurp("$top/rust/boundary/table.rs") =~ /const ARGS_MAX: usize = (\d+);/;
my $many  = join ', ', 'dom: Domain', map { "a$_: u32" } 2 .. $max;
( $ok, $said ) = rustc( row("many($many) => status(virDomainCreate(dom));") );
ok( $ok, "$max parameters compile" ) or diag $said;

# rustc says no more than one thing about one table.
my @limits = (
    [ 'too many parameters', "many($many, b: u32)",          qr/a method has at most ARGS_MAX parameters/ ],
    [ 'a name twice',        'twice(dom: Domain, dom: u32)', qr/is bound more than once/ ],
    [
        'required behind optional',
        'late(dom: Domain, a: u32 = 0, b: u32)',
        qr/a parameter without default comes before/
    ],
);
for (@limits) {
    my ( $what, $head, $why ) = @$_;
    ( $ok, $said ) = rustc( row("$head => { let _ = dom; Ok(Value::none()) };") );
    ok( !$ok, "$what does not compile" );
    like( $said, $why, "... and rustc says why" );
}

my @unsafe = (
    [
        'a call in a block',
        row('a(dom: Domain) => { let left = virDomainCreate(dom); Ok(Value::from(left)) };')
    ],
    [
        'a pointer followed',
        row('a(dom: Domain) => { let size = unsafe_free(|out: *mut i32| *out = 1); size };') . <<'RUST' ],
fn unsafe_free(_: impl FnOnce(*mut i32)) -> Result<Value> { Ok(Value::none()) }
RUST
    [ 'an object out of a number', 'fn a() -> Result<Value> { object::<Domain>(16 as *mut _) }' ],
    [ 'a handle',                  'fn a(at: *mut c_void) -> Value { Value::handle(Class::Domain, at) }' ],
);
for (@unsafe) {
    my ( $what, $text ) = @$_;
    ( $ok, $said ) = rustc($text);
    ok( !$ok, "$what needs unsafe" );
    like( $said, qr/E0133/, '... and rustc says so' );
}

( $ok, $said ) = rustc(q(fn a() -> Result<&'static u8> { filled::<&u8>(|_| 0) }));
ok( !$ok, 'a reference is not zeroed' );
like( $said, qr/Zeroed.*is not satisfied/, '... and rustc says so' );

# The macro's unsafe covers a rule's call. What could hide there: statements, assignments, blocks of their own. And CONTRIBUTING's
# tables have every type that a row's parameter has, and every rule.
my ( @hidden, %type, %rule );
my $rows = 0;
for my $name ( grep { m{\Arust/class/} } keys %{ ExtUtils::Manifest::maniread("$top/MANIFEST") } ) {
    my $text = slurp("$top/$name") =~ s{//.*}{}gr;
    while ( $text =~ /^( *)methods! [{].*?\n(.*?)^\1[}]/msg ) {
        for my $row ( split /;\n/, $2 ) {
            my ( $head, $body ) = split /=>/, $row, 2;
            next if !defined $body;
            $rows++;
            $type{$_} = 1
                for map { /\b([A-Z]\w*|[iu]\d+|usize|c_ulong)\b/g }
                $head =~ /\w(?: as \w+)?: ([^,=]+(?:<[^=]*?>)?)/g;
            my ($call) = $body =~ /\A\s*((?:\w+(?:::)?)+[(].*)\z/s or next;
            push @hidden, "$name: $head"
                if $call =~ /;|(?<![=!<>|])=(?![=>])|\bunsafe\b|[*](?!mut |const )\w+ =/;
        }
    }
}
cmp_ok( $rows, '>', 500, "$rows rows" );
is( "@hidden", q{}, 'a rule has a call, and nothing else' );

my $contributing = slurp("$top/CONTRIBUTING.md");
my ($types)      = $contributing =~ /^### Types of parameters\n(.*?)^### /ms;
my ($rules)      = $contributing =~ /^### Rules\n(.*?)^## /ms;
my $classes      = join q{|}, slurp("$top/rust/boundary/class.rs") =~ /^    (\w+) +vir\w+ +c"/mg;
my @lacks        = grep { !/\A(?:[A-Z_]+|$classes)\z/ && $types !~ /\b\Q$_\E\b/ } sort keys %type;
is( "@lacks", q{}, 'CONTRIBUTING has the types of parameters' );
my $of_rules = slurp("$top/rust/virt/rules.rs");
$rule{$1} = 1 while $of_rules =~ /^pub (?:unsafe )?fn (\w+)[^{;]*?-> Result<(?:Value|Short)> [{]/msg;
@lacks = grep { $rules !~ /`\Q$_\E`/ } sort keys %rule;
is( "@lacks", q{}, '... and the rules' );
my %known = ( %rule, map { $_ => 1 } qw(params::get params::get_allocated params::hash set_like) );
is( join( q{ }, grep { !$known{$_} } map { /`([\w:]+)`/g } $rules =~ /^[|]([^|]*)/mg ),
    q{}, '... and no others' );

done_testing;
