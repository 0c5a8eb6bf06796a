# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The test driver's only stream from which data comes is a picture of a screen.
package Picture;
use strict;
use warnings;

use Exporter qw(import);
use Sys::Virt;

our @EXPORT = qw(picture whole_picture);    ## no critic (ProhibitAutomaticExportation)

my $conn;

# A stream from which it comes.
sub picture {
    $conn //= Sys::Virt->new( uri => 'test:///default' );
    my $st = $conn->new_stream;
    $conn->get_domain_by_name('test')->screenshot( $st, 0 );
    return $st;
}

# All of it.
sub whole_picture {
    my $st    = picture();
    my $whole = q{};
    $st->recv_all( sub { $whole .= $_[1]; return $_[2] } );
    $st->finish;
    return $whole;
}

1;
