# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The guest agent: time, names, file systems, users, CPUs, addresses.
use strict;
use warnings;

use Test::More;
use lib qw(t/lib xt/lib);
use Stack;
use Throws;

my $conn  = Stack::connect('a');
my $disk  = Stack::image( 'disk', 'raw', '64M' );
my $guest = Stack::boot(
    $conn,
    name    => 'main',
    agent   => 1,
    network => 1,
    vcpus   => 2,
    disks   => [
        "<disk type='file' device='disk'><driver name='qemu' type='raw' discard='unmap'/><source file='$disk'/>"
            . "<target dev='vda' bus='virtio'/></disk>"
    ],
);
Stack::in_guest( $guest, 'mke2fs /dev/vda >/dev/null 2>&1; mkdir -p /data; mount -t ext4 /dev/vda /data' );
my $mounted = Stack::in_guest( $guest, 'grep /data /proc/mounts' );
like( $mounted, qr{/dev/vda /data ext4}, 'the guest has a file system on its disk' );

subtest 'time' => sub {
    my $time = $guest->get_time;
    is( ref $time, 'ARRAY', 'a reference' );
    cmp_ok( abs( $time->[0] - time ), '<', 60,            'the guest has our time' );
    cmp_ok( $time->[1],               '<', 1_000_000_000, '... and nanoseconds' );
    Stack::lives( 'set', sub { $guest->set_time( 1_000_000_000, 5 ) } );
    my $seconds = $guest->get_time->[0] - 1_000_000_000;
    ok( $seconds >= 0 && $seconds < 60, '... to another year' ) || diag $seconds;
    Stack::lives( 'set from the clock', sub { $guest->set_time( 0, 0, Sys::Virt::Domain::TIME_SYNC ) } );
    Stack::lives( 'set back', sub { $guest->set_time( time, 0 ) } );
    cmp_ok( abs( $guest->get_time->[0] - time ), '<', 60, 'our time again' );
};

subtest 'its information' => sub {
    is( $guest->get_hostname(Sys::Virt::Domain::GET_HOSTNAME_AGENT), 'guest', 'its name' );
    my $info = $guest->get_guest_info;
    is( $info->{hostname}, 'guest', 'its name among the rest' );
    like( $info->{'os.kernel-release'}, qr/\A\d+[.]\d+/, 'its kernel' );
    is( $info->{'os.machine'},         'x86_64',   'its CPU' );
    is( $info->{'fs.count'},           1,          'one file system' );
    is( $info->{'fs.0.mountpoint'},    '/data',    '... its place' );
    is( $info->{'fs.0.disk.0.device'}, '/dev/vda', '... and its disk' );
    my $some = $guest->get_guest_info(
        Sys::Virt::Domain::GUEST_INFO_HOSTNAME | Sys::Virt::Domain::GUEST_INFO_TIMEZONE );
    is_deeply( [ sort grep { !/timezone/ } keys %$some ], ['hostname'], 'only what was asked for' );
    my @filesystems = $guest->get_fs_info;
    is_deeply( \@filesystems,
        [ { mountpoint => '/data', name => 'vda', fstype => 'ext4', devalias => ['vda'] } ],
        'file systems' );
    is_deeply( $guest->get_guest_vcpus, { vcpus => '0-1', online => '0-1', offlinable => '1' }, 'CPUs' );
};

subtest 'file systems' => sub {
    my @result = $guest->fs_freeze( ['/data'] );
    is_deeply( \@result, [1], 'one is frozen' );
    throws( 'what it refuses then',      qr/frozen|not allowed|disabled/i, sub { $guest->get_fs_info } );
    throws( 'libvirt thaws all or none', 'ARGUMENT_UNSUPPORTED', sub { $guest->fs_thaw( ['/data'] ) } );
    is_deeply( [ $guest->fs_thaw(undef) ],   [1], 'one is thawed' );
    is_deeply( [ $guest->fs_freeze(undef) ], [1], 'all are frozen' );
    is_deeply( [ $guest->fs_thaw(undef) ],   [1], '... and thawed' );
    is_deeply( [ $guest->fs_thaw(undef) ],   [0], 'nothing is frozen any more' );
    Stack::in_guest( $guest,
        'dd if=/dev/urandom of=/data/f bs=1M count=20 2>/dev/null; sync; rm /data/f; sync' );
    my $full = ( stat $disk )[12];
    Stack::lives( 'trimmed', sub { $guest->fs_trim( undef, 0 ) } );
    my $smaller = Stack::wait_for( 'a smaller image', 20, sub { ( stat $disk )[12] < $full - 10_000 } );
    ok( $smaller, '... so that the image takes less room' ) || diag $full, q{ }, ( stat $disk )[12];
    throws( 'libvirt trims all or none', 'ARGUMENT_UNSUPPORTED', sub { $guest->fs_trim( '/data', 0 ) } );
};

subtest 'users' => sub {
    Stack::lives( 'a password', sub { $guest->set_user_password( 'root', 'secret' ) } );
    my $shadow = Stack::in_guest( $guest, 'cat /etc/shadow' );
    like( $shadow, qr/^root:secret:/m, '... reaches the guest' );
    $guest->set_user_password( 'root', '$6$ready', Sys::Virt::Domain::PASSWORD_ENCRYPTED );
    like( Stack::in_guest( $guest, 'cat /etc/shadow' ), qr/^root:\$6\$ready:-e/m, 'an encrypted one' );
    my @keys = $guest->authorized_ssh_keys_get('root');
    is( scalar @keys, 1, 'one key' );
    like( $keys[0], qr/\Assh-rsa \S+ guest\z/, '... the one of the guest' );
    my $other = 'ssh-rsa AAAAother other';
    $guest->authorized_ssh_keys_set( 'root', [$other], Sys::Virt::Domain::AUTHORIZED_SSH_KEYS_SET_APPEND );
    is_deeply( [ sort $guest->authorized_ssh_keys_get('root') ], [ sort $keys[0], $other ], 'one more' );
    $guest->authorized_ssh_keys_set( 'root', [$other], Sys::Virt::Domain::AUTHORIZED_SSH_KEYS_SET_REMOVE );
    is_deeply( [ $guest->authorized_ssh_keys_get('root') ], [ $keys[0] ], '... removed' );
    $guest->authorized_ssh_keys_set( 'root', [$other] );
    is_deeply( [ $guest->authorized_ssh_keys_get('root') ], [$other], 'set' );
    $guest->authorized_ssh_keys_set( 'root', undef );
    is_deeply( [ $guest->authorized_ssh_keys_get('root') ], [], 'none' );
    throws( 'keys of an unknown user', qr/./, sub { $guest->authorized_ssh_keys_get('nobody') } );
};

subtest 'CPUs' => sub {
    $guest->set_guest_vcpus( '1', 0 );
    is( $guest->get_guest_vcpus->{online},                '0', 'one is off' );
    is( $guest->get_vcpus(Sys::Virt::Domain::VCPU_GUEST), 1,   '... as the guest says' );
    is( $guest->get_vcpus(Sys::Virt::Domain::VCPU_LIVE),  2,   '... the machine has two' );
    $guest->set_vcpus( 2, Sys::Virt::Domain::VCPU_GUEST );
    is( $guest->get_guest_vcpus->{online}, '0-1', 'both again' );
    throws( 'the first stays', qr/./, sub { $guest->set_guest_vcpus( '0', 0 ) } );
};

subtest 'addresses' => sub {
    my $by    = sub { my ($source) = @_; return [ $guest->get_interface_addresses($source) ] };
    my $ready = sub {    # a link-local IPv6 address is there before DHCP has answered
        grep     { $_->{type} == Sys::Virt::IP_ADDR_TYPE_IPV4 }
            map  { @{ $_->{addrs} } }
            grep { $_->{name} eq 'eth0' } @{ $by->(Sys::Virt::Domain::INTERFACE_ADDRESSES_SRC_AGENT) };
    };
    ok( Stack::wait_for( 'an address', 60, $ready ), 'DHCP has given an address' );
    my ($agent) = grep { $_->{name} eq 'eth0' } @{ $by->(Sys::Virt::Domain::INTERFACE_ADDRESSES_SRC_AGENT) };
    my ($loop)  = grep { $_->{name} eq 'lo' } @{ $by->(Sys::Virt::Domain::INTERFACE_ADDRESSES_SRC_AGENT) };
    is( $loop->{addrs}[0]{addr}, '127.0.0.1', 'the agent knows the loopback device' );
    my ($mine) = $guest->get_xml_description =~ /mac address='([^']+)'/;
    is( $agent->{hwaddr}, $mine, 'its MAC address' );
    my $lease = $by->(Sys::Virt::Domain::INTERFACE_ADDRESSES_SRC_LEASE);
    is( scalar @$lease,      1,     'one lease' );
    is( $lease->[0]{hwaddr}, $mine, '... for its MAC address' );
    my ($v4) = grep { $_->{type} == Sys::Virt::IP_ADDR_TYPE_IPV4 } @{ $agent->{addrs} };
    is_deeply( $lease->[0]{addrs}, [$v4], 'the lease and the agent agree' );
    like( $v4->{addr}, qr/\A192[.]168[.]122[.]\d+\z/, '... on an address of the default network' );

# Some sandboxes' kernels answer libvirt's question for the table of neighbors with nonsense: then all get an error.
    my $arp   = eval { $by->(Sys::Virt::Domain::INTERFACE_ADDRESSES_SRC_ARP) };
    my $virsh = eval { Stack::virsh( 'a', 'domifaddr', $guest->get_name, '--source', 'arp' ) };
    is( defined $arp,                        defined $virsh, 'the table of neighbors is read, if virsh can' );
    is( ( $arp // [] )->[0]{addrs}[0]{addr}, $v4->{addr},    '... with the same address' )
        if ( $virsh // q{} ) =~ /ipv4/;
    my ($network) = $conn->get_network_by_name('default');
    my ($entry)   = $network->get_dhcp_leases($mine);
    is( $entry->{ipaddr},   $v4->{addr}, 'the network reports the same' );
    is( $entry->{hostname}, 'guest',     '... and its name' );
    is( $guest->get_hostname(Sys::Virt::Domain::GET_HOSTNAME_LEASE), 'guest', '... as the domain does' );
    cmp_ok( $entry->{expirytime}, '>', time, '... for some time yet' );
    is_deeply( [ $network->get_dhcp_leases('52:54:00:00:00:01') ], [], 'no lease of another' );
};

subtest 'time-out, and no agent' => sub {
    Stack::lives( 'a time-out', sub { $guest->set_agent_response_timeout(10) } );
    Stack::in_guest( $guest,
        '(sleep 1; kill -STOP $(pidof qemu-ga); sleep 5; kill -CONT $(pidof qemu-ga)) >/dev/null 2>&1 &' );
    $guest->set_agent_response_timeout(1);
    my $unresponsive = sub {
        return !eval { $guest->get_time } && $@->code == Sys::Virt::Error::ERR_AGENT_UNRESPONSIVE;
    };
    ok( Stack::wait_for( 'no answer', 5, $unresponsive ), 'an agent that sleeps' );
    $guest->set_agent_response_timeout(Sys::Virt::Domain::AGENT_RESPONSE_TIMEOUT_BLOCK);
    ok( Stack::agent_ready($guest), 'awake' );
    my $mute = Stack::boot( $conn, name => 'mute' );
    throws( 'a guest without agent', 'ARGUMENT_UNSUPPORTED', sub { $mute->get_time } );
};

my $xml = $guest->get_xml_description;
Stack::same( "agent: $_", $guest, "\$dom->$_" )
    for 'get_fs_info', 'get_guest_vcpus', 'get_hostname(2)',
    'get_guest_info',     'get_guest_info(1)', 'get_guest_info(2)', 'get_guest_info(4)', 'get_guest_info(8)',
    'get_guest_info(16)', 'get_interface_addresses(0)', 'get_interface_addresses(1)',
    'authorized_ssh_keys_get("root")', 'get_time';

done_testing;
