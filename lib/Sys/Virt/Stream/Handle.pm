# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Stream::Handle;

# $stream->handle: a file handle; threads of the core transfer data between its other end and the stream.

use 5.016;
use strict;
use warnings;

use Carp         ();
use IO::Handle   ();
use Scalar::Util ();

our @ISA      = qw(IO::Handle);          ## no critic (ProhibitExplicitISA)
our @CARP_NOT = qw(Sys::Virt::Stream);

use constant LONGEST => 4_000_000;       # in seconds: what milliseconds in 32 bits hold

sub open_on {
    my ( $stream, @options ) = @_;
    Carp::croak('handle takes options as pairs of a name and a value') if @options % 2;
    my %options = @options;
    my $timeout = delete $options{timeout};
    Carp::croak("handle has no option '$_'") for sort keys %options;
    !defined $timeout || Scalar::Util::looks_like_number($timeout) && $timeout > 0
        or Carp::croak('handle: timeout must be a number of seconds greater than 0');
    my $limit  = !defined $timeout || $timeout > LONGEST ? 0 : int( 1000 * $timeout ) || 1;
    my $handle = bless Sys::Virt::Stream::_handle_glob( $stream->_handle_open, $limit ), __PACKAGE__;
    ${*$handle}{stream} = $stream;
    $handle->autoflush(1);
    return $handle;
}

# The Sys::Virt::Error if there is one, otherwise the result of IO::Handle.
sub error {
    my ($handle) = @_;
    return ${*$handle}{stream}->handle_error || $handle->SUPER::error;
}

1;
