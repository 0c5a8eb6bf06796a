# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt;

use 5.016;

our $VERSION = '12.8.0';

require XSLoader;
XSLoader::load( 'Sys::Virt', $VERSION );

require Sys::Virt::Error;
require Sys::Virt::Domain;
require Sys::Virt::Network;
require Sys::Virt::NetworkPort;
require Sys::Virt::StoragePool;
require Sys::Virt::StorageVol;
require Sys::Virt::NodeDevice;
require Sys::Virt::Interface;
require Sys::Virt::Secret;
require Sys::Virt::NWFilter;
require Sys::Virt::NWFilterBinding;
require Sys::Virt::DomainSnapshot;
require Sys::Virt::DomainCheckpoint;
require Sys::Virt::Stream;

# Takes back every callback and drops the connection; objects made from it keep it open inside libvirt.
sub close {    ## no critic (ProhibitBuiltinHomonyms)
    my ($self) = @_;
    $self->_deregister_all;
    $self->DESTROY;
    return;
}

1;
