# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Every method against stand-ins for libvirt's functions, which are preloaded: no driver has all of them.
use strict;
use warnings;

use File::Temp ();
use FindBin    ();
use lib "$FindBin::Bin/lib";
use StandIns qw(compile);
use Test::More;

eval { require XML::LibXML; 1 } or plan skip_all => 'needs XML::LibXML (Debian: libxml-libxml-perl)';
my $dir      = File::Temp->newdir;
my $standin  = compile($dir);
my @includes = map { "-I$_" } grep { !ref } @INC;
my $status   = do {
    local $ENV{STANDIN_LOG} = "$dir/log";
    local $ENV{LD_PRELOAD}  = $standin;
    system $^X, @includes, "$FindBin::Bin/standin/calls.pl";
};
exit( $status & 127 ? 255 : $status >> 8 );
