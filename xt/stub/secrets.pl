# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Runs under the stubs and heap.c with MARK: xt/secrets.t.
use strict;
use warnings;

use Config;
use FindBin ();
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../../t/lib";
use Test::More;
use Throws;
use Sys::Virt;
use Calls qw(%object);

my $mark   = $ENV{STUB_SECRET};
my $secret = $object{'Sys::Virt::Secret'};

# The output of the stubs since the last call.
my $position = 0;

sub recorded {
    open my $log, '<:raw', $ENV{STUB_LOG} or return q{};
    seek $log, $position, 0;
    my $text = do { local $/ = undef; <$log> }
        // q{};
    $position += length $text;
    return $text;
}

# How many blocks were freed in which the secret stood, while the code ran. The script's own values stay in @kept.
my @kept;

sub left_behind {
    my ($code) = @_;
    my $before = Sys::Virt::_get_library_version();
    $code->() for 1 .. 50;
    return Sys::Virt::_get_library_version() - $before;
}

# Where perl keeps a string, and where the blocks were that were freed with the secret in them.
sub place {    ## no critic (RequireArgUnpacking)
    return unpack $Config{ptrsize} == 8 ? 'Q' : 'L', pack 'p', $_[0];
}

sub freed {
    open my $file, '<:raw', $ENV{STUB_BLOCKS} or return;
    my $all = do { local $/ = undef; <$file> };
    return unpack $Config{ptrsize} == 8 ? 'Q*' : 'L*', $all;
}

my $plain   = "$mark\xe9";
my $as_utf8 = $plain;
utf8::upgrade($as_utf8);
my $wide = "$mark\x{263a}";

my %credential = ( bytes => $plain, 'UTF-8' => $as_utf8, 'wide characters' => $wide );

sub ask {
    my ($answer) = @_;
    my $auth = sub {
        push @kept, $_[0];
        $_[0][0]{result} = $answer;
        return 0;
    };
    Sys::Virt->new( uri => 'x', auth => 1, credlist => [5], callback => $auth );
    return;
}

# First all that must leave nothing behind, for what the rest of the test does leaves much.
is( left_behind( sub { push @kept, $secret->get_value } ), 0, 'get_value: what libvirt gave is overwritten' );
is( left_behind( sub { $secret->set_value($plain) } ),     0, 'set_value' );
is( left_behind( sub { $secret->set_value($as_utf8) } ), 0,
    'set_value of a string that perl keeps as UTF-8' );
for my $name ( sort keys %credential ) {
    is( left_behind( sub { ask( $credential{$name} ) } ), 0, "a credential of $name" );
}

is( $kept[0], $mark, 'the value itself is still there' );
recorded();
$secret->set_value($as_utf8);
my ($hex) = recorded() =~ /(\w+), \d+, 0\)\n/;
is( $hex, unpack( 'H*', $plain ), 'UTF-8 or not, the same bytes' );
for my $name ( sort keys %credential ) {
    my $bytes = $credential{$name};
    $name =~ /wide/ ? utf8::encode($bytes) : utf8::downgrade($bytes);
    ask( $credential{$name} );
    like( recorded(), qr/credential \Q$bytes\E, @{[ length $bytes ]}\n/, "a credential of $name arrives" );
}

# The rest of a result that the script drops belongs to the script: its variable, or the temporary value, which perl frees.
for my $way (
    [ 'a variable', sub { my $value = $secret->get_value; return place($value) } ],
    [
        'a temporary value',
        sub {
            my @place = map { place($_) } $secret->get_value;
            return $place[0];
        }
    ],
) {
    my ( $name, $code ) = @$way;
    my $known = () = freed();
    my %own;
    my $count  = left_behind( sub { $own{ $code->() } = 1 } );
    my @freed  = freed();
    my @others = grep { !$own{$_} } @freed[ $known .. $#freed ];
    cmp_ok( $count, '>=', 49, "get_value into $name: perl frees it, $count times of 50" );
    is( scalar @freed - $known, $count, '... of which each is traced' );
    is( "@others",              q{},    '... to where the script had it, and to nowhere else' );
}

# The check itself, last, for what it leaves behind would be found again: a copy that perl frees.
cmp_ok(
    left_behind(
        sub {
            my @copy = map { "$plain$_" } 1 .. 2;
            undef @copy;
        }
    ),
    '>',
    0,
    'what is not overwritten is found'
);

# Neither more nor less than the value.
for my $length ( 0, 1, 15, 16, 17, 4_096 ) {
    my $longer = 'v' x $length . 'BEYOND';
    recorded();
    $secret->set_value( substr $longer, 0, $length );
    my ( $got, $told ) = recorded() =~ /object, (\w*), (\d+), 0\)/;
    is( $got,  '76' x $length, "a value of $length bytes" );
    is( $told, $length,        '... and its length' );
    my $whole = 's' x $length . 'BEYOND';
    $object{'Sys::Virt::Stream'}->send( $whole, $length );
    unlike( recorded(), qr/BEYOND/, '... and of a stream' );
}
throws(
    'no wide character becomes bytes that nobody meant',
    qr/value holds a wide character/,
    sub { $secret->set_value("\x{263a}") }
);

# Text is not looked into: what libvirt gets is what the script gave.
for my $text (
    '<a b="c">&amp;%s%n</a>',
    q{'; DROP TABLE x; --},
    '../../etc/passwd',
    "line\nline\r\t\e[31m",
    '%n%s%p' x 50,
    "\x{263a}\x{10ffff}",
    q{$(touch x)`touch y`}
) {
    my $bytes = $text;
    utf8::encode($bytes);
    recorded();
    $object{'Sys::Virt'}->get_domain_by_name($text);
    like( recorded(), qr/^virDomainLookupByName\(object, \Q$bytes\E\)\n/m, 'a name passes as it is' );
    $object{'Sys::Virt'}->define_domain($text);
    like( recorded(), qr/virDomainDefineXML(?:Flags)?\(object, \Q$bytes\E/, '... and XML' );
}
throws(
    'nothing is cut off at a NUL',
    qr/name holds a NUL/,
    sub { $object{'Sys::Virt'}->get_domain_by_name("a\0b") }
);

done_testing;
