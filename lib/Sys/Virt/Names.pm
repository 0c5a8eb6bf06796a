# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The names of constants by their values: name_of, which every class has, loads this (perl/lazy.c).
package Sys::Virt::Names;

use 5.016;
use warnings;

use mro ();

# The states of vCPUs have the same prefix as the flags of get_vcpus.
my %group = ( 'Sys::Virt::Domain' => { VCPU_STATE => [qw(VCPU_OFFLINE VCPU_RUNNING VCPU_BLOCKED)] } );

# By package and group: a hash of names by value.
my %names;

# Groups nest: STATE_PAUSED_USER is a reason for STATE_PAUSED, not a state. Constants whose names start with the name of
# another constant are a separate group if one of their values is also the value of a constant in the outer group. Of two
# names with the same value, the one with fewer words is in the group: EVENT_STARTED is in EVENT, EVENT_ID_RTC_CHANGE is not.
sub _names {
    my ( $package, $group ) = @_;
    no strict 'refs';    ## no critic (ProhibitNoStrict)
    if ( my $list = $group{$package}{$group} ) {
        return { map { &{"${package}::$_"}() => s/\A[^_]+_//r } @$list };
    }
    my %value =
        map { $_ => &{"${package}::$_"}() }
        grep { /\A\Q$group\E_[A-Z0-9_]+\z/ && defined &{"${package}::$_"} } keys %{"${package}::"};
    my ( %above, %family, %nested );
    for my $name ( keys %value ) {
        my @parts = split /_/, substr $name, 1 + length $group;
        my ($parent) =
            grep { exists $value{$_} } map { join '_', $group, @parts[ 0 .. $_ ] } 0 .. $#parts - 1;
        if ( defined $parent ) { push @{ $family{$parent} }, $name }
        else                   { $above{ $value{$name} } = 1 }
    }
    for my $family ( values %family ) {
        @nested{@$family} = () if grep { $above{ $value{$_} } } @$family;
    }
    my ( %found, %words );
    for my $name ( sort grep { !exists $nested{$_} } keys %value ) {
        my $value = $value{$name};
        my $words = $name =~ tr/_//;
        next if defined $found{$value} && $words{$value} <= $words;
        ( $found{$value}, $words{$value} ) = ( substr( $name, 1 + length $group ), $words );
    }
    return \%found;
}

sub name_of {
    my ( $class, $group, $value ) = @_;
    return undef if !defined $value;    ## no critic (ProhibitExplicitReturnUndef)
    for my $package ( @{ mro::get_linear_isa( ref $class || $class ) } ) {
        my $names = $names{$package}{$group} //= _names( $package, $group );
        return $names->{$value} if %$names;
    }
    return undef;                       ## no critic (ProhibitExplicitReturnUndef)
}

# The same for an exception: ERR_NO_DOMAIN, FROM_QEMU.
sub code_name   { return _prefixed( 'ERR',  $_[0], $_[0]{code} ) }
sub domain_name { return _prefixed( 'FROM', $_[0], $_[0]{domain} ) }

sub _prefixed {
    my ( $group, $error, $value ) = @_;
    my $name = $error->name_of( $group, $value );
    return defined $name ? "${group}_$name" : undef;
}

1;
