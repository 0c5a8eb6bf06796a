# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Test::More;

BEGIN { use_ok('Sys::Virt') }

my @classes = map { "Sys::Virt::$_" } qw(
    Error Domain Network NetworkPort StoragePool StorageVol NodeDevice Interface Secret NWFilter
    NWFilterBinding DomainSnapshot DomainCheckpoint Stream
);

ok( Sys::Virt->VERSION(0.002008),           'the version compares with numbers' );
ok( Sys::Virt->VERSION('9.0.0'),            'and with dotted versions' );
ok( !eval { Sys::Virt->VERSION('99.0.0') }, 'a newer one is asked for in vain' );
like( $Sys::Virt::VERSION, qr/\A\d+[.]\d+[.]\d+\z/, 'it is a plain dotted string' );

for my $class (@classes) {
    ( my $file = "$class.pm" ) =~ s{::}{/}g;
    ok( $INC{$file}, "$class is loaded with Sys::Virt" );
}

for my $class ( @classes, qw(Sys::Virt::Event Sys::Virt::EventImpl) ) {
    my $output = qx{$^X -Mblib -w -e "require $class; print $class->can('isa') ? 'ok' : 'no'" 2>&1};
    like( $output, qr/ok\z/, "$class can be required alone" );
    unlike( $output, qr/uninit|redefine/i, '... without warnings' );
}

like(
    qx{$^X -Mblib -e "require Sys::Virt; print join q{ }, keys %INC" 2>&1},
    qr/\A(?!.*\boverload[.]pm)/s,
    'B37: without overload.pm, which takes as long to load'
);

is( Sys::Virt::Domain::STATE_RUNNING(),            1,     'a constant as a function' );
is( Sys::Virt::Domain->STATE_RUNNING,              1,     'as a method' );
is( &Sys::Virt::Domain::STATE_RUNNING,             1,     'with the sigil' );
is( prototype('Sys::Virt::Domain::STATE_RUNNING'), q{},   'its prototype is empty' );
is( prototype('Sys::Virt::Domain::get_name'),      q{$},  'a method has a prototype' );
is( prototype('Sys::Virt::Domain::_new'),          undef, 'a plain sub has none' );
ok( !defined eval 'Sys::Virt::Domain::get_name(); 1',
    'a plain call with too few arguments does not compile' );
like( $@, qr/\ANot enough arguments for Sys::Virt::Domain::get_name/, '... and says why' );

done_testing;
