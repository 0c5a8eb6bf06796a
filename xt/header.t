# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# perl/sysvirt.h is what cbindgen makes of rust/. `perl xt/header.t --write` writes it again. And tools/rust-fuzz, the boundary's
# other user, which nothing else compiles, compiles.
use strict;
use warnings;

use Test::More;

my @command = qw(cbindgen --quiet --config cbindgen.toml .);

# The output of cbindgen differs between its versions: `cargo install --locked cbindgen@0.29.4`.
my $pinned = '0.29.4';
my ($found) = ( qx{cbindgen --version 2>/dev/null} // q{} ) =~ /^cbindgen ([\d.]+)/;
if ( grep { $_ eq '--write' } @ARGV ) {
    ( $found // q{} ) eq $pinned            or die "cbindgen $pinned is needed\n";
    exec "@command --output perl/sysvirt.h" or die "cbindgen: $!\n";
}

open my $file, '<', 'perl/sysvirt.h' or die $!;
my $header = do { local $/ = undef; <$file> };

SKIP: {
    ( $found // q{} ) eq $pinned or skip( "cbindgen $pinned is not installed", 1 );
    is( qx{@command 2>/dev/null}, $header, 'perl/sysvirt.h is up to date' );
}

# Without cbindgen at least the enumerations and structures are compared by name and order.
my %source;
for my $name ( glob 'rust/boundary/*.rs' ) {
    open my $rust, '<', $name or die $!;
    my $text = do { local $/ = undef; <$rust> };
    while ( $text =~ /#\[repr\(u8\)\]\n(?:(?:#\[|\/\/).*\n)*pub enum (\w+) \{(.*?)\n\}/gs ) {
        my ( $enum, $body ) = ( $1, $2 );
        $body =~ s{//.*}{}g;
        $source{$enum} = [ $body =~ /^\s+(\w+(?: = \d+)?),/mg ];
    }
}
cmp_ok( scalar keys %source, '>=', 4, 'the enumerations were found' );
for my $enum ( sort keys %source ) {
    my ( $prefix, @names ) = map { uc s/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/_/gr } $enum,
        @{ $source{$enum} };
    my ($body) = $header =~ /^enum sysvirt_$enum\b.*?\{\n(.*?)\n\};/ms;
    my @header = ( $body // q{} ) =~ /^\s+SYSVIRT_${prefix}_(\w+(?: = \d+)?),/mg;
    is_deeply( [ map { s/_//gr } @header ], [ map { s/_//gr } @names ], "enum $enum" );
}

# It is run by hand, for that takes minutes. Whether it still fits what it calls the compiler says in ten seconds, and the next
# time in one, without libFuzzer's C++, sanitizers and a linker. cargo fetches the crate libfuzzer-sys for it.
SKIP: {
    skip( 'a tarball lacks libfuzzer-sys', 1 ) if -e 'vendor';
    local $ENV{RUSTFLAGS}        = '--cfg fuzzing';
    local $ENV{CARGO_TARGET_DIR} = ( $ENV{CARGO_TARGET_DIR} // 'target' ) . '/fuzz-check';
    my $said =
        qx{cargo check -q --locked --no-default-features --manifest-path tools/rust-fuzz/Cargo.toml 2>&1};
    is( $?, 0, 'tools/rust-fuzz compiles' ) or diag $said;
}

done_testing;
