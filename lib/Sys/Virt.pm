# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt;

use 5.016;

our $VERSION = '12.8.0';

require XSLoader;
XSLoader::load( 'Sys::Virt', $VERSION );

require Sys::Virt::Error;
require Sys::Virt::Domain;

# These classes are wholly in the shared object: their files, which hold their manuals, need not be read to have them.
for my $class (
    qw(DomainCheckpoint DomainSnapshot Interface NWFilter NWFilterBinding Network NetworkPort NodeDevice Secret StoragePool
    StorageVol Stream)
) {
    $INC{"Sys/Virt/$class.pm"} //= __FILE__ =~ s{[.]pm\z}{/$class.pm}r;
}

# Takes back every callback and drops the connection; objects made from it keep it open inside libvirt.
sub close {    ## no critic (ProhibitBuiltinHomonyms)
    my ($self) = @_;
    $self->_deregister_all;
    $self->DESTROY;
    return;
}

1;
