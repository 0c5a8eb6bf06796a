# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Every function and constant of the installed libvirt's API is in rust/, or here with its reason.
use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";
use Api ();
use Test::More;

eval { require XML::LibXML; 1 } or plan skip_all => 'needs XML::LibXML (Debian: libxml-libxml-perl)';
my ($symbols) = Api::read( Api::files() );
my $source    = Api::source();
my %api       = map  { $_->{name} => $_ } @$symbols;
my @functions = grep { $_->{kind} eq 'function' } @$symbols;
my @constants = grep { $_->{kind} ne 'function' } @$symbols;
my @events    = grep { $_->{kind} eq 'event' } @$symbols;

sub missing {
    return join q{ }, map { $_->{name} } Api::missing( $source, @_ );
}

cmp_ok( scalar @functions, '>', 490, 'the API description has functions' );
is( missing(@functions), q{}, 'every function is called, or is in the list (tools/new-in-libvirt helps)' );
cmp_ok( scalar @constants, '>', 1_200, 'and constants' );
is( missing(@constants), q{}, 'every constant is bound, or is in the list' );
cmp_ok( scalar @events, '>', 30, 'and events, which have rows too' );

subtest 'functions that are looked up' => sub {
    my %found = Api::looked_up();
    cmp_ok( scalar( grep { $_->{file} eq 'virt/newer' } values %found ),       '>',  25, 'newer ones' );
    cmp_ok( scalar( grep { $_->{file} eq 'boundary/library' } values %found ), '>=', 43, 'other libraries' );
    for my $name ( sort keys %found ) {
        my $function  = $api{$name} or next;
        my $prototype = sub {
            my ($of) = @_;
            return join( q{,}, $of->{result}, map { $_->{type} } @{ $of->{args} } ) =~ s/ //gr;
        };
        is( $found{$name}{since},          $function->{since},      "$name: version" ) if $function->{since};
        is( $prototype->( $found{$name} ), $prototype->($function), "$name: prototype" );
    }

    # The symbols that the shared object requires: none that the oldest libvirt lacks.
    my ($so)     = grep { -e } map { "$_/auto/Sys/Virt/Virt.so" } @INC, 'blib/arch';
    my @required = qx{objdump -T "$so"} =~ /LIBVIRT_(\d+[.]\d+[.]\d+)/g;
    cmp_ok( scalar @required, '>', 300, 'symbols of libvirt' );
    my @too_new = grep { my ($major) = split /[.]/; $major > 6 || $_ =~ /\A6[.][1-9]/ } @required;
    is( "@too_new", q{}, 'none was added after 6.0.0' );
};

done_testing;
