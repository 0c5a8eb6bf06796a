# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::QEMU;

use 5.016;
use strict;
use warnings;

use Carp ();
require Sys::Virt;

our @CARP_NOT = qw(Sys::Virt::Async::QEMU);

# The JSON module: a fast one if the script has loaded it, else the one that comes with perl.
sub _json {
    state %made;
    my ($class) = grep { $INC{ s{::}{/}gr . '.pm' } } qw(Cpanel::JSON::XS JSON::XS);
    if ( !$class ) {
        require JSON::PP;
        $class = 'JSON::PP';
    }
    return $made{$class} //= $class->new->utf8;
}

# A command as a string.
sub _request {
    my ( $method, $command ) = @_;
    ref $command eq 'HASH' or Carp::croak("Sys::Virt::QEMU::$method: cmd is not a HASH reference");
    return _json()->encode($command);
}

# The content of an answer: the command's result, or an exception.
sub _result {
    my ($text) = @_;
    my $answer = _json()->decode($text);
    my $error  = $answer->{error} or return $answer->{return};
    die Sys::Virt::QEMU::Error->_new( @$error{qw(class desc)} );
}

# The exception for a command to the guest's agent. libvirt itself turns the agent's error into an exception, with only its description.
sub _agent_error {
    my ($error) = @_;
    return $error if !ref $error || $error->message !~ /QEMU agent command '[^']*': (.+)/s;
    my $text  = $1;
    my $class = $text =~ /has not been found/ ? 'CommandNotFound' : 'GenericError';
    return Sys::Virt::QEMU::Error->_new( $class, $text, %$error );
}

sub monitor_json {
    my ( $dom, $cmd, $flags ) = @_;
    return _result( monitor_command( $dom, _request( 'monitor_json', $cmd ), $flags // 0 ) );
}

sub monitor_json_with_files {
    my ( $dom, $cmd, $files, $flags ) = @_;
    my ( $text, @files ) =
        monitor_command_with_files( $dom, _request( 'monitor_json_with_files', $cmd ), $files, $flags // 0 );
    return ( _result($text), @files );
}

sub agent_json {
    my ( $dom, $cmd, $timeout, $flags ) = @_;
    my $request = _request( 'agent_json', $cmd );
    my $answer  = eval { agent_command( $dom, $request, $timeout // AGENT_COMMAND_DEFAULT(), $flags // 0 ) };
    die _agent_error($@) if !defined $answer;
    return _result($answer);
}

# A proxy whose methods are the functions of this package.
sub async {
    my ( undef, @options ) = @_;
    return bless Sys::Virt::async( __PACKAGE__, @options ), 'Sys::Virt::Async::QEMU';
}

package Sys::Virt::Async::QEMU;

our @ISA = qw(Sys::Virt::Async::Proxy);

# The package name, by which the proxy finds the functions, is not one of their arguments.
sub _call {
    my ( $proxy, $name, @arguments ) = @_;
    my $code = Sys::Virt::QEMU->can($name);
    return Sys::Virt::Async::Proxy::submit( $proxy, $name, $code, @arguments );
}

sub agent_command              { return _call( shift, 'agent_command',              @_ ) }
sub monitor_command            { return _call( shift, 'monitor_command',            @_ ) }
sub monitor_command_with_files { return _call( shift, 'monitor_command_with_files', @_ ) }
sub attach                     { return _call( shift, 'attach',                     @_ ) }

sub monitor_json {
    my ( $proxy, $dom, $cmd, $flags ) = @_;
    my $request = Sys::Virt::QEMU::_request( 'monitor_json', $cmd );
    return _call( $proxy, 'monitor_command', $dom, $request, $flags // 0 )
        ->then( \&Sys::Virt::QEMU::_result );
}

sub monitor_json_with_files {
    my ( $proxy, $dom, $cmd, $files, $flags ) = @_;
    my $request = Sys::Virt::QEMU::_request( 'monitor_json_with_files', $cmd );
    return _call( $proxy, 'monitor_command_with_files', $dom, $request, $files, $flags // 0 )
        ->then( sub { my ( $text, @files ) = @_; return ( Sys::Virt::QEMU::_result($text), @files ) } );
}

sub agent_json {
    my ( $proxy, $dom, $cmd, $timeout, $flags ) = @_;
    my $request = Sys::Virt::QEMU::_request( 'agent_json', $cmd );
    $timeout //= Sys::Virt::QEMU::AGENT_COMMAND_DEFAULT();
    return _call( $proxy, 'agent_command', $dom, $request, $timeout, $flags // 0 )
        ->then( \&Sys::Virt::QEMU::_result, sub { die Sys::Virt::QEMU::_agent_error( $_[0] ) } );
}

# An error that QEMU or a guest agent returned.
package Sys::Virt::QEMU::Error;

our @ISA = qw(Sys::Virt::Error);

# Fields of libvirt's own exception, if there was one, are kept.
sub _new {
    my ( $package, $class, $text, %fields ) = @_;
    return bless {
        level   => Sys::Virt::Error::LEVEL_ERROR(),
        code    => Sys::Virt::Error::ERR_OPERATION_FAILED(),
        domain  => Sys::Virt::Error::FROM_QEMU(),
        message => "$class: $text",
        %fields,
        class => $class,
        text  => $text,
    }, $package;
}

sub class { my ($self) = @_; return $self->{class} }
sub text  { my ($self) = @_; return $self->{text} }

1;
