# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# examples/many-hosts.pl where hosts hang: they cost their own time limit, all at once, and the others nothing.
use strict;
use warnings;

use File::Temp       ();
use IO::Socket::UNIX ();
use Test::More;
use Time::HiRes ();

# A host that accepts connections and never answers.
my $dir    = File::Temp->newdir;
my $silent = IO::Socket::UNIX->new( Local => "$dir/silent", Listen => 32 ) or die "$dir/silent: $!";
my $hung   = "qemu+unix:///system?socket=$dir/silent";
my ( $good, $gone ) = ( 'test:///default', "qemu+unix:///system?socket=$dir/none" );

my @includes = map { "-I$_" } grep { !ref } @INC;

# Its output, its status, and the time that it took.
sub run {
    my (@arguments) = @_;
    my $begin = Time::HiRes::time();
    open my $pipe, '-|', 'sh', '-c', 'exec timeout 60 "$@" 2>&1 </dev/null', 'sh', $^X, @includes,
        'examples/many-hosts.pl', @arguments
        or die $!;
    my $output = do { local $/ = undef; <$pipe> };
    close $pipe;
    return ( $output, $? >> 8, Time::HiRes::time() - $begin );
}

subtest 'one host hangs' => sub {
    my ( $output, $status, $took ) = run( '--timeout', 2, $good, $hung, $gone, $good );
    my @lines = split /\n/, $output;
    is( scalar @lines, 4, 'a line for each host, in order' );
    like( $lines[$_], qr/\Atest:.* 1 domains, 1 of them active\z/, "host $_ is counted" ) for 0, 3;
    like( $lines[1],  qr/\Aqemu.*silent +Timed out/, 'the one that hangs has timed out' );
    like( $lines[2],  qr/none.*No such file/,        'the one that is not there says so' );
    is( $status, 1, 'the status tells' );
    cmp_ok( $took, '>=', 2, 'it had its time' );
    cmp_ok( $took, '<', 30, sprintf '... and no more: %.1f s', $took );
};

subtest 'many hang' => sub {
    my ( $output, $status, $took ) = run( '--timeout', 2, ($hung) x 20, ($good) x 20 );
    is( scalar( () = $output =~ /Timed out/g ),     20, '20 time out' );
    is( scalar( () = $output =~ /1 of them act/g ), 20, '20 are counted' );
    cmp_ok( $took, '<', 30, sprintf 'all at the same time: %.1f s', $took );
};

subtest 'a limit' => sub {
    my ( $output, $status, $took ) = run( '--timeout', 1, '--limit', 1, ($hung) x 3, $good );
    is( scalar( () = $output =~ /Timed out/g ), 3, 'one after the other' );
    like( $output, qr/1 of them active/, '... to the last' );
    cmp_ok( $took, '>=', 3, '... each with its time' );
};

subtest 'the progress bar' => sub {
    my ($output) = run( '--timeout', 1, '--progress', $good, $hung, $gone );
    my @bars = $output =~ /\r(\[[# ]{50}\] \d of 3 hosts)/g;
    is( scalar @bars, 3,                                             'a bar for each host that is through' );
    is( $bars[0],     '[' . '#' x 16 . q{ } x 34 . '] 1 of 3 hosts', 'the first third' );
    is( $bars[2],     '[' . '#' x 50 . '] 3 of 3 hosts',             'all' );
    unlike( ( run( '--timeout', 1, $good ) )[0], qr/\[#/, 'none where nobody looks' );
};

done_testing;
