# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Calls with something that is no reference in the place of an array: they do nothing, and the script goes on.
# only ours warns: (?:keycodes|fds) is not an ARRAY reference, so the call does nothing at
use strict;
use warnings;

use Sys::Virt;

my ($uri) = @ARGV;
my $conn  = Sys::Virt->new( uri => $uri );
my $dom   = ( $conn->list_all_domains )[0];
my %keys  = ( enter => [28] );

for my $name (qw(enter escape)) {
    my $ok = eval { $dom->send_key( Sys::Virt::Domain::KEYCODE_SET_LINUX, 50, $keys{$name} ); 1 };
    print "$name: ", $ok ? 'sent' : "failed: $@", "\n";
}
print exists $keys{escape} ? "there\n" : "not there\n";

$dom->destroy;
for my $files ( undef, q{}, 3, 'STDIN' ) {
    my $ok = eval { $dom->create_with_files($files); 1 };
    print defined $files ? "'$files'" : 'undef', ': ', $ok ? 'returned' : "failed: $@", ', ',
        $dom->is_active ? 'runs' : 'does not run', "\n";
    $ok = eval { $dom->fd_associate( 'disk', $files ); 1 };
    print 'fd_associate: ', $ok ? 'returned' : "failed: $@", "\n";
}
$dom->create;
print $dom->is_active ? "runs\n" : "does not run\n";
