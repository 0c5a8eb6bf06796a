# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Runs under the stubs: calls every method of methods.tsv, and prints those that throw, the error's code and message.
use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/../lib";
use Calls qw(%object rows);

# Two need it for their parameters only.
my %params = ( image_format => 'raw' );
my @more   = (
    { class => 'Sys::Virt',         method => 'restore_domain', call => [ '/x', undef, \%params ] },
    { class => 'Sys::Virt::Domain', method => 'save',           call => [ '/x', undef, \%params ] },
);
unshift @{ $_->{call} }, $object{ $_->{class} } for @more;

for my $row ( grep( { $_->{call} } rows() ), @more ) {
    my $sub = $row->{class}->can( $row->{method} );
    $object{'Sys::Virt::StorageVol'}->download( $object{'Sys::Virt::Stream'}, 0, 0 )
        if $row->{method} eq 'send_hole';    # earlier rows have ended it
    next if eval { $sub->( @{ $row->{call} } ); 1 };
    my ( $code, $message ) = ref $@ ? ( $@->code, $@->message ) : ( 'no error', $@ );
    print join( "\t", "$row->{class}::$row->{method}", $code, $message ), "\n";
}
