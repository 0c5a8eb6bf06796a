# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Error;

# use warnings is left out as in Sys::Virt.
## no critic (RequireUseWarnings)
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

# The constants' names: ERR_NO_DOMAIN, FROM_QEMU.
sub code_name { my $name = $_[0]->name_of( 'ERR', $_[0]{code} ); return defined $name ? "ERR_$name" : undef }

sub domain_name {
    my $name = $_[0]->name_of( 'FROM', $_[0]{domain} );
    return defined $name ? "FROM_$name" : undef;
}

Sys::Virt::_overload( __PACKAGE__, q{""} => \&stringify );

1;
