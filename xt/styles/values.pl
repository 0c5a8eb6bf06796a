# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Numbers as forms, configuration files and comparisons give them: in hashes and arrays, as flags, as results of callbacks.
# only ours warns: isn't numeric in Sys::Virt::Domain::set_memory_parameters \(hard_limit\)
# only ours warns: isn't numeric in Sys::Virt::Domain::send_key \(keycodes\[\d\]\)
# only ours warns: uninitialized value in Sys::Virt::Domain::set_memory_parameters \(hard_limit\)
# only ours warns: set_memory_parameters: newparams has the unknown key 'bogus', which is ignored
# only ours warns: Sys::Virt::new: '(?:read_only|url)' is not an option, and is ignored
# only the original warns: in subroutine entry
use strict;
use warnings;

use Scalar::Util qw(dualvar);
use Sys::Virt;

my ($uri) = @ARGV;
my $conn  = Sys::Virt->new( uri => $uri, flags => ( 1 == 0 ) );
my $dom   = ( $conn->list_all_domains )[0];

sub limit { return $dom->get_memory_parameters->{hard_limit} }

for my $value ( '12abc', q{}, '0x10', '1_000', '0 but true', 1 == 0, dualvar( 7, 'seven' ),
    ' 5 ', 3.9, '3.9', undef, 9_007_199_254_740_990.0, '4503599627370497.0' ) {
    my $ok = eval { $dom->set_memory_parameters( { hard_limit => $value } ); 1 };
    printf "%s: %s %s\n", $value // 'undef', $ok ? 'set' : "failed: $@", limit();
}

# More keys than the driver knows, and an iterator that is in use.
my %params = ( hard_limit => 4711, bogus => 1 );
print 'an unknown key: ', eval { $dom->set_memory_parameters( \%params ); 1 } ? limit() : 'failed', "\n";
%params = ( hard_limit => 4712, soft_limit => 4000 );
my $turns = 0;
while ( my ($key) = each %params ) {
    $dom->set_memory_parameters( \%params );
    last if ++$turns > 5;
}
print "turns: $turns, ", limit(), "\n";

# Arrays.
for my $keys ( ['12abc'], [q{}], [ 1 == 0 ], [ '30', 31.7 ], [] ) {
    my $ok = eval { $dom->send_key( 0, 1, $keys ); 1 };
    print 'send_key: ', $ok ? 'sent' : ref $@ ? $@->code : $@, "\n";
}

# Options that nobody reads.
{
    my $other = Sys::Virt->new( uri => $uri, read_only => 1 );
    print 'read_only: ', eval { ( $other->list_all_domains )[0]->set_autostart(0); 1 } ? 'writes' : 'reads',
        "\n";
    print 'url: ', eval { Sys::Virt->new( url => 'nope:///', uri => $uri )->get_type }, "\n";
}

# What was passed is what it was.
my ( $flags, $number, $text ) = ( 0, 4713, '4714' );
$dom->set_memory_parameters( { hard_limit => $number }, $flags );
$dom->set_memory_parameters( { hard_limit => $text },   $flags );
print 'or: ', $flags | 2, q{ }, $number ^ 1, q{ }, $text ^ 'xxxx', "\n";
