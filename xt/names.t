# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# name_of knows the members of each of libvirt's enumerations by the group that their constants share.
use strict;
use warnings;

use Test::More;
use Sys::Virt;
use Sys::Virt::Event;
use lib 'xt/lib';

chomp( my $api = qx{pkg-config --variable=libvirt_api libvirt} );
open my $file, '<', $api or plan( skip_all => 'libvirt has no description of its API' );
my ( %type, %value );
while (<$file>) {
    next if !/<enum name='(\w+)'.* value='(-?\d+)'.* type='(\w+)'/;
    ( $type{$1}, $value{$1} ) = ( $3, $2 );
}

# Constants by class and enumeration.
my %enum;
for my $rows ( glob 'rust/constants/*.rs' ) {
    open my $source, '<', $rows or die $!;
    my $text = do { local $/ = undef; <$source> };
    my ($class) = $rows =~ m{/(\w+)[.]rs\z};
    while ( $text =~ /^\s+([A-Z0-9_]+) = (VIR_\w+)/mg ) {
        my ( $name, $symbol ) = ( $1, $2 );
        push @{ $enum{ $type{$symbol} } }, [ $name, $value{$symbol} ] if $type{$symbol};
    }
}

# The class that has a constant.
my @classes = (
    map { "Sys::Virt::$_" }
        qw(Domain DomainCheckpoint DomainSnapshot Error Event Interface Network NetworkPort NodeDevice NWFilter NWFilterBinding
        Secret StoragePool StorageVol Stream)
);
my $compared = 0;
for my $enum ( sort keys %enum ) {
    my @members = @{ $enum{$enum} };
    my %values  = map { $_->[1] => 1 } @members;
    next if @members < 2 || keys %values != @members || grep { $_ > 64 } keys %values;
    my @words = $enum eq q(virVcpuState) ? qw(VCPU STATE) : split /_/, $members[0][0];
    pop @words
        while @words && $enum ne q(virVcpuState) && grep { index( $_->[0], join( q(_), @words, q() ) ) != 0 }
        @members;
    my $group   = join '_', @words or next;
    my ($class) = grep {
        my $c = $_;
        !grep { !$c->can( $_->[0] ) || $c->can( $_->[0] )->() ne $_->[1] } @members
    } 'Sys::Virt', @classes;
    next if !$class;
    my @wrong =
        grep { ( $class->name_of( $group, $_->[1] ) // 'undef' ) ne $_->[0] =~ s{\A\Q$group\E_|\AVCPU_}{}r }
        @members;
    is( join( q{ }, map { "$_->[0]=$_->[1]" } @wrong ), q{}, "$enum: $class, $group" );
    $compared++;
}
cmp_ok( $compared, '>', 90, "$compared enumerations were compared" );
done_testing;
