# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt;

# No `use warnings`: reading warnings.pm would be a fifth of the time for loading (B37 in Sys::Virt::Compat).
## no critic (RequireUseWarnings)
use 5.016;

our $VERSION = '12.8.0';

require XSLoader;
XSLoader::load( 'Sys::Virt', $VERSION );

# perl/lazy.c loads name_of, async, ensure_* and other rarely used methods. And the files of classes that are entirely in the shared
# object count as loaded: they hold only their manuals.
_loaded(__FILE__);

sub Sys::Virt::Stream::handle_error { return $_[0]->_handle_error }

# Unregisters every callback and drops the connection; objects made from it keep it open inside libvirt.
sub close {    ## no critic (ProhibitBuiltinHomonyms)
    my ($self) = @_;
    $self->_deregister_all;
    $self->DESTROY;
    return;
}

1;
