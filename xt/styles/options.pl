# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Sys::Virt->new with options misspelled, doubled, undefined or left out.
# only ours warns: read_only
# only ours warns: bogus
use strict;
use warnings;

use Sys::Virt;
my $uri = $ARGV[0];
$ENV{LIBVIRT_DEFAULT_URI} = $uri;

sub show {
    my ( $what, @arguments ) = @_;
    my $conn  = eval { Sys::Virt->new(@arguments) };
    my $error = ref $@ ? $@->code : $@ =~ s/ at .+? line \d+.*//sr;
    print "$what: ";
    if ( !$conn ) { print "dies: $error\n"; return }
    my $dom = $conn->get_domain_by_name('test');
    print $conn->get_uri, eval { $dom->set_autostart(0); 1 } ? ' writes' : ' reads', "\n";
    return;
}
show( 'plain', uri => $uri );
show('nothing');
show( 'undef',                 uri     => undef );
show( 'address',               address => $uri );
show( 'both',                  uri     => 'bad:///', address   => $uri );
show( 'readonly',              uri     => $uri,      readonly  => 1 );
show( 'readonly 0',            uri     => $uri,      readonly  => 0 );
show( 'readonly undef',        uri     => $uri,      readonly  => undef );
show( 'readonly string',       uri     => $uri,      readonly  => 'no' );
show( 'readonly by flags',     uri     => $uri,      flags     => 1 );
show( 'flags as a string',     uri     => $uri,      flags     => '1' );
show( 'flags false',           uri     => $uri,      flags     => ( 1 == 0 ) );
show( 'flags true',            uri     => $uri,      flags     => ( 1 == 1 ) );
show( 'read_only',             uri     => $uri,      read_only => 1 );
show( 'another',               uri     => $uri,      bogus     => [] );
show( 'auth without a list',   uri     => $uri,      auth      => 1 ) if 0;
show( 'twice',                 uri     => 'bad:///', uri       => $uri );
show( 'credlist without auth', uri     => $uri,      credlist  => [2], callback => sub { die } );
show(
    'a credlist of strings',
    uri      => $uri,
    auth     => 1,
    credlist => [ '2', '5' ],
    callback => sub { return 0 }
);
my %config = ( uri => $uri, readonly => 1 );
show( 'a hash', %config );
