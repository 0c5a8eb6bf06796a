# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A guest of QEMU in a session's libvirtd of its own, that needs no root and no system: its boot sector sends back what its serial
# console receives.
#
#   my $guest = Guest->new;    # undef if there is no QEMU
#   my $dom   = Guest::domain( $guest->dir );
package Guest;
use strict;
use warnings;

use POSIX ();
use Session;
use Sys::Virt;
use Time::HiRes ();

# sti; 1: hlt; 2: mov dx, 3fdh; in al, dx; test al, 1; jz 1b; mov dx, 3f8h; in al, dx; out dx, al; jmp 2b
my $CODE = pack 'H*', 'fbf4bafd03eca80174f7baf803eceeebf1';

sub new {
    my ($class) = @_;
    return if !grep { -x "$_/qemu-system-x86_64" } split /:/, $ENV{PATH};
    my $daemon = Session->new or return;
    my $self   = bless { daemon => $daemon, owner => $$ }, $class;
    my $image  = $daemon->dir . '/guest.img';
    open my $file, '>:raw', $image or die "$image: $!\n";
    print {$file} pack 'a510 n x1048064', $CODE, 0x55aa or die $!;
    close $file or die $!;
    chmod oct 666, $image or die $!;
    connect_to( $self->dir )->create_domain(<<"XML");
<domain type='qemu'><name>echo</name><memory unit='MiB'>16</memory><os><type arch='x86_64'>hvm</type></os><devices>
<disk type='file'><driver name='qemu' type='raw'/><source file='$image'/><target dev='hda' bus='ide'/></disk>
<serial type='pty'/><console type='pty'/><memballoon model='none'/></devices></domain>
XML
    return $self;
}

# Ends the zombie of a daemon that a scenario has replaced.
sub reap { my ($self) = @_; waitpid $self->{daemon}->pid, POSIX::WNOHANG(); return }

sub dir { my ($self) = @_; return $self->{daemon}->dir }

sub connect_to {
    my ($dir) = @_;
    return Sys::Virt->new( uri => "qemu+unix:///session?socket=$dir/libvirt/libvirt-sock" );
}

sub domain { my ($dir) = @_; return connect_to($dir)->get_domain_by_name('echo') }

# The process in that file, if it is one of that folder.
sub pid_in {
    my ( $dir, $name ) = @_;
    open my $file, '<', $name or return;
    my ($pid) = <$file> =~ /(\d+)/ or return;
    open my $command, '<', "/proc/$pid/cmdline" or return;
    return ( <$command> // q{} ) =~ /\Q$dir\E/ ? $pid : undef;
}

# Sends the daemon a signal.
sub signal_daemon {
    my ( $dir, $signal ) = @_;
    my $pid = pid_in( $dir, "$dir/pid" ) or die "no daemon runs in $dir\n";
    kill $signal => $pid or die "kill: $!";
    return;
}

# Kills the daemon, and starts another; the guest lives on.
sub replace_daemon {
    my ($dir) = @_;
    my $pid = pid_in( $dir, "$dir/pid" ) or die "no daemon runs in $dir\n";
    kill KILL => $pid;
    Time::HiRes::sleep(0.01) while kill 0 => $pid;    # also until it is reaped: it has locked the console
    return Session->replace($dir);
}

sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{owner};
    local ( $?, $!, $@ );
    my $dir  = $self->dir;
    my @pids = grep { defined } map { pid_in( $dir, $_ ) } "$dir/pid",
        glob "$dir/*/qemu/run/echo.pid $dir/*/*/qemu/run/echo.pid";
    kill KILL => @pids if @pids;
    return;
}

1;
