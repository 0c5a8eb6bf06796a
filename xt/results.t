# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# README's table of tested combinations is what this makes of xt/results.tsv: `perl xt/results.t --write` writes it. Each command
# that the table of promises names was recorded.
use strict;
use warnings;

use ExtUtils::Manifest ();
use Test::More;

sub slurp {
    my ($name) = @_;
    open my $file, '<:encoding(UTF-8)', $name or die "$name: $!";
    local $/ = undef;
    return scalar <$file>;
}

my @columns = qw(command date commit debian machine perl built libvirt rust files tests);
my @rows;
for ( grep { !/\A#/ } split /\n/, slurp('xt/results.tsv') ) {
    my %row;
    @row{@columns} = split /\t/;
    push @rows, \%row;
}

# The commands for other machines come last, those for older releases of Debian first.
my %release = ( bullseye => 11, bookworm => 12, trixie => 13, sid => 14 );
my %ours    = map { $_ => 1 } qw(x86_64);

sub place {
    my ($row) = @_;
    return sprintf '%d %02d %s', !$ours{ $row->{machine} }, $release{ $row->{debian} } || 99, $row->{command};
}

sub line {
    my ($row) = @_;
    my $libvirt = $row->{libvirt};
    $libvirt = "built for $row->{built}, runs with $libvirt" if $row->{built} ne $libvirt;
    my @cells = (
        $row->{debian}, $row->{machine}, $row->{perl}, $libvirt, $row->{rust}, "`$row->{command}`",
        $row->{tests} . ( $row->{files} > 1 ? " in $row->{files} files" : q{} ),
        "$row->{date}, `$row->{commit}`"
    );
    return '| ' . join( ' | ', @cells ) . " |\n";
}
my $table = join q{}, "| Debian | machine | perl | libvirt | Rust | command | tests | on, at commit |\n",
    '|---' x 8, "|\n", map { line($_) } sort { place($a) cmp place($b) } @rows;

my $readme = slurp('README.md');
my $place  = qr/(^### Tested combinations\n.*?\n\n)(^[|].*?\n)(?=\n)/ms;
if ( "@ARGV" eq '--write' ) {
    $readme =~ s/$place/$1$table/ or die "README.md has no such table\n";
    open my $file, '>:encoding(UTF-8)', 'README.md' or die "README.md: $!\n";
    print {$file} $readme;
    close $file or die "README.md: $!\n";
    exit;
}

my ($shown) = $readme =~ /$place/ ? $2 : q{};
is( $shown, $table, 'README has the recorded runs (perl xt/results.t --write)' );

my %recorded = map { $_->{command} => 1 } @rows;
my $known    = ExtUtils::Manifest::maniread('MANIFEST');
for my $row (@rows) {
    my $name = $row->{command};
    is( scalar( grep { defined && length } @$row{@columns} ), scalar @columns, "$name: all columns" );
    like( "$row->{files} $row->{tests}", qr/\A[1-9]\d* [1-9]\d*\z/,              '... tests' );
    like( "$row->{date} $row->{commit}", qr/\A\d{4}-\d\d-\d\d [0-9a-f]{7,40}\z/, '... date and commit' );
    is( join( q{ }, grep { m{/} && !exists $known->{$_} } split q{ }, $name =~ s{(?:\A|(?<= ))[.]/}{}gr ),
        q{}, '... names files that are there' );
}

# A promise without a run is a claim.
my ($promises) = $readme =~ /^### Supported versions\n\n(.*?\n)\n/ms;
my @named = ( $promises // q{} ) =~ m{`((?:tools/|prove |[.]/run)[^`]*)`}g;
cmp_ok( scalar @named, '>=', 6, 'commands that show what is promised' );
ok( $recorded{$_}, "$_ was recorded" ) for @named;
my ($perl) = slurp('Makefile.PL') =~ /MIN_PERL_VERSION *=> '5[.]0*(\d+)'/;
like( $promises, qr/\| perl 5[.]$perl or newer \|/, 'the oldest perl' );
my ($libvirt) = slurp('Makefile.PL') =~ /--atleast-version=([\d.]+) libvirt/;
like( $promises, qr/\| libvirt \Q$libvirt\E or newer/, 'the oldest libvirt' );

done_testing;
