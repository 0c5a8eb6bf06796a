# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# What SECURITY.md promises: copies of secrets are overwritten before their memory is freed, libvirt gets the bytes of a value
# and no others, and text passes as it is.
use strict;
use warnings;

use File::Temp ();
use FindBin    ();
use lib "$FindBin::Bin/lib";
use Stubs qw(compile compile_heap);
use Test::More;

eval { require XML::LibXML; 1 } or plan skip_all => 'needs XML::LibXML (Debian: libxml-libxml-perl)';
my $dir      = File::Temp->newdir;
my $mark     = 'never to be found again';
my $preload  = compile_heap( $dir, $mark ) . q{:} . compile($dir);
my @includes = map { "-I$_" } grep { !ref } @INC;
my $status   = do {
    local $ENV{STUB_LOG}    = "$dir/log";
    local $ENV{STUB_BLOCKS} = "$dir/blocks";
    local $ENV{STUB_SECRET} = $mark;
    local $ENV{LD_PRELOAD}  = $preload;
    system $^X, @includes, "$FindBin::Bin/stub/secrets.pl";
};
exit( $status & 127 ? 255 : $status >> 8 );
