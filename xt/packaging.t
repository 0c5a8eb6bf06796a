# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# What Debian's and RPM's descriptions say of the version, the crates and the Rust needed is so. tools/deb and tools/rpm build them.
use strict;
use warnings;

use FindBin ();
use Test::More;

chdir "$FindBin::Bin/.." or die $!;

sub slurp {
    my ($name) = @_;
    open my $file, '<', $name or die "$name: $!";
    local $/ = undef;
    return scalar <$file>;
}

my ($version) = slurp('lib/Sys/Virt.pm') =~ /^our \$VERSION = '(.*)';$/m;
my ($rust)    = slurp('Cargo.toml')      =~ /^rust-version = "(.*)"$/m;
my %crates    = slurp('Cargo.lock')      =~ /^name = "(.*)"\nversion = "(.*)"$/mg;
delete $crates{'sys-virt'};
cmp_ok( scalar keys %crates, '>', 3, 'crates' );

my $spec = slurp('packaging/perl-Sys-Virt.spec');
like( $spec, qr/^Version: +\Q$version\E$/m,          'spec: version' );
like( $spec, qr/^\* .* - 1:\Q$version\E-1$/m,        'spec: it is in the log' );
like( $spec, qr/^BuildRequires: +$_ >= \Q$rust\E$/m, "spec: version of $_" ) for qw(cargo rust);
my %bundled = $spec =~ /^Provides: +bundled\(crate\((.*)\)\) = (.*)$/mg;
is_deeply(
    \%bundled,
    { map { $_ => $crates{$_} } qw(libc virt-sys) },
    'spec: the crates of the shared object'
);

SKIP: {
    -d 'debian' or skip( 'debian/ is in the repository, not in the tarball', 3 );
    like( slurp('debian/changelog'), qr/\Asys-virt-rust \(\Q$version\E-\d+\) /, 'debian: version' );
    my $control = slurp('debian/control');
    like( $control, qr/^ $_ \(>= \Q$rust\E\) \| $_-web \(>= \Q$rust\E\),$/m, "debian: version of $_" )
        for qw(cargo rustc);
    my %licensed;
    for my $files ( slurp('debian/copyright') =~ /^Files: (.*)$/mg ) {
        $licensed{$_} = 1 for $files =~ m{vendor/([^/]+)/\*}g;
    }
    is_deeply( [ sort keys %licensed ], [ sort keys %crates ], 'debian: a license for each crate' );
}

done_testing;
