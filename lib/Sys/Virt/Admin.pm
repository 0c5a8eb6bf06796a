# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Admin;

# No `use warnings`, for the same reason as in Sys::Virt.
## no critic (RequireUseWarnings)
use 5.016;

require Sys::Virt;
require Sys::Virt::Admin::Server;
require Sys::Virt::Admin::Client;

*async = *Sys::Virt::Admin::Server::async = *Sys::Virt::Admin::Client::async = \&Sys::Virt::async;

# Unregisters the callback and drops the connection; objects made from it keep it open inside libvirt.
sub close {    ## no critic (ProhibitBuiltinHomonyms)
    my ($self) = @_;
    $self->_deregister_all;
    $self->DESTROY;
    return;
}

1;
