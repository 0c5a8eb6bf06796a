# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Compiles the stubs of xt/stub, which tests preload.
package Stubs;
use strict;
use warnings;

use Exporter       qw(import);
use File::Basename ();
use File::Spec     ();

our @EXPORT_OK = qw(compile compile_heap compile_one);

my $here = File::Spec->rel2abs( File::Basename::dirname(__FILE__) . '/../stub' );

# The path of a shared object in $dir that replaces all of libvirt's functions.
sub compile {
    my ($dir) = @_;
    chomp( my $xml = qx{pkg-config --variable=libvirt_api libvirt} );
    system("$^X '$here/generate.pl' '$xml' > '$dir/all.c'") == 0 or die "no stubs\n";
    system(
        qw(cc -w -shared -fPIC), "-I$here",         '-o',                "$dir/stub.so",
        "$dir/all.c",            "$here/special.c", "$here/libraries.c", '-lvirt'
        ) == 0
        or die "the stubs do not compile\n";
    return "$dir/stub.so";
}

# The path of one that counts what is allocated, or in how many freed blocks the text still stands (heap.c).
sub compile_heap {
    my ( $dir, $text ) = @_;
    my @mark = defined $text ? qq{-DMARK="$text"} : ();
    system( qw(cc -shared -fPIC -Wall -Werror), @mark, '-o', "$dir/heap.so", "$here/heap.c" ) == 0
        or die "heap.c does not compile\n";
    return "$dir/heap.so";
}

# The path of one that replaces some of libvirt's functions, and calls them.
sub compile_one {
    my ( $dir, $name ) = @_;
    my @link = ( '-Wl,--no-as-needed', '-lvirt' );
    system( qw(cc -shared -fPIC -Wall -Werror -o), "$dir/$name.so", "$here/$name.c", @link ) == 0
        or die "$name.c does not compile\n";
    return "$dir/$name.so";
}

1;
