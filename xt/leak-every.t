# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Memory per call of every sub of every class, against stubs for libvirt's functions: when it succeeds, when libvirt
# fails at its first, second or third call, when it refuses its arguments. Every byte from malloc is counted.
use strict;
use warnings;

use File::Temp ();
use FindBin    ();
use lib "$FindBin::Bin/lib";
use Stubs qw(compile compile_heap);
use Test::More;

eval { require XML::LibXML; 1 } or plan skip_all => 'needs XML::LibXML (Debian: libxml-libxml-perl)';
my $dir      = File::Temp->newdir;
my $preload  = compile_heap($dir) . q{:} . compile($dir);
my @includes = map { "-I$_" } grep { !ref } @INC;
for my $part (qw(methods loop)) {
    local $ENV{STUB_LOG}   = '/dev/null';
    local $ENV{LD_PRELOAD} = $preload;
    subtest $part => sub {
        open my $output, '-|', $^X, @includes, "$FindBin::Bin/stub/leaks.pl", $part or die $!;
        my ( $calls, $measured, @missed ) = ( 0, 0 );
        while (<$output>) {
            chomp;
            my ( $what, $name, $bytes, $of ) = split /\t/;
            if ( $what eq 'missed' ) { push @missed, $name; next }
            $calls += $of;
            $measured++;
            cmp_ok( $bytes, '<', 1, "$name, $what" );
        }
        close $output;
        is( $?,                    0,   'ran to its end' );
        is( join( q{ }, @missed ), q{}, 'no function was left out' );
        cmp_ok( $measured, '>', $part eq 'loop' ? 8 : 2_500, "$calls calls, in $measured ways" );
    };
}

done_testing;
