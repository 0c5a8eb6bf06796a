# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The samples of Sys::Virt::Cookbook, and the synopses of other pages, that need QEMU run as they stand; only the names of domain,
# pool and hosts are replaced.
use strict;
use warnings;

use Cwd ();
use Test::More;
use lib 'xt/lib';
use Samples;
use Stack;

my $top  = Cwd::getcwd();
my $conn = Stack::connect('a');
my $disk = Stack::image( 'web.qcow2', 'qcow2', '64M' );
Stack::boot(
    $conn,
    name    => 'web',
    define  => 1,
    agent   => 1,
    network => 1,
    disks   => [
              "<disk type='file'><driver name='qemu' type='qcow2'/><source file='$disk'/>"
            . "<target dev='vda' bus='virtio'/></disk>"
    ],
);
my $folder = Stack::file('pool');
mkdir $folder or die $!;
$conn->create_storage_pool(
    "<pool type='dir'><name>cookbook-pool</name><target><path>$folder</path></target></pool>");
Stack::boot( $conn, name => 'mobile' );

my ( %sample, %ran );
for my $sample ( Samples::all('lib/Sys/Virt/Cookbook.pod') ) {
    $sample{ $sample->{section} } = $sample->{text}
        if !$sample->{runs} || $sample->{section} =~ /your own event loop/;
}
for my $page ( glob 'lib/Sys/*.pod lib/Sys/Virt/*.pod' ) {
    my ($class) = $page =~ m{(\w+)[.]pod\z};
    next if $class eq 'Cookbook';
    for my $sample ( Samples::all($page) ) {
        $sample{"$class, $sample->{section}"} = $sample->{text} if $sample->{complete} && !$sample->{runs};
    }
}

# The command that runs a section's sample, in the scratch folder, with the daemon as qemu:///system.
sub command {
    my ( $section, @arguments ) = @_;
    $ran{$section} = 1;
    my $text  = $sample{$section} // die "no sample in $section\n";
    my $guest = $section =~ /MIGRATION/ ? 'cookbook-mobile' : 'cookbook-web';
    $text =~ s/'web'/'$guest'/g;
    $text =~ s/'default'/'cookbook-pool'/g if $section !~ /NetworkPort/;
    my $script = Stack::file('sample.pl');
    open my $file, '>', $script or die $!;
    print {$file} $text;
    close $file or die $!;
    my @perl = ( $^X, map { "-I$top/blib/$_" } qw(lib arch) );
    return Stack::inside_command( 'sh', '-c', 'cd "$1" && shift && exec timeout 120 "$@" 2>&1 </dev/null',
        'sh', Stack::file(q{}), @perl, $script, @arguments );
}

# Runs it; what it printed.
sub sample {
    my ( $section, $what, @arguments ) = @_;
    my $output = eval { Stack::command( command( $section, @arguments ) ) };
    ok( defined $output, "$section: $what" ) or diag $@;
    return $output // q{};
}

my $extra = Stack::image( 'data.qcow2', 'qcow2', '32M' );
is( sample( 'Attach a disk', 'runs', $extra ), "vdb has 33554432 bytes\n", '... with the size of the image' );

open my $file, '>:raw', Stack::file('up.img') or die $!;
seek $file, 3 * 2**20, 0 or die $!;
print {$file} 'x' x 2**20;
close $file or die $!;
like(
    sample( 'Upload a volume', 'runs', 'up.img' ),
    qr/100 %\n\Q$folder\E\/up[.]img: 4194304 bytes\n\z/,
    '... and says what it did'
);
is( Stack::slurp("$folder/up.img"), Stack::slurp( Stack::file('up.img') ), '... and the bytes are there' );
Stack::command( 'cp', '--sparse=always', Stack::file('up.img'), "$folder/up.img" );
rename Stack::file('up.img'), Stack::file('original') or die $!;
is( sample( 'Download a volume', 'runs', 'up.img' ), "up.img: 4194304 bytes\n", '... and says what it did' );
is(
    Stack::slurp( Stack::file('up.img') ),
    Stack::slurp( Stack::file('original') ),
    '... and the bytes came back'
);
cmp_ok( ( stat Stack::file('up.img') )[12] * 512, '<', 2 * 2**20, '... with the hole' );

is(
    sample( 'Back up a volume through a program', 'runs', 'up.img' ),
    "up.img.gz: 4194304 bytes\n",
    '... and says what it did'
);
ok( Stack::command( 'gunzip', '-c', Stack::file('up.img.gz') ) eq Stack::slurp( Stack::file('original') ),
    '... and it is the volume' );
is(
    sample( 'Search a volume', 'runs', 'up.img' ),
    "1048576 of 4194304 bytes are in blocks that are not empty\n",
    '... and finds the data'
);

is(
    sample( 'MEMORY OF A GUEST', 'runs', 'memory.bin' ),
    "memory.bin: 4194304 bytes\n",
    '... and says what it did'
);
my $memory = Stack::slurp( Stack::file('memory.bin') );
is( length $memory, 4 * 2**20, '... and that is the file' );
cmp_ok( $memory =~ tr/\0//c, '>', 100_000, '... which is not empty' );

like(
    sample( 'Log in and run a command', 'runs' ),
    qr/^Linux .*x86_64/m,
    '... and shows the output of the guest'
);
like( sample( 'In an event loop',  'runs' ), qr/^Linux .*x86_64/m,   '... and shows it' );
like( sample( 'Console, SYNOPSIS', 'runs' ), qr/^the kernel is \d/m, '... and shows the release' );
like(
    sample( 'Operating system and file systems of a guest', 'runs' ),
    qr/^os[.]kernel-release = \S/m,
    '... and shows what the agent says'
);

is( sample( 'A command in the guest', 'runs' ), "Linux\nstatus 0\n", '... and shows output and status' );
like(
    sample( 'Commands to QEMU', 'runs' ),
    qr/^query-version: \d+[.]\d+[.]\d+\nquery-nothing: CommandNotFound: \w/m,
    '... and distinguishes errors'
);
is(
    sample( "Events of QEMU's monitor", 'runs' ),
    "cookbook-web STOP \ncookbook-web RESUME \n",
    '... and shows both'
);
like( sample( 'Clients and limits', 'runs' ), qr/^\d+: root since \w/m, '... and shows clients' );
is(
    sample( 'QEMU, ERRORS', 'runs' ),
    "CommandNotFound: The command query-nothing has not been found\n",
    '... and shows class and message'
);
like( sample( 'Admin, SYNOPSIS', 'runs' ), qr/^libvirtd: \d+ of \d+ clients$/m, '... and shows limits' );

like( sample( 'QEMU, SYNOPSIS', 'runs' ), qr/\A\w+ \w.*\d\nrunning\n\z/, '... and shows time and state' );
like(
    sample( 'NWFilter, SYNOPSIS', 'runs' ),
    qr/\Ano-mail [-0-9a-f]{36}\n\z/,
    '... and prints what it defined'
);
is( sample( 'Secret, SYNOPSIS', 'runs' ), "/disk.luks holds 12 bytes\n",
    '... and reads back what it stored' );
like(
    sample( 'NetworkPort, SYNOPSIS', 'runs' ),
    qr/^[-0-9a-f]{36} not limited$/m,
    '... and finds the port of the guest'
);
is( sample( 'NWFilterBinding, SYNOPSIS', 'runs' ),
    q{}, '... and finds no binding, because nothing is filtered' );

like(
    sample( 'Wait for a guest to boot', 'runs' ),
    qr/\A\d+[.]\d+[.]\d+[.]\d+\n\z/,
    '... and prints its address'
);
my $copy = Stack::file('web-new.qcow2');
like(
    sample( 'Wait for the copy of a disk', 'runs', $copy ),
    qr/^100 %\nthe guest uses \Q$copy\E\n\z/m,
    '... to the end'
);

my $backups = Stack::file('backups');
mkdir $backups or die $!;
like( sample( 'BACKUP', 'runs', $backups ), qr/backup-\d+T\d+[.]qcow2 is complete\n\z/, '... completely' );
sleep 1;    # its name is the time in seconds
like(
    sample( 'BACKUP', 'runs again', $backups ),
    qr/backup-\d+T\d+[.]qcow2 is complete\n\z/,
    '... incrementally'
);
my @backups = sort glob "$backups/*.qcow2";
is( scalar @backups, 2, '... into two files' );
cmp_ok( -s $backups[1], '<=', -s $backups[0], '... the second not larger' );

like(
    sample( 'MIGRATION WITH PROGRESS', 'runs', 'qemu+tcp://stack-b:16510/system' ),
    qr/\A +\d+ %, \d+ MiB left\n.*^100 %, .*^cookbook-mobile is on stack-b$/ms,
    '... with progress, to the other host'
);

is( sample( 'With your own event loop', 'runs', 'qemu:///system', 'cookbook-web' ),
    "events 3 4\n", '... with file descriptors, over a connection to the daemon' );

# The daemon ends while the sample watches it. This test's own connection breaks too.
$SIG{PIPE} = 'IGNORE';
open my $watch, '-|', command('Detect that the daemon has died') or die $!;
sleep 3;
Stack::control( 'daemon', 'a', 'restart' );
my $said = do { local $/ = undef; <$watch> };
ok( close $watch, 'Detect that the daemon has died: runs' );
is( $said, "the daemon has ended\n", '... and reports that the daemon has ended' );

is_deeply(
    [ grep { !$ran{$_} } sort keys %sample ],
    [ 'LXC, SYNOPSIS', 'With a password' ],
    'all samples have run, except the one in auth.t and the one for containers'
);

done_testing;
