# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The examples that need a hypervisor, and those that mean something else on one, as programs of their own: what they print, and
# what they do.
use strict;
use warnings;

use IPC::Open3 ();
use Test::More;
use lib 'xt/lib';
use Stack;

my @includes = map { "-I$_" } grep { !ref } @INC;
my ( $here, $there ) = map { Stack::connect($_) } qw(a b);
my $disk  = Stack::image( 'disk', 'raw', '16M' );
my $guest = Stack::boot(
    $here,
    name    => 'main',
    agent   => 1,
    network => 1,
    vcpus   => 2,
    disks   => [
              "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='$disk'/>"
            . "<target dev='vda' bus='virtio'/></disk>"
    ],
);
my $name = $guest->get_name;
my %tried;

# Starts an example on daemon a; the process and the ends of its pipes. Standard error goes where standard output goes.
sub start {
    my ( $example, @arguments ) = @_;
    $tried{$example} = 1;
    my $pid = IPC::Open3::open3(
        my $in,    my $out,                undef,   $^X,
        @includes, "examples/$example.pl", '--uri', Stack::uri('a'),
        @arguments
    );
    return { pid => $pid, in => $in, out => $out };
}

# Its output and status, once it has ended.
sub finish {
    my ($run) = @_;
    close $run->{in};
    my $output = do { local $/ = undef; readline $run->{out} };
    waitpid $run->{pid}, 0;
    return ( $output // q{}, $? );
}

# Runs an example, which must succeed and print what matches; the output.
sub prints {
    my ( $pattern, $example, @arguments ) = @_;
    my ( $output, $status ) = finish( start( $example, @arguments ) );
    is( $status, 0, "$example: status" ) or diag $output;
    like( $output, $pattern, "$example: output" );
    return $output;
}

# The output of an example on a terminal, where it draws a bar.
sub on_terminal {
    my ( $example, @arguments ) = @_;
    my $command = join q{ }, map { "'$_'" } $^X, @includes, "examples/$example.pl", '--uri', Stack::uri('a'),
        @arguments;
    return Stack::command( 'script', '--quiet', '--return', '--command', $command, '/dev/null' );
}
ok( eval { require Term::ProgressBar; 1 }, 'Term::ProgressBar is there (Debian: libterm-progressbar-perl)' );

subtest 'console' => sub {
    my $run = start( 'console', $name );
    my ( $seen, $tick ) = ( q{}, 0 );
    my $shown = Stack::wait_for(
        'an answer on the console',
        30,
        sub {
            syswrite $run->{in}, "echo on_\$((40+2))\n" if $tick++ % 20 == 0;    # until its shell listens
            my $ready = q{};
            vec( $ready, fileno $run->{out}, 1 ) = 1;
            sysread $run->{out}, $seen, 4096, length $seen if select $ready, undef, undef, 0;
            return $seen =~ /\bon_42\b/;
        }
    );
    ok( $shown, 'what is typed reaches the guest, what it writes comes back' ) || diag $seen;
    syswrite $run->{in}, "\x1d";
    my ( $rest, $status ) = finish($run);
    is( $status, 0, 'Control-] ends it' ) || diag $rest;
};

subtest 'agent' => sub {
    my $info = prints( qr/^hostname +guest$/m, 'guest-info', $name );
    like( $info, qr/^os[.]machine +x86_64$/m, '... and its CPU' );

    Stack::in_guest( $guest,
        'mke2fs /dev/vda >/dev/null 2>&1; mkdir -p /data; mount -t ext4 /dev/vda /data' );
    my $marker = Stack::file('frozen');
    my $ask =
        "virsh -q -c '@{[ Stack::uri('a') ]}' qemu-agent-command $name '{\"execute\":\"guest-fsfreeze-status\"}' >$marker";
    prints( qr/\A1 file systems are frozen\n1 file systems are thawed\n\z/,
        'freeze', $name, 'sh', '-c', $ask );
    like( Stack::slurp($marker), qr/"return":"frozen"/, '... frozen while the command ran' );
    is( Stack::agent( $guest, 'guest-fsfreeze-status' ), 'thawed', '... and not after it' );
    my ( undef, $status ) = finish( start( 'freeze', $name, 'false' ) );
    is( $status >> 8,                                    1,        "... with the command's status" );
    is( Stack::agent( $guest, 'guest-fsfreeze-status' ), 'thawed', '... also after a command that failed' );
};

subtest 'addresses' => sub {
    my ($mac) = $guest->get_xml_description =~ /<mac address='(.*?)'/;
    ok(
        Stack::wait_for(
            'a lease',
            30,
            sub {
                grep { @{ $_->{addrs} } } $guest->get_interface_addresses(0);
            }
        ),
        'the guest has a lease'
    );
    my $lease = prints( qr{^vnet\d+ +$mac\n +192[.]168[.]\d+[.]\d+/24$}m, 'addresses', $name );
    my ($address) = $lease =~ m{([\d.]+)/24};
    prints( qr{^eth0 +$mac\n(?: +\S+\n)* +\Q$address\E/24$}m, 'addresses', '--source', 'agent', $name );
    my $leases = prints( qr{^$mac +\Q$address\E/24 +\S+ +until \w+ }m, 'leases', 'default' );
    my ($year) = $leases =~ /(\d{4})$/m;
    is( $year, 1900 + ( localtime( time + 1800 ) )[5], '... until a time to come' );
};

subtest 'CPUs and memory' => sub {
    prints( qr/\A[\d,]+\n\z/, 'emulator-pin', $name );
    prints( qr/\A0\n\z/, 'emulator-pin', $name, 0 );
    is( vec( scalar $guest->get_emulator_pin_info, 1, 1 ), 0, '... no longer on the other CPU' );
    prints( qr/^vCPU 1 on CPU \d+, may run on 1$/m, 'vcpu-pin', $name, 1, 1 );
    is( ord( ( $guest->get_vcpu_info )[1]{affinity} ) & 3, 2, '... is bound so' );
    prints( qr/ KiB of at most 131072 KiB\n.*^ +rss +\d+$/ms, 'memory', $name, 122_880 );
    ok( Stack::wait_for( 'the balloon', 20, sub { $guest->get_info->{memory} == 122_880 } ), '... is set' );
    prints( qr/^ *\d+[.]\d +\d+(?: +\d+){4}  \Q$name\E\n\n.* +\d+(?: +\d+){4}  \Q$name\E$/ms,
        'top', '--interval', 0.2, '--count', 2 );
    prints( qr/^\Q$name\E +running +2 vCPU/m, 'inventory' );
    prints( qr/\A\Q$name\E\n.*Persistent +no/s, 'domain-info', $name );
};

subtest 'volumes' => sub {
    my $dir = Stack::file('pool');
    mkdir $dir;
    my $pool_name = Stack::label() . '-pool';
    my $pool      = $here->create_storage_pool(
        "<pool type='dir'><name>$pool_name</name><target><path>$dir</path></target></pool>");
    prints( qr{\A\Q$dir\E/one\n\z}, 'volume-create', $pool_name, 'one', 4 );
    is( -s "$dir/one", 4 * 1024 * 1024, '... of 4 MiB' );
    my ( $from, $to ) = ( Stack::file('from'), Stack::file('to') );
    my $data = join q{}, map { pack 'N', $_ * 2_654_435_761 % 4_294_967_296 } 1 .. 1_048_576;
    open my $file, '>:raw', $from or die $!;
    print {$file} $data;
    close $file or die $!;
    prints( qr/\A4194304 bytes\n\z/, 'volume-upload', $pool_name, 'one', $from );
    ok( Stack::slurp("$dir/one") eq $data, '... is in the volume' );
    prints( qr/\A4194304 bytes\n\z/, 'volume-download', $pool_name, 'one', $to );
    ok( Stack::slurp($to) eq $data, '... and comes back' );
    unlink $to or die $!;

    for my $case ( [ 'volume-upload', $from ], [ 'volume-download', $to ] ) {
        my ( $example, $local ) = @$case;
        like(
            on_terminal( $example, $pool_name, 'one', $local ),
            qr/ 0% \[.*100% \[=+\].*^4194304 bytes/ms,
            "$example: a bar on a terminal"
        );
    }
    ok( Stack::slurp($to) eq $data, '... and the same data' );
    prints( qr/^\Q$pool_name\E .*\bone\b/ms, 'pools' );
    $pool->destroy;
};

subtest 'secrets' => sub {
    my $path = Stack::label() . '-volume';
    my $run  = start( 'secrets', $path );
    print { $run->{in} } "a word\n";
    my ( $output, $status ) = finish($run);
    is( $status, 0, 'stored' ) || diag $output;
    like( $output, qr/\A[0-9a-f-]{36} holds 6 bytes\n\z/, '... says which' );
    my $find = sub {
        return eval { $here->get_secret_by_usage( Sys::Virt::Secret::USAGE_TYPE_VOLUME, $path ) };
    };
    is( $find->()->get_value, 'a word', '... is in libvirt' );
    prints( qr/\A\z/, 'secrets', '--delete', $path );
    is( $find->(), undef, '... no longer exists' );
};

subtest 'events, saving and restoring' => sub {
    Stack::in_guest( $guest, 'umount /data; echo memory >/tmp/mark' );
    my $events = start( 'events', '--seconds', 15 );
    sleep 2;    # for its connection
    my $file = Stack::file('save');
    prints( qr/is saved to \Q$file\E, \d{5,} bytes\n\Q$name\E is restored, running\n\z/,
        'save-restore', $name, $file );
    ok( !-e $file,                  '... and the file is deleted' );
    ok( Stack::agent_ready($guest), 'its agent answers' );
    is( Stack::in_guest( $guest, 'cat /tmp/mark' ), "memory\n", 'its memory is what it was' );
    my ($told) = finish($events);
    like( $told, qr/^\Q$name\E: stopped .*^\Q$name\E: started .*^\Q$name\E: resumed /ms,
        'events: prints it' );
};

subtest 'migration' => sub {

    # Daemon b has no network for the other one.
    $guest->destroy;
    $guest = Stack::boot( $here, name => 'moving', agent => 1 );
    $name  = $guest->get_name;
    prints( qr/\Ano job\n\z/, 'job', $name );

    # Slow enough to be observed, and aborted.
    $guest->migrate_set_max_speed(1);
    my $run = start( 'migrate', $name, Stack::uri('b') );
    my $job;
    my $seen = Stack::wait_for( 'the job', 30,
        sub { ($job) = finish( start( 'job', $name ) ); return $job =~ /^data_processed +[1-9]/m } );
    ok( $seen, 'job: shows a migration' ) || diag $job;
    sleep 3;    # for some progress
    prints( qr/\A\z/, 'job', '--abort', $name );
    my ( $output, $status ) = finish($run);
    isnt( $status, 0, 'migrate: canceled' );
    like( $output, qr/^ *\d+ %$/m,   '... had shown how far it was' );
    like( $output, qr/abort|cancel/, '... and says why it ended' );
    is( $guest->is_active, 1, 'the guest is here' );

    $guest->migrate_set_max_speed(10);
    my $shown = on_terminal( 'migrate', $name, Stack::uri('b') );
    like( $shown, qr/ 0% \[.* [2-9]\d% \[=/s,          'migrate: a bar on a terminal' );
    like( $shown, qr/^\Q$name\E runs on [\w.-]+\r?$/m, '... and says where it went' );
    my $moved = $there->get_domain_by_name($name);
    is( $moved->is_active, 1, '... so it does' );
    ok( Stack::agent_ready($moved), '... and its agent answers' );
    $moved->destroy;
};

subtest 'snapshots' => sub {
    my $image = Stack::image( 'image', 'qcow2', '16M' );
    my $off   = $here->define_domain(
        Stack::xml(
            name  => 'off',
            disks => [
                "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='$image'/>"
                    . "<target dev='vda' bus='virtio'/></disk>"
            ]
        )
    );
    prints( qr/\Aone [(]current[)]\n\z/,        'snapshots', $off->get_name, 'one' );
    prints( qr/\Aone\n  two [(]current[)]\n\z/, 'snapshots', $off->get_name, 'two' );
    like( Stack::command( 'qemu-img', 'snapshot', '-l', $image ),
        qr/\bone\b.*\btwo\b/s, '... are in the image' );
};

prints( qr/^QEMU \d.*libvirt \d/,        'capabilities' );
prints( qr/^default +virbr\S* +active/m, 'networks' );

# Every example with a star was tried, or has a test of its own: backup.t, examples-disks.t, qemu.t, admin.t, console.t.
$tried{$_} = 1 for qw(backup clone cloud-init external-snapshot agent qmp daemon login);
open my $readme, '<', 'examples/README.md' or die $!;
my @starred = map { /^\| (\S+)[.]pl [*] \|/ ? $1 : () } <$readme>;
cmp_ok( scalar @starred, '>=', 8, 'examples with a star' );
is( join( q{ }, grep { !$tried{$_} } @starred ), q{}, '... all of them were run' );

done_testing;
