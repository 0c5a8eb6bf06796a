# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The category of warnings exists in whatever order a script loads us and warnings.pm, and follows the lexical scope.
use strict;
use warnings;

use DynaLoader ();
use File::Spec ();
use File::Temp ();
use FindBin    ();
use Sys::Virt;
use Test::More;
use lib "$FindBin::Bin/lib" =~ /(.*)/s;    # untainted, for -T
use Child;

# With separate lib and arch directories, XSLoader loads DynaLoader, which loads warnings.pm.
my $dir  = File::Temp->newdir;
my ($so) = grep { m{/Sys/Virt/Virt[.]\w+\z} } @DynaLoader::dl_shared_objects;
my %link = ( Sys => $INC{'Sys/Virt.pm'} =~ s{/Virt[.]pm\z}{}r, auto => $so =~ s{/Sys/Virt/Virt[.]\w+\z}{}r );
for my $name ( keys %link ) {
    eval { symlink File::Spec->rel2abs( $link{$name} ), "$dir/$name" }
        or plan skip_all => 'without symbolic links';
}

# The standard error of a program, with a call that warns for each W.
sub warned {
    my ( $program, @options ) = @_;
    $program =~ s/\bW\b/\$main::d->send_key( 0, 1, 'x' );/g;
    my $begin = q{BEGIN { $main::d = ( Sys::Virt->new( uri => 'test:///default' )->list_all_domains )[0] } };
    $program =~ s/use Sys::Virt;\K/$begin/;
    my ($perl) = child_perl();
    open my $child, '-|', $perl, @options, "-I$dir", '-e',
        "BEGIN { open STDERR, '>&', STDOUT }\n#line 1\n$program"
        or die "$perl: $!\n";
    local $/ = undef;
    return scalar <$child>;
}

unlike( warned('use Sys::Virt; print STDERR join q{ }, keys %INC'),
    qr/\bwarnings[.]pm/, 'warnings.pm is not loaded' );

my $off = q{{ no warnings 'Sys::Virt'; W }};
for (
    [ 'us first',                 "use Sys::Virt; use warnings; W $off W",                          2 ],
    [ 'us last',                  "use warnings; use Sys::Virt; W $off W",                          2 ],
    [ 'without warnings',         "use Sys::Virt; W $off W",                                        2 ],
    [ '-w',                       "use Sys::Virt; W $off W",                                        2, '-w' ],
    [ 'to the end of the file',   q{use Sys::Virt; W use warnings; no warnings 'Sys::Virt'; W W},   1 ],
    [ 'all of them off',          'use Sys::Virt; { no warnings; W }',                              0 ],
    [ '-X',                       'use Sys::Virt; use warnings; W',                                 0, '-X' ],
    [ 'on again',                 q{use Sys::Virt; no warnings; W { use warnings 'Sys::Virt'; W }}, 1 ],
    [ 'a category of the script', "package My; use Sys::Virt; use warnings::register; W $off",      1 ],
    [ 'in the function, not its caller', "use Sys::Virt; use warnings; sub f { W } { no warnings; f() }", 1 ],
    [ 'the caller of a handler too',     "use Sys::Virt; use warnings; my \$f = sub { $off W }; \$f->()", 1 ],
) {
    my ( $name, $program, $count, @options ) = @$_;
    my $said = warned( $program, @options );
    is( scalar( () = $said =~ /keycodes is not an ARRAY reference, so the call does nothing at -e line/g ),
        $count, $name );
    is( scalar( () = $said =~ /\n/g ), $count, '... and nothing else' ) or diag $said;
}

like( warned(q{use Sys::Virt; use warnings FATAL => 'Sys::Virt'; eval { W 1 } or print "died: $@"}),
    qr/\Adied: Sys::Virt::Domain::send_key: keycodes is not/, 'fatal' );
like(
    warned(q{use Sys::Virt; use warnings; no warnings 'Sys::Virtue'}),
    qr/\AUnknown warnings category 'Sys::Virtue'/,
    'another name is unknown'
);
done_testing;
