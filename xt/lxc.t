# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A process enters a real container, on a libvirtd of its own in a mount namespace of its own. Needs root, and Debian's
# libvirt-daemon-driver-lxc. cgroup2 without controllers, beside cgroup 1, is unmounted there: libvirt takes it for the container's.
use strict;
use warnings;

use File::Temp ();
use Test::More;

-x '/usr/lib/libvirt/libvirt_lxc' && $> == 0 or plan skip_all => 'needs root and libvirt-daemon-driver-lxc';
my $dir     = File::Temp->newdir;
my $program = <<'PERL';
use strict; use warnings; use Sys::Virt; use Sys::Virt::LXC;
$| = 1;
my $dom = Sys::Virt->new( uri => 'lxc:///system' )->create_domain(<<'XML');
<domain type='lxc'><name>box</name><memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type>exe</type><init>/bin/sh</init>
<initarg>-c</initarg><initarg>while :; do sleep 1; done</initarg></os><devices><console type='pty'/></devices></domain>
XML
my @files;
for ( 1 .. 50 ) { @files = eval { Sys::Virt::LXC::open_namespace($dom) } and last; select undef, undef, undef, 0.2 }
print scalar(@files), " namespaces\n";
my $pid = fork // die $!;
if ( !$pid ) {
    my @old = Sys::Virt::LXC::enter_namespace( $dom, \@files );
    print scalar(@old), " left\n";
    my $first = 'n=0; until grep -q while /proc/1/cmdline || [ $((n += 1)) = 100 ]; do sleep 0.1; done';
    exec 'sh', '-c', 'sh -c "echo process \$\$"; ' . $first . '; tr "\\0" " " </proc/1/cmdline' or die $!;
}
waitpid $pid, 0;
$dom->destroy;
PERL
open my $file, '>', "$dir/program.pl" or die $!;
print {$file} $program;
close $file or die $!;
my $script = <<'SH';
dir=$1; shift
umount /sys/fs/cgroup/unified 2>/dev/null
for p in etc/libvirt var/lib/libvirt run/libvirt var/cache/libvirt var/log/libvirt; do
    mkdir -p "$dir/$p" "/$p"; mount --bind "$dir/$p" "/$p" || exit 1
done
echo 'auth_unix_rw = "none"' >/etc/libvirt/libvirtd.conf
virtlogd --daemon --pid-file /run/libvirt/virtlogd.pid
libvirtd --daemon --pid-file /run/libvirt/libvirtd.pid
for i in 1 2 3 4 5 6 7 8 9 10; do [ -S /run/libvirt/libvirt-sock ] && break; sleep 1; done
timeout 60 "$@" 2>&1
kill $(cat /run/libvirt/libvirtd.pid) $(cat /run/libvirt/virtlogd.pid)
SH
my @command = ( 'unshare', '-m', '--propagation', 'private', 'sh', '-c', $script, 'sh', "$dir" );
open my $pipe, '-|', @command, $^X, ( map { "-I$_" } grep { !ref } @INC ), "$dir/program.pl" or die $!;
my $text = do { local $/ = undef; <$pipe> };
close $pipe;
like( $text, qr/^[1-9]\d* namespaces$/m,       'namespaces of a container' );
like( $text, qr/^[1-9]\d* left$/m,             'this process has left its own' );
like( $text, qr/^process \d{1,2}$/m,           '... and its child is one of the container' );
like( $text, qr{/bin/sh -c while :; do sleep}, '... beside the first one there' ) or diag $text;

done_testing;
