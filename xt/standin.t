# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Every method against stand-ins for libvirt's functions, which are preloaded: no driver has all of them.
use strict;
use warnings;

use File::Temp ();
use FindBin    ();
use Test::More;

eval { require XML::LibXML; 1 } or plan skip_all => 'needs XML::LibXML (Debian: libxml-libxml-perl)';
chomp( my $xml = qx{pkg-config --variable=libvirt_api libvirt} );
my $dir = File::Temp->newdir;
system("$^X '$FindBin::Bin/standin/generate.pl' '$xml' > '$dir/all.c'") == 0 or BAIL_OUT('no stand-ins');
system( 'cc', '-w', '-shared', '-fPIC', "-I$FindBin::Bin/standin", '-o', "$dir/standin.so", "$dir/all.c",
    "$FindBin::Bin/standin/special.c", '-lvirt' ) == 0
    or BAIL_OUT('the stand-ins do not compile');

my @includes = map { "-I$_" } grep { !ref } @INC;
my $status   = do {
    local $ENV{STANDIN_LOG} = "$dir/log";
    local $ENV{LD_PRELOAD}  = "$dir/standin.so";
    system $^X, @includes, "$FindBin::Bin/standin/calls.pl";
};
exit( $status & 127 ? 255 : $status >> 8 );
