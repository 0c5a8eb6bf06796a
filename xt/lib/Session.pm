# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A libvirtd of one's own that needs no root and is up in a second: a session's, as another user if root starts it. Its test
# driver, test:///default, is reached by a socket, as any real hypervisor is.
#
#   my $daemon = Session->new;    # undef if there is no libvirtd
#   Sys::Virt->new( uri => $daemon->uri );
package Session;
use strict;
use warnings;

use File::Path       ();
use File::Temp       ();
use IO::Socket::UNIX ();
use POSIX            ();
use Time::HiRes      ();

my $NOBODY = 65_534;

sub program {
    return grep { -x } map { "$_/libvirtd" } qw(/usr/sbin /sbin /usr/local/sbin);
}

sub new {
    my ($class)   = @_;
    my ($program) = program() or return;
    my $dir       = File::Temp->newdir( 'libvirtd-XXXXXX', TMPDIR => 1 );
    chown $NOBODY, $NOBODY, "$dir" if !$>;
    my $self = bless { dir => $dir, program => $program, owner => $$ }, $class;
    return $self->restart ? $self : undef;
}

# Starts one in the folder of another, which has died. It lives on when the object is freed: who made the folder ends it.
sub replace {
    my ( $class, $dir ) = @_;
    my ($program) = program();
    return ( bless { dir => $dir, program => $program, owner => 0 }, $class )->restart;
}

# Starts it, again after `stop`; false if it does not come up.
sub restart {
    my ($self) = @_;
    my ( $dir, $program ) = @$self{qw(dir program)};
    unlink $self->socket;
    $self->{pid} = fork // die "fork: $!\n";
    if ( !$self->{pid} ) {
        @ENV{qw(HOME XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_CACHE_HOME)} = ("$dir") x 4;
        delete $ENV{LD_PRELOAD};
        open STDOUT, '>', "$dir/log" and open STDERR, '>&', \*STDOUT or POSIX::_exit(1);
        $( = $) = "$NOBODY $NOBODY" if !$>;    ## no critic (RequireLocalizedPunctuationVars)
        $< = $> = $NOBODY           if !$>;    ## no critic (RequireLocalizedPunctuationVars)
        exec $program, '-p', "$dir/pid" or POSIX::_exit(1);
    }
    for ( 1 .. 200 ) {
        return 1 if IO::Socket::UNIX->new( Peer => $self->socket );
        Time::HiRes::sleep(0.05);
    }
    return;
}

# Starts it again if it has ended by itself; true if it had.
sub revive {
    my ($self) = @_;
    return waitpid( $self->{pid}, POSIX::WNOHANG() ) == $self->{pid} && $self->restart;
}

sub dir { my ($self) = @_; return "$self->{dir}" }
sub pid { my ($self) = @_; return $self->{pid} }

sub socket {    ## no critic (ProhibitBuiltinHomonyms)
    my ($self) = @_;
    return "$self->{dir}/libvirt/libvirt-sock";
}

# The URI of the test driver behind this or another socket.
sub uri {
    my ( $self, $socket ) = @_;
    return 'test+unix:///default?socket=' . ( $socket // $self->socket );
}

sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{owner};
    local ( $?, $!, $@ );
    $self->stop;
    return;
}

sub signal { my ( $self, $signal ) = @_; return kill $signal => $self->{pid} }

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    kill 'KILL', $pid;
    waitpid $pid, 0;
    return;
}

1;
