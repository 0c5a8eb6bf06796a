# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt;

# use warnings is left out on purpose: reading warnings.pm is a fifth of the time that loading takes (B37 in Sys::Virt::Compat).
## no critic (RequireUseWarnings)
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

# The name of a constant, Sys::Virt::Domain->name_of('STATE', 1), for every class that has constants.
sub name_of {
    require Sys::Virt::Names;
    goto &Sys::Virt::Names::name_of;
}

# The original loads overload.pm, which takes as long as all of our classes: scripts have it when they call a sub of it.
sub overload::AUTOLOAD {    ## no critic (ProhibitAutoloading RequireArgUnpacking)
    my $name = $overload::AUTOLOAD;
    require overload;
    goto &$name if defined &$name;
    require Carp;
    Carp::croak("Undefined subroutine &$name called");
}

# Calls that do not block: their module is loaded by the first of them.
sub async {
    require Sys::Virt::Async;
    goto &Sys::Virt::Async::proxy;
}

sub async_limits {
    require Sys::Virt::Async;
    goto &Sys::Virt::Async::limits;
}

sub Sys::Virt::Async::AUTOLOAD {    ## no critic (ProhibitAutoloading RequireArgUnpacking)
    require Sys::Virt::Async;
    goto &{ Sys::Virt::Async::autoloaded( $_[0], $Sys::Virt::Async::AUTOLOAD ) };
}

# Methods that are made of several calls: the class of each, and the module that it is in.
our %composed = (
    ensure_domain       => [ 'Sys::Virt',              'Ensure' ],
    ensure_network      => [ 'Sys::Virt',              'Ensure' ],
    ensure_storage_pool => [ 'Sys::Virt',              'Ensure' ],
    ensure_volume       => [ 'Sys::Virt::StoragePool', 'Ensure' ],
    map { $_ => [ 'Sys::Virt::Domain', 'Wait' ] }
        qw(addresses wait_for_address wait_for_agent wait_for_block_job wait_for_job wait_for_state)
);
for my $name ( keys %composed ) {
    my ( $class, $module ) = @{ $composed{$name} };
    no strict 'refs';    ## no critic (ProhibitNoStrict)
    *{"${class}::$name"} = sub {
        require Sys::Virt::Async;
        unshift @_, $module, $name;
        goto &Sys::Virt::Async::composed;
    };
}

# What classes share.
{
    no strict 'refs';    ## no critic (ProhibitNoStrict)
    for (
        qw(Domain DomainCheckpoint DomainSnapshot Interface NWFilter NWFilterBinding Network NetworkPort NodeDevice
        Secret StoragePool StorageVol Stream)
    ) {
        *{"Sys::Virt::${_}::name_of"} = \&name_of;
        *{"Sys::Virt::${_}::async"}   = \&async;
    }
    *{"Sys::Virt::${_}::name_of"} = \&name_of for qw(Error Event);
}

# What streams can do in Perl, in files of its own.
sub Sys::Virt::Stream::handle {
    require Sys::Virt::Stream::Handle;
    goto &Sys::Virt::Stream::Handle::open_on;
}

sub Sys::Virt::Stream::handle_error { return $_[0]->_handle_error }

sub Sys::Virt::Stream::send_from {
    require Sys::Virt::Stream::Transfer;
    goto &Sys::Virt::Stream::Transfer::send_from;
}

sub Sys::Virt::Stream::receive_to {
    require Sys::Virt::Stream::Transfer;
    goto &Sys::Virt::Stream::Transfer::receive_to;
}

# Unregisters every callback and drops the connection; objects made from it keep it open inside libvirt.
sub close {    ## no critic (ProhibitBuiltinHomonyms)
    my ($self) = @_;
    $self->_deregister_all;
    $self->DESTROY;
    return;
}

1;
