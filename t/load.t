# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Child;
use Throws;

BEGIN { use_ok('Sys::Virt') }

my @classes = map { "Sys::Virt::$_" } qw(
    Error Domain Network NetworkPort StoragePool StorageVol NodeDevice Interface Secret NWFilter
    NWFilterBinding DomainSnapshot DomainCheckpoint Stream
);

ok( Sys::Virt->VERSION('0.002008'), 'the version compares with numbers' );
ok( Sys::Virt->VERSION('9.0.0'),    'and with dotted versions' );
throws(
    'a newer version is required',
    qr/version v?99[.]0[.]0 required/,
    sub { Sys::Virt->VERSION('99.0.0') }
);
like( $Sys::Virt::VERSION, qr/\A\d+[.]\d+[.]\d+\z/, 'it is a plain dotted string' );

for my $class (@classes) {
    ( my $file = "$class.pm" ) =~ s{::}{/}g;
    ok( $INC{$file}, "$class is loaded with Sys::Virt" );
}

for my $class ( @classes, qw(Sys::Virt::Event Sys::Virt::EventImpl) ) {
    my $output = child_output( '-w', '-e', "require $class; print $class->can('isa') ? 'ok' : 'no'" );
    like( $output, qr/ok\z/, "$class can be required alone" );
    unlike( $output, qr/uninit|redefine/i, '... without warnings' );
}

require Sys::Virt::Async;
can_ok( $Sys::Virt::Async::composed{$_}[0], $_ ) for sort keys %Sys::Virt::Async::composed;

like( child_output( '-e', 'require Sys::Virt; print join q{ }, keys %INC' ),
    qr/\A(?!.*\boverload[.]pm)/s, 'B37: without overload.pm, which takes as long to load' );

like(
    child_output(
        '-e',
        'require Sys::Virt; print overload::StrVal([]) =~ /^ARRAY/; eval { overload::none() }; print $@'
    ),
    qr/\A1Undefined subroutine &overload::none called at -e line 1/,
    '... whose functions can still be called'
);

is( Sys::Virt::Domain::STATE_RUNNING(),            1,     'a constant as a function' );
is( Sys::Virt::Domain->STATE_RUNNING,              1,     'as a method' );
is( &Sys::Virt::Domain::STATE_RUNNING,             1,     'with the sigil' );
is( prototype('Sys::Virt::Domain::STATE_RUNNING'), q{},   'its prototype is empty' );
is( prototype('Sys::Virt::Domain::get_name'),      q{$},  'a method has a prototype' );
is( prototype('Sys::Virt::Domain::_new'),          undef, 'a plain function has no overloading' );

# Exporters and inspectors look into the package itself.
is( *{ $Sys::Virt::Domain::{STATE_RUNNING} }{CODE}->(), 1, 'a constant is a glob with a function' );
*state = $Sys::Virt::Domain::{STATE_RUNNING};
is( &state(),                                      1,      '... which can be assigned to another' );
is( ref *{ $Sys::Virt::Domain::{get_name} }{CODE}, 'CODE', 'and so is a method' );
for my $class ( 'Sys::Virt', @classes, 'Sys::Virt::Event' ) {
    no strict 'refs';
    my %stash  = %{"${class}::"};
    my @subs   = grep { !/::\z/                   && defined &{"${class}::$_"} } keys %stash;
    my @values = grep { ref \$stash{$_} eq 'GLOB' && *{ $stash{$_} }{CODE} } @subs;
    is( scalar @values, scalar @subs, "all subs of $class are found in the values of its stash" );
    cmp_ok( scalar @subs, '>', 5, '... which are some' );
}
{
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    my $output = child_output(
        '-w', '-e', q{sub Sys::Virt::Domain::STATE_PAUSED (); print 'forward';
        sub later { Sys::Virt::Domain::STATE_PAUSED() } require Sys::Virt; print later()}
    );
    is( $output, 'forward3', 'a constant that code refers to before it is there' );
}
ok( !defined eval 'Sys::Virt::Domain::get_name(); 1',
    'a plain call with too few arguments does not compile' );
like( $@, qr/\ANot enough arguments for Sys::Virt::Domain::get_name/, '... and says why' );

done_testing;
