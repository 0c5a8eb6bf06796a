# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Runs under the stubs: what every method returns and throws when another thread runs it is what it returns and throws here.
use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../../t/lib";
use Patience;
use Scalar::Util qw(blessed);
use Test::More;
use Sys::Virt;
use Sys::Virt::Event;
use Calls qw(%object rows);

package My::Future {
    sub new     { return bless { told => 0 }, shift }
    sub _settle { my ( $self, @outcome ) = @_; $self->{told}++; $self->{outcome} = \@outcome; return }
}

alarm 120;

# An object is of its class; addresses differ.
sub shape {
    my ($value) = @_;
    return "object of " . ref $value
        if blessed $value && $value->isa('SCALAR') && ref $value ne 'Sys::Virt::Domain::JobType';
    return 'a file handle' if ref $value eq 'GLOB';    # another one each time
    return { map { $_ => shape( $value->{$_} ) } keys %$value }
        if ref $value && ( blessed $value ? $value->isa('HASH') : ref $value eq 'HASH' );
    return [ map { shape($_) } @$value ] if ref $value eq 'ARRAY';
    return $value;
}

sub async {
    my ( $code, @args ) = @_;
    my $future = My::Future->new;
    Sys::Virt::Async::_submit( $future, undef, $code, @args );
    while ( !$future->{told} ) {
        vec( my $bits = q{}, Sys::Virt::Async::_fileno(), 1 ) = 1;
        select $bits, undef, undef, 10;
        Sys::Virt::Async::_dispatch();
    }
    return $future;
}

my ( $same, $threw, %refused ) = ( 0, 0 );
for my $row ( rows() ) {
    my ( $class, $method, $args ) = @$row{qw(class method call)};
    next if !$args;
    my $name = "${class}::$method";
    my $code = $class->can($method) or next;
    $object{'Sys::Virt::StorageVol'}->download( $object{'Sys::Virt::Stream'}, 0, 0 )
        if $method eq 'send_hole';
    my @here   = eval { $code->(@$args) };
    my $future = eval { async( $code, @$args ) };
    if ( !$future ) {
        like(
            $@,
            qr/\A(?:\Q$name\E|this method) cannot run in the background, because it/,
            "$name is refused in words"
        );
        $refused{$name} = 1;
        next;
    }
    my ( $ok, @there ) = @{ $future->{outcome} };
    cmp_ok( $ok, '>', 0, "$name succeeds there" ) or diag "@there";
    is( $future->{told}, 1, '... and is told once' );
    is_deeply( shape( \@there ), shape( \@here ), '... with the same result' ) and $same++;

    # Its exception.
    $object{'Sys::Virt::StorageVol'}->download( $object{'Sys::Virt::Stream'}, 0, 0 )
        if $method eq 'send_hole';
    local $ENV{STUB_FAIL} = '1 38';
    my $lived = eval { $code->(@$args); 1 };
    my $error = $@;
    ( $ok, @there ) = @{ async( $code, @$args )->{outcome} };
    is( !!$ok, !!$lived, "$name fails there if it does here" );
    next if $lived;
    $threw++;
    is_deeply( shape( $there[0] ), shape($error), '... with the same exception' );
    is( ref $there[0], ref $error, '... of the same class' );
}
cmp_ok( $same,  '>=', 400, "$same methods" );
cmp_ok( $threw, '>=', 380, "$threw of them throw" );
is( ( Sys::Virt::Async::_pending() )[$_], 0, 'nothing is left' ) for 0, 1;
note join ' ', sort keys %refused;

done_testing;
