# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Links lead somewhere: those of Markdown and POD, and the names of files in both. Those of the manual to its own pages and
# sections are checked by xt/manual.t; web addresses are only checked for their form, not fetched.
use strict;
use warnings;

use ExtUtils::Manifest ();
use File::Basename     ();
use Test::More;

my $files = ExtUtils::Manifest::maniread();
delete @{$files}{ grep { m{\Avendor/} } keys %$files };    # in a tarball: the crates' own
my %there = map { $_ => 1 } keys %$files;
for my $file ( keys %$files ) {
    $there{$file} = 1 while $file =~ s{/?[^/]+\z}{} && $file ne q{};
}
my %made  = map { $_ => 1 } qw(vendor blib target META.json META.yml);    # by make, not in the repository
my $known = join q{|}, sort map { quotemeta } grep { !m{/} } keys %there, keys %made;

my $https = qr{\Ahttps://[\w.-]+[.][a-z]+(?:/\S*)?\z};

sub slurp {
    my ($name) = @_;
    open my $file, '<:encoding(UTF-8)', $name or die "$name: $!";
    local $/ = undef;
    return scalar <$file>;
}

# Whether the repository has what a text calls by that name, which may be a pattern, a folder or a command with arguments.
sub exists_here {
    my ($name) = @_;
    $name =~ s{\A[.]/|/\z}{}g;
    return 1 if $there{$name} || $made{ $name =~ s{/.*}{}r };
    return $name =~ /[*?\[]/ && grep { -e } glob $name;
}

sub folded { return join q{-}, split q{ }, lc $_[0] =~ s/[^\w\s-]//gr }

sub names_in {
    my ($text) = @_;
    return
        grep { !/[<>\$]|\A(?:rust|perl)\z/ }
        $text =~ m{(?<![\w./-])((?:[.]/)?(?:$known)(?:/[\w.*?\[\]-]+)*/?)(?![\w/-])}g;
}

my $checked = 0;
for my $name ( sort grep { /[.]md\z/ } keys %$files ) {
    my $text = slurp($name);
    my $from = File::Basename::dirname($name);
    my @dead;
    my %heading = map { folded($_) => 1 } $text =~ /^#+ (.*)$/mg;
    for my $link ( $text =~ /\]\(([^)\s]+)\)/g ) {
        $checked++;
        next if $link =~ $https;
        my ( $path, $anchor ) = split /#/, $link, 2;
        my $there =
            $path eq q{} ? $heading{ $anchor // q{} } : exists_here( $from eq q{.} ? $path : "$from/$path" );
        push @dead, $link if !$there;
    }
    is( join( q{ }, @dead ), q{}, "$name: links lead somewhere" );

    # In code, be it in backquotes or indented, and relative to the top or to where the text is.
    my @code  = ( $text =~ /`([^`\n]+)`/g, $text =~ /^    (.*)$/mg );
    my @names = map { names_in($_) } @code;
    push @names, $text =~ /^\| (\S+[.](?:pl|t))(?: [*])? \|/mg;
    my %wrong = map { $_ => 1 } grep { !exists_here($_) && !exists_here("$from/$_") } @names;
    $checked += @names;
    is( join( q{ }, sort keys %wrong ), q{}, "$name: files that are named exist" );
}

for my $name ( sort grep { /[.](?:pod|pm|pl)\z|\A(?:xt|tools)\/[^.]+\z/ } keys %$files ) {
    my $text  = slurp($name);
    my @named = (
        $text =~ /F<<? *([^<>\s]+) *>/g,
        map { names_in($_) } $text =~ /C<<? *((?:xt|t|tools|examples|bench)\/[^<>]+?) *>/g
    );
    @named = grep { m{/} && !m{\A/} } @named;
    $checked += @named;
    is( join( q{ }, grep { !exists_here($_) } @named ), q{}, "$name: files that are named exist" ) if @named;
    my @links = grep { m{://} } $text =~ /L<(?:[^|>]*[|])?([^>]+)>/g;
    is( join( q{ }, grep { $_ !~ $https } @links ), q{}, "$name: links to the net" )
        if @links;
}

# Files that comments name.
my @comments;
for my $name ( sort grep { !/[.]md\z|\AMANIFEST|\Axt\/oracle\/differences/ && -T } keys %$files ) {
    for my $line ( split /\n/, slurp($name) ) {
        my ($comment) = $line =~ m{(?:^|\s)(?:#|//[/!]?) (.*)} or next;
        my @names = grep { m{\A(?:xt|t|tools|bench|examples|packaging)/\w} } names_in($comment);
        $checked += @names;
        push @comments, map { "$name: $_" } grep { !exists_here( $_ =~ s/[.]\z//r ) } @names;
    }
}
is( join( "\n", @comments ), q{}, 'files that comments name exist' );
cmp_ok( $checked, '>', 250, "$checked links and names were looked at" );

done_testing;
