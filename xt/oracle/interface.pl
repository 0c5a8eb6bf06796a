# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Prints the interface of the Sys::Virt that perl finds: one line for each sub and each constant.
use strict;
use warnings;

use B ();
use Sys::Virt;
use Sys::Virt::Event;

my @packages = map { "Sys::Virt$_" } q{}, map { "::$_" } qw(
    Domain DomainSnapshot DomainCheckpoint Error Event EventImpl Interface Network NetworkPort NodeDevice NWFilter
    NWFilterBinding Secret StoragePool StorageVol Stream
);

for my $package (@packages) {
    no strict 'refs';
    for my $name ( sort keys %{"${package}::"} ) {
        my $full = "${package}::$name";
        next if $name =~ /\A\(|\A(?:bootstrap|BEGIN|import|dl_load_flags)\z/ || !defined &$full;
        my $prototype = prototype $full;
        if (   defined $prototype
            && $prototype eq q{}
            && B::svref_2object( \&$full )->CvFLAGS & B::CVf_CONST() ) {
            print join( "\t", 'constant', $full, &$full() ), "\n";
            next;
        }
        my $usage = q{};
        if ( defined $prototype ) {
            local $SIG{__WARN__} = sub { };
            eval { &$full( (undef) x 12 ) };
            $usage = $@ =~ /\A(Usage: .*?\)) at / ? $1 : 'no usage';
        }
        print join( "\t", 'sub', $full, $prototype // 'undef', $usage ), "\n";
    }
}
