# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use ExtUtils::Manifest ();
use Test::More;

local $ExtUtils::Manifest::Quiet = 1;
is( join( q{ }, ExtUtils::Manifest::manicheck() ), q{}, 'everything in MANIFEST exists' );
is( join( q{ }, ExtUtils::Manifest::filecheck() ), q{}, 'everything that exists is in MANIFEST' );

# In a tarball the crates are in vendor/, each with its own license.
my @files = grep { !m{\Avendor/} } sort keys %{ ExtUtils::Manifest::maniread() };
for my $name ( grep { /[.](?:pm|pl|PL|t|rs|c|h|toml)\z/ && $_ ne 'Makefile.PL' || /\A(?:xt|tools)\/[^.]+\z/ }
    @files ) {
    open my $file, '<', $name or die "$name: $!";
    my $head = join q{}, map { scalar <$file> // q{} } 1 .. 3;
    like(
        $head,
        qr/SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl/,
        "$name names its license"
    );
}

done_testing;
