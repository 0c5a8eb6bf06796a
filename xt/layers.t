# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The folders of rust/ use only those below them, and no modules use each other in a circle.
use strict;
use warnings;

use File::Find ();
use FindBin;
use Test::More;

my @layers = qw(boundary async virt argument event class);
my %level  = map { $layers[$_] => $_ } 0 .. $#layers;
$level{constants} = 1;
$level{lib}       = @layers;

my $top = "$FindBin::Bin/../rust";
my %source;
File::Find::find(
    {
        no_chdir => 1,
        wanted   => sub {
            return if !m{\A\Q$top\E/(.*)[.]rs\z} || $1 eq 'build';
            my $module = $1 =~ s{/mod\z}{}r =~ s{/}{::}gr;
            open my $file, '<', $_ or die "$_: $!";
            $source{$module} = do { local $/ = undef; <$file> };
        },
    },
    $top
);
cmp_ok( scalar keys %source, '>', 70, scalar( keys %source ) . ' modules' );

# The module that a path leads into: the longest part of it that is one.
sub module {
    my @parts = @_;
    while (@parts) {
        my $name = join '::', @parts;
        return $name if exists $source{$name};
        pop @parts;
    }
    return;
}

# The modules that a module uses: paths from the crate, from itself, and from the module that it is in; `use` lists are expanded one level,
# for rustfmt breaks up nothing deeper.
my %uses;
for my $name ( sort keys %source ) {
    my $text = $source{$name} =~ s{//.*}{}gr =~ s/\br#//gr;
    my @self = split /::/, $name;

    # A macro's paths are those of its caller.
    $text =~ s/^macro_rules! .*?^[}]$//msg;
    while ( $text =~ /(?<![\w:\$])(crate|self|super)((?:::\w+)+)(?:::[{](.*?)[}])?/gs ) {
        my ( $root, $path, $list ) = ( $1, $2, $3 // q{} );
        my @base = $root eq 'crate' ? () : $root eq 'self' ? @self : @self[ 0 .. $#self - 1 ];
        my @path = ( @base, grep { length } split /::/, $path );
        for my $item ( $list =~ /(\w+)/g, q{} ) {
            my $used = module( @path, length $item ? $item : () );
            $uses{$name}{$used} = 1 if $used && $used ne $name;
        }
    }
    while ( $text =~ /(?<![\w:\$])(\w+)::/g ) {
        my $child = $name eq 'lib' ? $1 : "${name}::$1";
        $uses{$name}{$child} = 1 if exists $source{$child};
    }
}
cmp_ok( scalar( map { keys %$_ } values %uses ), '>', 190, 'what they use was found' );

sub layer { return $level{ $_[0] =~ s/::.*//sr } // -1 }

my @upward;
for my $name ( sort keys %uses ) {
    push @upward, map { "$name uses $_" } grep { layer($_) > layer($name) } sort keys %{ $uses{$name} };
}
is( "@upward", q{}, 'imports run only downward' );

my ( %state, @circles );

sub visit {
    my ( $name, @way ) = @_;
    if ( ( $state{$name} // q{} ) eq 'open' ) {
        push @circles, join ' -> ', @way, $name;
        return;
    }
    return if $state{$name};
    $state{$name} = 'open';
    visit( $_, @way, $name ) for sort keys %{ $uses{$name} // {} };
    $state{$name} = 'done';
    return;
}
visit($_) for sort keys %source;
is( "@circles", q{}, 'no circle' );

done_testing;
