# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# What stream handlers return, and what stands for a handler: all that perl converts to a number or calls.
# on: storage
# only ours warns: handler is not a CODE reference
# only ours warns: uninitialized
# only the original warns: uninitialized
# only ours warns: isn't numeric
# only the original warns: isn't numeric
use strict;
use warnings;

use Scalar::Util qw(dualvar);
use Sys::Virt;

package Amount;
use overload '0+' => sub { $_[0][0] }, fallback => 1;

package Text;
use overload q{""} => sub { $_[0][0] }, fallback => 1;

package Handler;
use overload '&{}' => sub { $_[0][0] }, fallback => 1;

package main;
my ( $uri, $dir ) = @ARGV;
my $conn = Sys::Virt->new( uri => $uri );
mkdir "$dir/pool" or die $!;
chmod 0777, "$dir/pool" or die $!;
my $pool = $conn->create_storage_pool(
    "<pool type='dir'><name>h$$</name><target><path>$dir/pool</path></target></pool>");
my $vol = $pool->create_volume(q{<volume><name>v</name><capacity unit='bytes'>500</capacity></volume>});

# Runs it on a stream that is open to the volume; what came of it.
sub transfer {
    my ( $name, $open, $code ) = @_;
    my $stream = $conn->new_stream;
    $vol->$open( $stream, 0, 500, $name =~ /sparse/ ? 1 : 0 );
    my $error = eval { $code->($stream); 1 } ? 'ok' : $@;
    eval { $stream->finish; 1 } or eval { $stream->abort };
    $error = ref $error ? 'error ' . $error->code : $error =~ s/ at .+? line .*//sr;
    print "$name: $error";
    return;
}

my %returns = (
    'one'              => [1],
    'a string'         => ['7'],
    'an exponent'      => ['1e2'],
    'with a rest'      => ['7 bytes'],
    'a fraction'       => [9.9],
    'a dualvar'        => [ dualvar( 50, 'fifty' ) ],
    'a number object'  => [ bless( [50],   'Amount' ) ],
    'a string object'  => [ bless( ['50'], 'Text' ) ],
    'true'             => [ 1 == 1 ],
    'the last of many' => [ 0, 0, 100 ],
    'more than all'    => [65_536],
    'negative'         => [-2],
    'minus as a text'  => ['-1'],
);
for my $name ( sort keys %returns ) {
    my $returned = $returns{$name};
    my $calls    = 0;
    transfer(
        "recv_all, $name",
        download => sub {
            $_[0]->recv_all( sub { $calls++; return @$returned[ 0 .. $#$returned ] } );
        }
    );
    print ", $calls calls\n";
    my ( $data, $holes ) = ( 0, 0 );
    transfer(
        "sparse_recv_all, $name",
        download => sub {
            $_[0]->sparse_recv_all( sub { $data++; return $_[2] }, sub { $holes++; return @$returned } );
        }
    );
    print ", $data and $holes calls\n";
    next if $name =~ /many|more/;
    $calls = 0;
    transfer(
        "send_all, $name",
        upload => sub {
            $_[0]->send_all( sub { return 0 if $calls++ > 2; $_[1] = 'x' x 100; return $returned->[0] } );
        }
    );
    print ", $calls calls\n";
}

# One that takes nothing now and then is asked again.
for my $nothing ( 0, undef, q{}, 'EAGAIN' ) {
    my ( $busy, $bytes ) = ( 0, 0 );
    transfer(
        'busy',
        download => sub {
            $_[0]->recv_all(
                sub {
                    return $nothing if $busy++ < 5;
                    $bytes += $_[2];
                    return $_[2];
                }
            );
        }
    );
    print ", $busy calls, $bytes bytes\n";
}

my $called = 0;
sub named { $called++; return $_[2] }
for my $handler (
    [ 'a name',           'named' ],
    [ 'a whole name',     'main::named' ],
    [ 'a reference',      \&named ],
    [ 'a glob',           *named ],
    [ 'a blessed sub',    bless( sub { named(@_) }, 'Sub' ) ],
    [ 'an object',        bless( [ \&named ],       'Handler' ) ],
    [ 'no sub',           'nowhere' ],
    [ 'an array',         [] ],
    [ 'a glob reference', \*named ],
) {
    my ( $name, $sub ) = @$handler;
    $called = 0;
    transfer( $name, download => sub { $_[0]->recv_all($sub) } );
    print ", $called calls\n";
}
$vol->delete;
$pool->destroy;
