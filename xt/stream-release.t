# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A file handle goes while the thread that served it gives the stream back: nobody uses the stream after that. A stub
# (xt/stub/release.c) makes the moment long, and ends the process if a stream that is gone is aborted. The same with a stream that a
# thread finishes: libvirt's test driver, unlike its client, frees what that thread uses when another aborts the stream.
use strict;
use warnings;

use File::Temp ();
use FindBin;
use lib "$FindBin::Bin/lib";
use Stubs qw(compile_one);
use Test::More;

my $dir      = File::Temp->newdir;
my @includes = map { "-I$_" } grep { !ref } @INC;

# The output of the program; its status is in $?.
sub run_it {
    my ($code) = @_;
    local $ENV{LD_PRELOAD} = join q{ }, $ENV{LD_PRELOAD} // (),
        compile_one( $dir, 'release' );    # after a sanitizer's
    open my $pipe, '-|', $^X, @includes, '-e', <<"PERL" or die $!;
        use Sys::Virt;
        my \$conn = Sys::Virt->new( uri => 'test:///default' );
        my \$st   = \$conn->new_stream;
        \$conn->get_domain_by_name('test')->screenshot( \$st, 0 );
        sub pause { select undef, undef, undef, \$_[0] }
        $code
        print 'end';
PERL
    my $text = do { local $/ = undef; <$pipe> };
    close $pipe;
    return $text;
}

is( run_it(<<'PERL'), '33443 bytes, end', 'a handle that goes at that moment' );
        my $fh = $st->handle;
        undef $st;
        my $picture = do { local $/; <$fh> };
        print length $picture, ' bytes, ';
        pause(0.1);
        undef $fh;
        pause(0.8);
PERL
is( $? >> 8, 0, '... aborts no stream' );

is( run_it('$st->abort; $st->abort; undef $st; pause(0.1);'), 'end', 'a stream that lives' );
is( $? >> 8,                                                  0,     '... may be aborted' );

is( run_it(<<'PERL'), '33443 bytes, end', 'a stream that is aborted while a thread finishes it' );
        my $fh = $st->handle;
        pause(0.2);
        $st->abort;
        my $picture = do { local $/; <$fh> };
        print length $picture, ' bytes, ';
        pause(0.5);
PERL
is( $? >> 8, 0, '... is not' );

done_testing;
