# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The examples that copy, freeze and describe disks, and those that describe a host, each as a program on a real hypervisor.
# backup.pl has a test of its own.
use strict;
use warnings;

use JSON::PP ();
use Test::More;
use lib 'xt/lib';
use Stack;

my @includes = map { "-I$_" } grep { !ref } @INC;
my $conn     = Stack::connect('a');
my $label    = Stack::label();
my $dir      = Stack::file('pool');
mkdir $dir or die $!;
my $pool = $conn->create_storage_pool(
    "<pool type='dir'><name>$label-pool</name><target><path>$dir</path></target></pool>");
my $volume = $pool->create_volume(
    "<volume><name>$label-main.qcow2</name><capacity unit='MiB'>16</capacity><target><format type='qcow2'/></target></volume>"
);
my $disk  = $volume->get_path;
my $guest = Stack::boot(
    $conn,
    name    => 'main',
    agent   => 1,
    network => 1,
    define  => 1,
    disks   => [
              "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='$disk'/>"
            . "<target dev='vda' bus='virtio'/></disk>"
    ],
);
my $name = $guest->get_name;

# Runs an example on daemon a: its output, and its status.
sub example {
    my ( $example, @arguments ) = @_;
    open my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>&1 </dev/null', 'sh', $^X, @includes,
        "examples/$example.pl", '--uri', Stack::uri('a'), @arguments
        or die $!;
    my $output = do { local $/ = undef; <$pipe> };
    close $pipe;
    return ( $output // q{}, $? );
}

# Runs an example, which must succeed and print what matches; the output.
sub prints {
    my ( $pattern, $example, @arguments ) = @_;
    my ( $output, $status ) = example( $example, @arguments );
    is( $status, 0, "$example @arguments: status" ) or diag $output;
    like( $output, $pattern, "$example: output" );
    return $output;
}

sub source {
    my ($source) = $guest->get_xml_description =~ m{<disk .*?<source file='([^']+)'}s;
    return $source;
}

subtest 'exporter' => sub {
    my $page = prints( qr/^libvirt_state[{]domain="\Q$name\E",uuid="[0-9a-f-]{36}",state="running"[}] 1$/m,
        'exporter' );
    for my $metric (qw(cpu_seconds_total memory_bytes vcpus)) {
        like( $page, qr/^libvirt_$metric[{]domain="\Q$name\E",uuid="[^"]+"[}] [\d.e+-]+$/m, "... $metric" );
    }
    like( $page, qr/^libvirt_block_read_bytes_total[{].*,device="vda"[}] \d+$/m,          '... a disk' );
    like( $page, qr/^libvirt_network_receive_bytes_total[{].*,device="vnet\d+"[}] \d+$/m, '... a card' );
    like( $page, qr/^libvirt_memory_bytes[{].*[}] 134217728$/m, '... bytes, not KiB' );
    my @wrong =
        grep { !/\A(?:# (?:HELP|TYPE) \w+ .+|\w+(?:[{](?:\w+="[^"]*",?)+[}])? -?[\d.e+-]+)\z/ } split /\n/,
        $page;
    is( "@wrong", q{}, '... every line has the form of the format' );
    my %typed = map { $_ => 1 } $page =~ /^# TYPE (\w+)/mg;
    is( join( q{ }, grep { !$typed{$_} } $page =~ /^(libvirt_\w+)/mg ), q{}, '... and a type before it' );
    my $file = Stack::file('metrics.prom');
    prints( qr/\A\z/, 'exporter', '--output', $file );
    like( Stack::slurp($file), qr/^libvirt_up 1$/m, '... to a file' );
};

subtest 'inventory' => sub {
    Stack::wait_for(
        'a lease',
        30,
        sub {
            grep { @{ $_->{addrs} } } $guest->get_interface_addresses(0);
        }
    );
    prints( qr/^\Q$name\E +running +1 vCPU +128 MiB +192[.]168[.]\d+[.]\d+ /m, 'inventory' );
    my $all  = JSON::PP::decode_json( ( example( 'inventory', '--list' ) )[0] );
    my $host = $all->{_meta}{hostvars}{$name};
    like( $host->{ansible_host}, qr/\A192[.]168[.]/, '... an address for Ansible' );
    ok( ( grep { $_ eq $name } @{ $all->{running}{hosts} } ), '... in the group of its state' );
    is_deeply( JSON::PP::decode_json( ( example( 'inventory', '--host', $name ) )[0] ),
        $host, '... one host' );
    like( ( example( 'inventory', '--json' ) )[0], qr/"memory_mib" : 128,/, '... numbers are numbers' );
};

subtest 'graph' => sub {
    my $graph = prints( qr/^"domain \Q$name\E" \[.*label="\Q$name\E\\nrunning\\n1 vCPU, 128 MiB"/m, 'graph' );
    like(
        $graph,
        qr/^"network default" -- "domain \Q$name\E" \[label="52:54:[0-9a-f:]+"\];$/m,
        '... its network'
    );
    like( $graph, qr/^"pool $label-pool" -- "domain \Q$name\E" \[label="vda"\];$/m, '... its pool' );
};

subtest 'external snapshot' => sub {
    my $overlay = "$dir/overlay.qcow2";
    prints( qr/\A\Q$disk\E no longer changes and can be copied; \Q$name\E writes to \Q$overlay\E\n\z/,
        'external-snapshot', 'create', $name, $overlay );
    is( source(), $overlay, '... the disk is the new image' );
    my $before = Stack::command( 'qemu-img', 'map', '-U', '--output=json', $disk );
    Stack::in_guest( $guest,
        'head -c 1048576 /dev/zero | tr "\\0" X | dd of=/dev/vda bs=1M seek=4 2>/dev/null; sync' );
    is( Stack::command( 'qemu-img', 'map', '-U', '--output=json', $disk ),
        $before, '... and the old one does not change' );
    prints( qr/\A\Q$name\E writes to \Q$disk\E again; \Q$overlay\E is no longer needed\n\z/,
        'external-snapshot', 'commit', $name );
    is( source(), $disk, '... the disk is the old image again' );
    is( Stack::in_guest( $guest, 'dd if=/dev/vda bs=1M skip=4 count=1 2>/dev/null | tr -d X | wc -c' ),
        "0\n", '... with what was written in between' );
    my ( $output, $status ) = example( 'external-snapshot', '--disk', 'vdz', 'commit', $name );
    isnt( $status, 0, 'a disk that is not there' );
};

subtest 'rotate' => sub {
    $guest->destroy;
    for my $number ( 1 .. 4 ) {
        prints( qr/^created rotate-$number$/m, 'rotate', '--keep', 3, $name );
    }
    is(
        join( q{ }, sort map { $_->get_name } $guest->list_all_snapshots ),
        'rotate-2 rotate-3 rotate-4',
        'the newest three are kept, though all are of a few seconds'
    );
    $_->delete for $guest->list_all_snapshots;
};

subtest 'clone' => sub {
    prints( qr{\A\Q$disk\E -> \Q$dir/$label-copy.qcow2\E\n$label-copy is defined\n\z},
        'clone', $name, "$label-copy" );
    my $copy = $conn->get_domain_by_name("$label-copy");
    isnt( $copy->get_uuid_string, $guest->get_uuid_string, '... with a UUID of its own' );
    my ( $one, $other ) = map { m{<mac address='(.*?)'} } map { $_->get_xml_description } $guest, $copy;
    isnt( $one, $other, '... and a MAC address' );
    Stack::command( 'qemu-img', 'compare', '-q', $disk, "$dir/$label-copy.qcow2" );
    pass('... and the same data');
    my ( $output, $status ) = example( 'clone', $name, "$label-copy" );
    isnt( $status, 0, 'a name that is taken' );
    is( join( q{ }, map { $_->get_name } grep { $_->get_name =~ /copy/ } $pool->list_all_volumes ),
        "$label-copy.qcow2", '... leaves no further volume' );
    $guest->create;
    ( $output, $status ) = example( 'clone', $name, "$label-other" );
    like( $output, qr/is running: its disks/, 'a domain that runs is refused' );
    $guest->destroy;
};

SKIP: {
    skip( 'genisoimage is not installed', 1 ) if !grep { -x "$_/genisoimage" } split /:/, $ENV{PATH};
    subtest 'cloud-init' => sub {
        prints(
            qr/\A$label-cloud is starting from a copy of $label-main.qcow2, as user operator\n\z/,
            'cloud-init',   '--type', 'qemu', '--user', 'operator', '--key', 'ssh-ed25519 AAAA key',
            '--memory',     64,
            "$label-cloud", "$label-pool", "$label-main.qcow2"
        );
        my $dom = $conn->get_domain_by_name("$label-cloud");
        is( $dom->is_active, 1, '... runs' );
        my $info = Stack::command( 'qemu-img', 'info', '-U', "$dir/$label-cloud.qcow2" );
        like( $info, qr/^backing file: \Q$disk\E/m, '... from an overlay of the image' );
        my $seed = Stack::command( 'isoinfo', '-i', "$dir/$label-cloud-seed.iso", '-R', '-x', '/user-data' );
        like(
            $seed,
            qr/\A#cloud-config\n[{].*"name":"operator".*"ssh_authorized_keys":\["ssh-ed25519 AAAA key"\]/s,
            '... with its settings'
        );
        like(
            Stack::command( 'isoinfo', '-d', '-i', "$dir/$label-cloud-seed.iso" ),
            qr/^Volume id: cidata$/m,
            '... and their label'
        );
        my ( $output, $status ) = example(
            'cloud-init', '--type',     'qemu',        '--network',
            'none',       "$label-bad", "$label-pool", "$label-main.qcow2"
        );
        isnt( $status, 0, 'a network that is not there' );
        is( scalar( () = map { $_->get_name } grep { $_->get_name =~ /bad/ } $pool->list_all_volumes ),
            0, '... leaves no volume' );
    };
}

subtest 'check' => sub {
    prints( qr/\ALIBVIRT OK - \d+ of \d+ domains running/, 'check' );
    my ( $output, $status ) = example( 'check', '--running', $name );
    is( $status >> 8, 2, 'a domain that should run and does not: CRITICAL' );
    like( $output, qr/\ALIBVIRT CRITICAL - not running: \Q$name\E; /, '... by name' );
};

$_->destroy for grep { $_->is_active } grep { $_->get_name =~ /\A$label-/ } $conn->list_all_domains;
$pool->destroy;
done_testing;
