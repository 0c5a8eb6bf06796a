# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Error;

use 5.016;

require Sys::Virt;

sub stringify {
    my ($self) = @_;
    my $text = "libvirt error code: $self->{code}, message: $self->{message}";
    return $text =~ /\n\z/ ? $text : "$text\n";
}

sub level   { return $_[0]{level} }
sub code    { return $_[0]{code} }
sub domain  { return $_[0]{domain} }
sub message { return $_[0]{message} }

Sys::Virt::_overload( __PACKAGE__, q{""} => \&stringify );

1;
