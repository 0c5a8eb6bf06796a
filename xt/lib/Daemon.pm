# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A libvirtd of the test's own, on a unix socket in a temporary folder: for tests that need a daemon but no guests. It is a
# session daemon of an unprivileged user, so it touches nothing of the machine's libvirt. It ends with the object.
package Daemon;
use strict;
use warnings;

use File::Temp  ();
use POSIX       ();
use Time::HiRes ();

my $program;
for ( '/usr/sbin/libvirtd', '/usr/bin/libvirtd' ) { $program //= $_ if -x }

# Why there cannot be one, or nothing.
sub missing { return $program ? () : 'no libvirtd is installed (Debian: libvirt-daemon)' }

sub start {
    my ( $class, %configuration ) = @_;
    my $folder = File::Temp->newdir( 'svdXXXXXX', DIR => '/tmp' );
    my $self   = bless { folder => $folder, owner => $$ }, $class;
    open my $file, '>', "$folder/libvirtd.conf" or die $!;
    print {$file} "listen_tls = 0\nlog_outputs = \"3:file:$folder/log\"\n";
    print {$file} "$_ = $configuration{$_}\n" for sort keys %configuration;
    close $file or die $!;
    my ( $user, $group ) = $> ? () : ( getpwnam 'nobody' )[ 2, 3 ];
    chown $user, $group, "$folder" if defined $user;
    @$self{qw(user group)} = ( $user, $group );
    $self->restart;
    return $self;
}

# Starts it, after `kill` too.
sub restart {
    my ($self) = @_;
    my $folder = $self->{folder};
    unlink $self->socket;
    my $pid = fork // die "fork: $!";
    if ( !$pid ) {
        if ( defined $self->{user} ) {
            $) = "$self->{group} $self->{group}";    ## no critic (RequireLocalizedPunctuationVars)
            POSIX::setgid( $self->{group} );
            POSIX::setuid( $self->{user} );
        }
        delete @ENV{ grep { /\A(?:XDG|LIBVIRT)_/ } keys %ENV };
        @ENV{qw(HOME XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_CACHE_HOME XDG_DATA_HOME)} = ("$folder") x 5;
        open STDIN,  '<', '/dev/null' or POSIX::_exit(126);
        open STDOUT, '>', '/dev/null' or POSIX::_exit(126);
        exec $program, '--config', "$folder/libvirtd.conf", '--timeout', 600 or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    for ( 1 .. 600 ) {
        return if -S $self->socket;
        Time::HiRes::sleep(0.05);
        die "libvirtd did not start\n" if waitpid( $pid, POSIX::WNOHANG() ) > 0;
    }
    die "libvirtd does not listen\n";
}

sub socket { return "$_[0]{folder}/libvirt/libvirt-sock" }    ## no critic (ProhibitBuiltinHomonyms)
sub pid    { return $_[0]{pid} }

# A driver inside the daemon: libvirt's test driver unless another is named, such as `storage:///session`.
sub uri {
    my ( $self, $driver ) = @_;
    return ( $driver // 'test:///default' ) =~ s{:}{+unix:}r . '?socket=' . $self->socket;
}

sub signal {
    my ( $self, $signal ) = @_;
    return kill $signal => $self->{pid};
}

sub stop {
    my ( $self, $signal ) = @_;
    my $pid = delete $self->{pid} or return;
    kill $signal // 'KILL', $pid;
    waitpid $pid, 0;
    return;
}

sub DESTROY {
    my ($self) = @_;
    return if $self->{owner} != $$;
    local ( $?, $!, $@ );
    $self->stop;
    return;
}

1;
