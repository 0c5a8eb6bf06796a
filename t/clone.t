# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Threads that use us before they are complete. In which order perl calls the CLONE subs of packages depends on where it comes
# across them, and on its hash seed: so this test runs separate programs with many packages, a few times.
use strict;
use warnings;

use Config;
use FindBin ();
use lib "$FindBin::Bin/lib" =~ /(.*)/s;    # untainted, for -T
use Child;
use Patience;
use Test::More;
use Sys::Virt;

plan skip_all => 'this perl has no threads' if !$Config{useithreads};

my $program = <<'PERL';
use threads;
use Sys::Virt;
our %seen;

# The first calls of a thread: connecting, reading hashes, lists and errors.
for my $number ( 1 .. 20 ) {
    *{"Cloner${number}::CLONE"} = sub {
        my $mine = Sys::Virt->new( uri => 'test:///default' );
        my $node = $mine->get_node_info;
        my $list = join q{ }, map { ref } $mine->list_all_domains;
        my $code = eval { $mine->get_domain_by_name('none') } ? 0 : $@->code;
        $seen{$number} = [ $mine, $node, "$list $code" ];
    };
}
sub thread {
    Sys::Virt->CLONE;
    my $conn  = Sys::Virt->new( uri => 'test:///default' );
    my $inner = threads->create( sub { ref $conn->get_node_info } )->join;
    my %lists = map { $_->[2] => 1 } values %seen;
    return join q{ }, scalar( keys %seen ), ( keys %lists ), $inner, scalar( () = $conn->list_all_domains );
}
for ( 1 .. 4 ) { print threads->create( \&thread )->join, "\n" }
Sys::Virt->CLONE;
print scalar( keys %seen ), q{ }, ref Sys::Virt->new( uri => 'test:///default' )->get_node_info, "\n";
PERL

for my $run ( 1 .. 5 ) {
    open my $output, '-|', child_perl(), '-e', $program or die $!;
    my @lines = <$output>;
    close $output;
    is( $?, 0, "run $run ends as it should" );
    is(
        join( q{}, @lines ),
        "20 Sys::Virt::Domain 42 HASH 1\n" x 4 . "0 HASH\n",
        '... and every thread got its results'
    );
}

# A file handle of a stream is its parent's: a thread has a copy of the descriptor.
my $streams = <<'PERL';
use threads;
use Sys::Virt;
alarm 60;
my $conn = Sys::Virt->new( uri => 'test:///default' );
for my $how (qw(keep close undef detach)) {
    my %got;
    for ( 1 .. 5 ) {
        my $stream = $conn->new_stream;
        $conn->get_domain_by_name('test')->screenshot( $stream, 0 );
        my $handle = $stream->handle;
        my $thread = threads->create(
            sub {
                close $handle if $how eq 'close';
                undef $_ for $how eq 'undef' ? ( $handle, $stream ) : ();
            }
        );
        $how eq 'detach' ? $thread->detach : $thread->join;
        my $data = do { local $/; <$handle> };
        $got{ ( length $data > 10_000 ? 'all' : 'some' ) . ( close $handle ? ' closed' : " $!" ) }++;
    }
    print "$how: ", join( q{,}, %got ), "\n";
}
PERL
open my $output, '-|', child_perl(), '-e', $streams or die $!;
my @lines = <$output>;
close $output;
is(
    join( q{}, @lines ),
    join( q{}, map { "$_: all closed,5\n" } qw(keep close undef detach) ),
    'a thread does not end the stream of its parent\'s handle'
);

done_testing;
