# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::QEMU;

use 5.016;
use strict;
use warnings;

use Carp ();
require Sys::Virt;

# What reads and writes JSON: one of the fast modules if the script has loaded it, else the one that comes with perl.
sub _json {
    state %made;
    my ($class) = grep { $INC{ s{::}{/}gr . '.pm' } } qw(Cpanel::JSON::XS JSON::XS);
    if ( !$class ) {
        require JSON::PP;
        $class = 'JSON::PP';
    }
    return $made{$class} //= $class->new->utf8;
}

# A command as text.
sub _request {
    my ( $method, $command ) = @_;
    ref $command eq 'HASH' or Carp::croak("Sys::Virt::QEMU::$method: cmd is not a HASH reference");
    return _json()->encode($command);
}

# What an answer holds: what the command returned, or an exception.
sub _result {
    my ($text) = @_;
    my $answer = _json()->decode($text);
    my $error  = $answer->{error} or return $answer->{return};
    die Sys::Virt::QEMU::Error->_new( @$error{qw(class desc)} );
}

# Runs code that asks the guest agent. libvirt itself makes an exception of the agent's error, and keeps only its text.
sub _asking_agent {
    my ($code) = @_;
    my $text;
    return $text if eval { $text = $code->(); 1 };
    my $error = $@;
    if (   ref $error
        && $error->isa('Sys::Virt::Error')
        && $error->message =~ /QEMU agent command '[^']*': (.+)/s ) {
        my $said  = $1;
        my $class = $said =~ /has not been found/ ? 'CommandNotFound' : 'GenericError';
        $error = Sys::Virt::QEMU::Error->_new( $class, $said, %$error );
    }
    die $error;
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
    return _result(
        _asking_agent(
            sub {
                return agent_command( $dom, $request, $timeout // AGENT_COMMAND_DEFAULT(), $flags // 0 );
            }
        )
    );
}

# What QEMU or a guest agent answered instead of a result.
package Sys::Virt::QEMU::Error;

our @ISA = qw(Sys::Virt::Error);

# Fields of libvirt's own exception, if there was one, stay.
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
