# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Spelling in the manual and the README; xt/stopwords.txt has the words that no dictionary knows.
use strict;
use warnings;

use File::Temp ();
use Test::More;

eval { require Test::Spelling; 1 } && ( grep { -x "$_/aspell" } split /:/, $ENV{PATH} )
    or plan( skip_all => 'needs Test::Spelling and aspell (Debian: libtest-spelling-perl aspell aspell-en)' );
Test::Spelling::set_spell_cmd('aspell list --lang=en_US --encoding=utf-8');

open my $file, '<', 'xt/stopwords.txt' or die "xt/stopwords.txt: $!";
my @stopwords = grep { !/\A#/ } map { split q{ } } grep { !/\A#/ } <$file>;
Test::Spelling::add_stopwords(@stopwords);

Test::Spelling::pod_file_spelling_ok($_)
    for glob('lib/Sys/*.pod lib/Sys/Virt/*.pod lib/Sys/Virt/*/*.pod examples/*.pl'),
    grep { !/worker|operations/ } glob('bench/*.pl');

# Markdown as POD: samples are verbatim there too, code in backquotes is left out.
for my $name (qw(README.md CONTRIBUTING.md)) {
    open my $markdown, '<', $name or die "$name: $!";
    my $text = do { local $/ = undef; <$markdown> };
    $text =~ s/`[^`\n]*`/code/g;
    $text =~ s/\]\([^)\n]*\)/]/g;
    my $pod = File::Temp->new( SUFFIX => '.pod' );
    print {$pod} "=pod\n\n", $text =~ s/^#+ /\n/gmr, "\n=cut\n";
    close $pod or die $!;
    Test::Spelling::pod_file_spelling_ok( "$pod", "$name: spelling" );
}

done_testing;
