# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The function with which all tests require that a call throws.
#
#   use lib 't/lib';
#   use Throws;
#   throws 'a name', qr/pattern/,  sub { ... };    # the exception, as a string
#   throws 'a name', 42,           sub { ... };    # libvirt's error code
#   throws 'a name', 'NO_DOMAIN',  sub { ... };    # the same, by the name of its constant
#
# Afterwards the exception is in $@.
package Throws;
use strict;
use warnings;

use Exporter qw(import);
use Test::More;

our @EXPORT = qw(throws);    ## no critic (ProhibitAutomaticExportation)

sub throws {
    my ( $name, $want, $code ) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $lived  = eval { $code->(); 1 };
    my $error  = $@;
    my $passed = !$lived && matches( $error, $want );
    ok( $passed, $name ) or diag $lived ? 'nothing thrown' : "thrown: $error\nwanted: $want";
    $@ = $error;    ## no critic (RequireLocalizedPunctuationVars)
    return $passed;
}

sub matches {
    my ( $error, $want ) = @_;
    return $error =~ $want if ref $want;
    my $code = $want =~ /\A\d+\z/ ? $want : Sys::Virt::Error->can("ERR_$want")->();
    return ref $error && $error->code == $code;
}

1;
