# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# What is left of a secret in the memory of the process when the script has overwritten its own variables: nothing.
use strict;
use warnings;
no warnings 'portable';

use FindBin ();
use lib "$FindBin::Bin/lib";
use Session;
use Sys::Virt;
use Test::More;

my $daemon = Session->new or plan skip_all => 'needs libvirtd (Debian: libvirt-daemon)';
my $conn   = eval { Sys::Virt->new( uri => 'secret+unix:///session?socket=' . $daemon->socket ) }
    or plan skip_all => "needs libvirt's driver of secrets";
my $secret =
    $conn->define_secret('<secret ephemeral="no" private="no"><description>x</description></secret>');

# The passphrase, which stands nowhere as it is, not even in the source. Each character is put where it belongs at once.
sub passphrase {
    my $phrase = "\0" x 24;
    vec( $phrase, $_, 8 ) = 65 + ( 7 * $_ * $_ + 11 ) % 26 for 0 .. 23;
    return $phrase;
}

# In how many places it is, but for the one that looks for it.
sub places {
    my $phrase = passphrase();
    my $found  = -1;
    open my $maps, '<',     '/proc/self/maps' or die $!;
    open my $mem,  '<:raw', '/proc/self/mem'  or die $!;
    my @areas  = map { /^(\w+)-(\w+) r.*?(?:\[v\w+\])?$/ && !/\[v/ ? [ hex $1, hex $2 ] : () } <$maps>;
    my $buffer = q{};
    for my $area (@areas) {
        my ( $start, $end ) = @$area;
        sysseek $mem, $start, 0 or next;
        sysread( $mem, $buffer, $end - $start ) or next;
        my $at = -1;
        $found++ while ( $at = index $buffer, $phrase, $at + 1 ) >= 0;
        substr $buffer, 0, length $buffer, "\0" x length $buffer;
    }
    substr $phrase, 0, length $phrase, 'x' x length $phrase;
    return $found;
}

sub overwrite { substr $_[0], 0, length $_[0], 'x' x length $_[0]; return } ## no critic (RequireArgUnpacking)

my $before = places();
{
    my $value = passphrase();
    $secret->set_value($value);
    overwrite($value);
}
is( places() - $before, 0, 'set_value leaves none' );
{
    my $value = $secret->get_value;
    is( length $value, 24, 'get_value returns it' );
    overwrite($value);
}
is( places() - $before, 0, 'and leaves none' );

done_testing;
