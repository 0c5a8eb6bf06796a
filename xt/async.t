# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Calls that do not block, of every method, on stubs for libvirt's functions.
use strict;
use warnings;

use File::Temp ();
use FindBin    ();
use lib "$FindBin::Bin/lib";
use Stubs qw(compile);
use Test::More;

eval { require XML::LibXML; 1 } or plan skip_all => 'needs XML::LibXML (Debian: libxml-libxml-perl)';
my $dir      = File::Temp->newdir;
my $stub     = compile($dir);
my @includes = map { "-I$_" } grep { !ref } @INC;
my $status   = do {
    local $ENV{STUB_LOG}   = '/dev/null';
    local $ENV{LD_PRELOAD} = join q{ }, $ENV{LD_PRELOAD} // (), $stub;    # after a sanitizer's
    system $^X, @includes, "$FindBin::Bin/stub/async.pl";
};
exit( $status & 127 ? 255 : $status >> 8 );
