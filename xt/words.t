# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Words and constructions that are not plain American English, or not the field's terms: in the documentation, the manual,
# messages, comments and names of tests. Each rule is a pattern, and a better wording. A space in a pattern also matches a line
# break with the next line's comment mark.
use strict;
use warnings;

use ExtUtils::Manifest ();
use Test::More;

my @rules = (

    # Dated, homely or British words.
    [ 'mend(?:s|ed|ing)?',                               'fix' ],
    [ 'for ever',                                        'forever' ],
    [ '(?:in the )?meanwhile',                           'by then, during that time' ],
    [ 'anew',                                            'again' ],
    [ 'likewise',                                        'in the same way; or name the thing' ],
    [ '(?:thereof|therein|hereby|whereupon|heretofore)', 'say it with a noun' ],
    [ 'younger',                                         'newer, added after' ],
    [ '(?:hears?|heard) (?:of|nothing|whether)',         'is told, is notified' ],
    [ 'no good',                                         'invalid' ],
    [ '(?:takes? (?:it|them|one|this|that)|taken) back', 'unregister, revert' ],
    [ 'in vain',                                         'without success' ],
    [ 'in the midst of',                                 'during' ],
    [ 'came to be',                                      'since it was created' ],
    [ 'to steal from',                                   'to adapt' ],
    [ '(?:[Cc]olours?|[Ll]icence|[Nn]eighbours?|[Bb]ehaviour|[Cc]ancelling)',  'the American spelling' ],
    [ '(?:[Ss]erialis|[Ii]nitialis|[Ss]ynchronis|[Nn]ormalis)(?:e|ed|es|ing)', 'the American spelling' ],

    # Private terms where the field has one.
    [ 'stand-ins?',         'stub' ],
    [ 'stand(?:s|ing)? in', 'is in, is listed in; for "stands in for": replaces' ],
    [ '(?:event loop\'s turns?|turns? of (?:the|an?|its) (?:event )?loop)', 'iteration' ],
    [ 'virtual processors?',                                                'vCPU' ],
    [ 'daemon that lies',                                                   'hostile daemon' ],

    # Constructions.
    [
        '(?:of|for) (?:Rust|libvirt|[Pp]erl|QEMU|the (?:system|daemon|parent|script|caller|original|host))\'s(?! \w)',
        'Rust\'s X, the X of Rust'
    ],
    [ '(?:that|which|who) (?:is|are) none',                     'invalid, not a' ],
    [ 'What (?:an?|the) \w+ (?:\w+ )+(?:for )?returns nothing', 'name the methods' ],
    [ '[Tt]here are no C?[<`]\$flags[>`]',                      '$flags is unused so far; pass 0' ],
    [ 'but for',                                                'except for' ],
    [ '(?:whoever|somebody else)',                              'name the caller, program or thread' ],
    [ 'and (?:its|their) like',                                 'and similar X' ],
    [ 'as good as (?:never|nothing|all)',                       'practically, almost' ],
    [ '(?:is|are) told (?:of|that|which|whether|when)',         'is notified, gets' ],
    [ 'in the place of',                                        'instead of' ],
);

# Correct uses, as exact phrases.
my %allowed = map { $_ => 1 } ();

# Not these: texts of others, programs in other people's styles, generated files, and names that tests make up.
my $others =
    qr{\A(?:LICENSE|debian/copyright|Cargo[.]lock|vendor/|[.]cargo/|packaging/top[.]svg|tools/rust-fuzz/Cargo[.]
    |xt/(?:styles/|index/|words[.]t|stopwords|stub/methods[.]tsv|new-in-libvirt[.]t|stack/migrate[.]t)
    |lib/Sys/Virt/Index[.]pod|perl/sysvirt[.]h|bench/README[.]md)|[.]png\z}x;
my @files = sort grep { !/$others/ } keys %{ ExtUtils::Manifest::maniread('MANIFEST') };

my @patterns =
    map { my $pattern = $_->[0] =~ s/ (?![?])/\\s+/gr; qr/(?<![\w:\$\@%>-])(?:$pattern)(?![\w:(])/ } @rules;
for my $name (@files) {
    open my $file, '<:encoding(UTF-8)', $name or die "$name: $!";
    my $text = do { local $/ = undef; <$file> };
    close $file or die "$name: $!";
    my $raw = $name =~ /[.](?:md|pod)\z/ ? q{} : $text;             # a heading may be a question
    $text =~ s{^[ \t]*(?://[/!]?|[#]|[*])}{q{ } x length $&}gem;    # the marks of comments
    my @found;
    while ( $raw =~ m{^[ \t]*(?://[/!]?|[#]|/?[*]) (What [a-z]+)}gm ) {
        push @found, sprintf "line %d: '%s': name the thing that the comment describes\n",
            1 + ( substr( $raw, 0, $-[1] ) =~ tr/\n// ), $1;
    }
    for my $index ( 0 .. $#rules ) {
        while ( $text =~ /($patterns[$index])/g ) {
            my ( $phrase, $line ) = ( $1, 1 + ( substr( $text, 0, $-[1] ) =~ tr/\n// ) );
            $phrase =~ s/\s+/ /g;
            next if $allowed{$phrase};
            push @found, "line $line: '$phrase': $rules[$index][1]\n";
        }
    }
    is( join( q{}, @found ), q{}, "$name: plain words" );
}

done_testing;
