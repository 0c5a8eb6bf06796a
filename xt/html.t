# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The manual as web pages (tools/html): every page is there, every link within it leads to a heading that exists, and the search
# finds methods and constants. ./run --doc shows a page.
use strict;
use warnings;

use File::Temp ();
use Test::More;

sub slurp {
    my ($name) = @_;
    open my $file, '<:encoding(UTF-8)', $name or die "$name: $!";
    local $/ = undef;
    return scalar <$file>;
}

my $directory = File::Temp->newdir;
is( system("./run --html $directory >/dev/null"), 0, './run --html writes the pages' );

my %html = map { s{.*/}{}r => slurp($_) } glob "$directory/*.html";
my @pods = glob 'lib/Sys/*.pod lib/Sys/Virt/*.pod lib/Sys/Virt/*/*.pod';
is( scalar keys %html, scalar @pods, 'a page for each page of the manual' );

my %anchor;
for my $page ( keys %html ) {
    $anchor{$page}{$_}++ for $html{$page} =~ / id="([^"]+)"/g;
}
my ( @dead, @twice, $links );
for my $page ( sort keys %html ) {
    push @twice, grep { $anchor{$page}{$_} > 1 } keys %{ $anchor{$page} };
    for my $link ( $html{$page} =~ /href="(?!https?:|manual[.]css)([^"]+)"/g ) {
        $links++;
        my ( $to, $anchor ) = split /#/, $link, 2;
        $to = $page if $to eq q{};
        push @dead, "$page: $link" if !$html{$to} || ( defined $anchor && !$anchor{$to}{$anchor} );
    }
}
cmp_ok( $links, '>', 2_000, 'links were compared' );
is( "@dead",  q{}, 'links lead somewhere' );
is( "@twice", q{}, 'anchors are unique' );

my $search = slurp("$directory/search.js");
like( $search, qr/\Q["$_->[0]","$_->[1]",/, "the search finds $_->[0]" )
    for [ 'block_commit', 'Sys::Virt::Domain' ], [ 'STATE_RUNNING', 'Sys::Virt::Domain::Constants' ],
    [ 'register_default', 'Sys::Virt::Event' ];
my ( @unknown, $entries );
while ( $search =~ /^\["[^"]*","[^"]*","([^"#]+)#([^"]*)"\]/mg ) {
    $entries++;
    push @unknown, "$1#$2" if !$anchor{$1}{$2};
}
cmp_ok( $entries, '>', 1_800, 'its entries were compared' );
is( "@unknown", q{}, '... and lead somewhere' );

like( scalar qx{./run --doc Stream},   qr/^NAME\n +Sys::Virt::Stream - /m,   './run --doc shows a page' );
like( scalar qx{./run --doc},          qr/^NAME\n +Sys::Virt - /m,           '... and the first one' );
like( scalar qx{./run --doc cookbook}, qr/^NAME\n +Sys::Virt::Cookbook - /m, '... in any case of letters' );
like(
    scalar qx{./run --doc get_info},
    qr/^Sys::Virt::Domain\n +get_info\n +my \$hash = \$dom->get_info\(\)/m,
    '... the entry of a method'
);
like(
    scalar qx{./run --doc Domain::STATE_RUNNING},
    qr/^Sys::Virt::Domain::Constants\n +STATE_RUNNING\n/m,
    '... of a constant'
);

for my $name (qw(start virDomainCreate)) {
    like(
        scalar qx{./run --doc $name},
        qr/^$name: Sys::Virt::Domain\n +create\n/m,
        "... of the method for $name"
    );
}
my $nothing = qx{./run --doc Nothing 2>&1};
like( $nothing,                qr/no page, method or constant Nothing/, '... and says that there is none' );
like( $nothing,                qr/^ +Cookbook$/m,                       '... but which pages there are' );
like( scalar qx{./run --help}, qr/^[.]\/run --test /m,                  './run --help explains itself' );

done_testing;
