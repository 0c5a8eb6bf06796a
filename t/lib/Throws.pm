# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# What the tests expect of a call that must throw.
package Throws;
use strict;
use warnings;

use Exporter qw(import);
use Test::More;

our @EXPORT = qw(throws);

# Runs the code, which must throw: a text that matches, or a libvirt error of that code.
sub throws {
    my ( $name, $want, $code ) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $lived = eval { $code->(); 1 };
    my $error = $@;
    return fail("$name: nothing thrown") if $lived;
    return like( $error, $want, $name )  if ref $want;
    return is( ref $error && $error->code, $want, $name ) || diag $error;
}

1;
