# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Every example runs on the test driver, has a --help, and uses the connection that --uri names.
use strict;
use warnings;

use File::Temp ();
use Test::More;
use lib 'xt/lib';
use Samples;

sub slurp {
    my ($name) = @_;
    open my $file, '<', $name or die "$name: $!";
    local $/ = undef;
    return scalar <$file>;
}

my @includes = map { "-I$_" } grep { !ref } @INC;

sub run {
    my (@command) = @_;
    open my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>&1 </dev/null', 'sh', $^X, @includes, @command or die $!;
    my $output = do { local $/ = undef; <$pipe> };
    close $pipe;
    return ( $output // q{}, $? );
}

# The arguments of each example on the test driver, and its output. Examples that the test driver does not support end with the reason,
# and a status that perl makes of whatever errno is left at that time: those are tried on a real libvirt as well.
my $saved       = File::Temp->new;
my $unsupported = [ 'dies', qr/\Alibvirt error code: 3, message: this function is not supported/ ];
my %expected    = (
    'await'        => [ [],             0, qr/\Atest +running +2 vCPUs, \d+ KiB\n\z/ ],
    'live-page'    => [ [ 'get', '/' ], 0, qr{<td>test</td><td>RUNNING</td>} ],
    'addresses'    => [ ['test'],       0, qr{^testnet0 .*\n +192[.]168[.]122[.]\d+/24}m ],
    'agent'        => [ [ 'test', 'true' ], @$unsupported ],
    'backup'       => [ [ 'backup', 'test', q{.} ], @$unsupported ],
    'capabilities' => [ [], 0, qr/\ATEST \d.*libvirt \d+[.]\d+[.]\d+/ ],
    'check'        => [
        [ '--running', 'test' ],
        0, qr/\ALIBVIRT OK - 1 of 1 domains running, \d+ % .*[|]running=1 memory=\d+%;;$/m
    ],
    'clone'      => [ [ 'test', 'new' ], 'dies', qr/\Atest is running/ ],
    'cloud-init' => [ [ 'new',  'default-pool', 'none' ], 'dies', qr/Storage volume not found/ ],
    'converge'   => [
        [ 'domain', 'test', 'running', 'network', 'default', 'stopped' ],
        0,
        qr/\Adomain test: running already\nnetwork default: stopped now\n\z/
    ],
    'console' => [ ['test'],           @$unsupported ],
    'login'   => [ [ 'test', 'true' ], @$unsupported ],
    'daemon'  =>
        [ [ '--uri', 'libvirtd+unix:///system?socket=/no/such' ], 'dies', qr{'/no/such': No such file} ],
    'dashboard'    => [ [ 'get', '/' ], 0, qr{<title>Virtual machines</title>} ],
    'domain-info'  => [ [],             0, qr/\Atest\n.*Persistent +yes\n.*State +running \(unknown\)\n/s ],
    'emulator-pin' => [ ['test'],       0, qr/\A0,1,2,/ ],
    'errors'       => [ [],             0, qr/: nothing there\n.*XML parser\n.*bug in the script\n\z/s ],
    'events'       =>
        [ [ '--seconds', 1 ], 0, qr/^test: suspended .*^test: resumed .*^network default: stopped/ms ],
    'exporter' => [
        [], 0, qr/^libvirt_up 1\n.*^libvirt_state[{]domain="test",uuid="[-0-9a-f]+",state="running"[}] 1$/ms
    ],
    'external-snapshot' => [ [ 'commit', 'test' ], @$unsupported ],
    'freeze'     => [ [ 'test', 'true' ], 0, qr/\A2 file systems are frozen\n2 file systems are thawed\n\z/ ],
    'graph'      => [ [], 0, qr/\Agraph libvirt [{]\n.*^"network default" -- "domain test"/ms ],
    'guest-info' => [ ['test'], @$unsupported ],
    'inventory'  => [ [], 0, qr/^test +running +2 vCPU +2048 MiB +192[.]168[.]122[.]\d+/m ],
    'job'        => [ ['test'],            @$unsupported ],
    'leases'     => [ ['default'],         @$unsupported ],
    'many-hosts' => [ ['test:///default'], 0, qr/\b1 domains, 1 of them active/ ],
    'memory'     => [ [ 'test', 1_000_000 ], 0, qr/\A1000000 KiB of at most 8388608 KiB$/m ],
    'migrate'    => [ [ 'test', 'test:///default' ], @$unsupported ],
    'monitor'    => [ [ '--seconds', 1, '--attempts', 1 ], 0, qr/ connected to test:.*\n.* test: running\n/ ],
    'networks'   => [ [], 0, qr/^default +virbr0 +active +persistent/m ],
    'node-devices'    => [ [], 0, qr/^computer\n  \S/m ],
    'numa'            => [ [], 0, qr/16 CPUs.*2 cell.*cell 1: \d+ MiB free/s ],
    'pools'           => [ [], 0, qr/^default-pool +\d+ of +\d+/m ],
    'qmp'             => [ [ 'test', 'query-status' ], @$unsupported ],
    'rotate'          => [ ['test'], 0, qr/\Acreated rotate-1\n\z/ ],
    'save-restore'    => [ [ 'test', "$saved" ], 0, qr/is saved to .*test is restored, running/s ],
    'secrets'         => [ [ '--delete', '/nowhere' ], @$unsupported ],
    'snapshots'       => [ [ 'test', 'one' ], 0, qr/\Aone [(]current[)]\n\z/ ],
    'top'             => [ [ '--count', 1 ],  0, qr/%CPU.*\n +0[.]0 +\d+(?: +0){4}  test$/m ],
    'tour'            => [ [], 0, qr/^seen: tour started\n.*^seen: tour undefined\n.*ERR_NO_DOMAIN/ms ],
    'vcpu-pin'        => [ [ 'test', 0, '0-1' ],               0, qr/\AvCPU 0 on CPU \d+, may run on 0,1\n/ ],
    'volume-create'   => [ [ 'default-pool', 'new', 10 ],      0, qr{\A/default-pool/new\n\z} ],
    'volume-download' => [ [ 'default-pool', 'none', 'none' ], 'dies', qr/Storage volume not found/ ],
    'volume-upload'   => [ [ 'default-pool', 'none', 'none' ], 'dies', qr/Storage volume not found/ ],
    'xml'             => [ [ 'domain', 'test' ],               0,      qr/\A<domain type='test' id='1'>/ ],
);
for my $example ( glob 'examples/*.pl' ) {
    my ($name) = $example =~ m{/([^/]+)[.]pl\z};
    my $case   = delete $expected{$name} or fail("$example has a test"), next;
    my ( $arguments, $want, $pattern ) = @$case;
    if ( my @missing = Samples::missing( slurp($example) ) ) {
    SKIP: { skip( "$example: not installed: @missing", 1 ) }
        next;
    }
    my ( $output, $status ) = run( $example, @$arguments );
    is( $status && 'dies', $want, "$example @$arguments: status" );
    like( $output, $pattern, '... and output' );
    ( $output, $status ) = run( $example, '--help' );
    is( $status, 0, '... and helps' );
    like( $output, qr/Usage:/, '... with its usage' );
    ( $output, $status ) = run( $example, '--no-such-option' );

    # A plugin's status for that is 3, UNKNOWN.
    is( $status >> 8, $name eq 'check' ? 3 : 2, '... and refuses what it does not know' );
    ( $output, $status ) =
        run( $example, '--uri', 'test:///no/such.xml', $name =~ /many-hosts|daemon/ ? () : @$arguments );
    isnt( $status, 0, '... and connects' );
    like(
        $output,
        $name eq 'daemon' ? qr/URI scheme 'test'/ : qr{'?/no/such[.]xml},
        '... to the URI that is given'
    );
}
is( join( q{ }, keys %expected ), q{}, 'no test without an example' );

# examples/README.md lists all of them, with the descriptions of their manuals.
my %listed;
open my $readme, '<', 'examples/README.md' or die $!;
while (<$readme>) { $listed{$1} = $2 if /^\| (\S+[.]pl)(?: [*])? \| (.*) \|$/ }
close $readme;
my %said;
for my $example ( glob 'examples/*.pl' ) {
    open my $file, '<', $example or die $!;
    while (<$file>) { $said{$1} = $2 if /^(\S+[.]pl) - (.*)$/ }
    close $file;
    is( ( stat $example )[2] & oct(111), oct(111), "$example can be executed" );
}
is_deeply( \%listed, \%said, 'examples/README.md describes each as its manual does' );
cmp_ok( scalar keys %said, '>=', 25, 'there are enough of them' );

done_testing;
