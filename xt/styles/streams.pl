# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Volumes up and down, with handlers in the styles of their authors.
# on: storage
# only ours warns: send_all
# only ours warns: uninitialized
# only the original warns: uninitialized
# only ours warns: isn't numeric
# only the original warns: isn't numeric
use strict;
use warnings;

use Sys::Virt;
my ( $uri, $dir ) = @ARGV;
my $conn = Sys::Virt->new( uri => $uri );
mkdir "$dir/pool" or die $!;
chmod 0777, "$dir/pool" or die $!;
my $pool = $conn->create_storage_pool(
    "<pool type='dir'><name>p$$</name><target><path>$dir/pool</path></target></pool>");

sub volume {
    my ($size) = @_;
    our $number++;
    return $pool->create_volume(
        "<volume><name>v$number</name><capacity unit='bytes'>$size</capacity></volume>");
}

sub content {
    my ($vol) = @_;
    my $stream = $conn->new_stream;
    $vol->download( $stream, 0, 0 );
    my $data = q{};
    $stream->recv_all( sub { my ( $st, $bytes, $n ) = @_; $data .= $bytes; return $n } );
    $stream->finish;
    return $data;
}

sub upload {
    my ( $name, $size, $handler ) = @_;
    my $vol    = volume($size);
    my $stream = $conn->new_stream;
    my $ok     = eval {
        $vol->upload( $stream, 0, $size );
        $stream->send_all($handler);
        $stream->finish;
        1;
    };
    my $error = $@;
    eval { $stream->abort } if !$ok;
    my $data = content($vol);
    print "$name: ", ( $ok ? 'ok' : 'error' ), q{ },
        ( $data =~ /[^\0]/ ? length($data) . q{ } . unpack( '%32C*', $data ) : 'empty' ), "\n";
    $vol->delete;
    return;
}

# One chunk, then the end, by style.
sub chunks {
    my @left = @_;
    return sub { return shift @left }
}
my %ends = (
    'returns the length' => sub {
        my $next = chunks('abc');
        sub { $_[1] = $next->() // q{}; return length $_[1] }
    },
    'returns a string' => sub {
        my $next = chunks('abc');
        sub { $_[1] = $next->() // q{}; return q{} . length $_[1] }
    },
    'returns n > 0 && n' => sub {
        my $next = chunks('abc');
        sub { $_[1] = $next->() // q{}; my $n = length $_[1]; return $n > 0 && $n }
    },
    'ends in ternary' => sub {
        my $next = chunks('abc');
        sub { my $c = $next->(); $_[1] = $c // q{}; defined $c ? 3 : 0 }
    },
    'returns nothing at the end' => sub {
        my $next = chunks('abc');
        sub { $_[1] = $next->() // return 0; return 3 }
    },
    'returns a float' => sub {
        my $next = chunks('abc');
        sub { $_[1] = $next->() // q{}; return length( $_[1] ) + 0.5 }
    },
    'returns with a rest' => sub {
        my $next = chunks('abc');
        sub { $_[1] = $next->() // q{}; return length( $_[1] ) . ' bytes' }
    },
    'fills, returns undef' => sub {
        my $next = chunks('abc');
        sub { $_[1] = $next->() // q{}; return undef }
    },    ## no critic
    'fills, returns 0' => sub {
        my $next = chunks('abc');
        sub { $_[1] = $next->() // q{}; return 0 }
    },
    'reads a file' => sub {
        open my $file, '<', $0 or die;
        binmode $file;
        my $left = 600;
        sub {
            my ( $st, $data, $n ) = @_;
            my $got = sysread $file, $_[1], $left < $n ? $left : $n;
            $left -= $got;
            return $got;
        };
    },
    'dies' => sub {
        sub { die "no more\n" }
    },
    'negative' => sub {
        sub { return -1 }
    },
);
{
    no warnings;    ## no critic (ProhibitNoWarnings)
    upload( $_, 1024, $ends{$_}->() ) for sort grep { !/fills/ } keys %ends;
}
upload( $_, 1024, $ends{$_}->() ) for sort grep { /fills/ } keys %ends;

# Down.
my $vol    = volume(1_000);
my $stream = $conn->new_stream;
$vol->upload( $stream, 0, 1_000 );
$stream->send( 'x' x 1_000, 1_000 );
$stream->finish;
my $got;
my %down = (
    'returns n'        => sub { my ( $st, $data, $n ) = @_; $got .= $data; return $n },
    'returns a length' => sub { $got .= $_[1]; return length $_[1] },
    'ends in n'        => sub { $got .= $_[1]; $_[2] },
    'as a string'      => sub { $got .= $_[1]; "$_[2]" },
    'with a rest'      => sub { $got .= $_[1]; no warnings; "$_[2] bytes" },    ## no critic
    'takes one'        => sub { $got .= substr $_[1], 0, 1; 1 },
    'ends in print'    => sub { $got .= substr $_[1], 0, 1; print q{} },
    'true'             => sub { $got .= substr $_[1], 0, 1; 1 == 1 },
    'negative'         => sub { -1 },
    'dies'             => sub { die "enough\n" },
);
for my $name ( sort keys %down ) {
    $got    = q{};
    $stream = $conn->new_stream;
    my $ok = eval {
        $vol->download( $stream, 0, 0 );
        $stream->recv_all( $down{$name} );
        $stream->finish;
        1;
    };
    print "$name: ", ( $ok ? 'ok' : 'error ' . ( ref $@ ? $@->code : $@ =~ s/ at .+? line.*//sr ) ), q{ },
        length $got, "\n";
    eval { $stream->abort } if !$ok;
}

# By hand.
$stream = $conn->new_stream;
$vol->download( $stream, 0, 0 );
my ( $total, $buffer ) = (0);
while (1) {
    my $n = $stream->recv( $buffer, 300 );
    last if $n <= 0;
    $total += $n;
}
$stream->finish;
print "by hand $total\n";
$vol->delete;
$pool->destroy;
