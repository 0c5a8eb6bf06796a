# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Migration of a booted guest between two daemons, there and back, in every form, with progress and canceling.
use strict;
use warnings;

use Test::More;
use lib qw(t/lib xt/lib);
use Stack;
use Throws;

my ( $here, $there ) = map { Stack::connect($_) } qw(a b);
my $tcp  = 'qemu+tcp://stack-b:16510/system';    # as daemon a reaches daemon b
my $back = 'qemu+tcp://stack-a:16509/system';
my $disk = Stack::shared('disk');
Stack::command( 'qemu-img', 'create', '-q', '-f', 'raw', $disk, '8M' );
my $guest = Stack::boot(
    $here,
    name  => 'main',
    agent => 1,
    disks => [
        "<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/><source file='$disk'/>"
            . "<target dev='vda' bus='virtio'/><shareable/></disk>"
    ],
);
my $name = $guest->get_name;
my ( $live, $p2p ) = ( Sys::Virt::Domain::MIGRATE_LIVE, Sys::Virt::Domain::MIGRATE_PEER2PEER );
Stack::in_guest( $guest, 'echo memory >/tmp/mark' );

# Runs the code in a child, with connections of its own, for migrate waits until the end; the child's number.
sub aside {
    my ($code) = @_;
    my $pid = fork // die $!;
    return $pid if $pid;
    my $done = eval { $code->( Stack::connect('a'), Stack::connect('b') ); 1 };
    print {*STDERR} "# in the child: $@" if !$done && !ref $@;
    require POSIX;
    POSIX::_exit( $done ? 0 : ref $@ ? $@->code : 255 );
}

sub ended {
    my ($pid) = @_;
    my $status;
    Stack::wait_for( 'the migration',
        90, sub { waitpid( $pid, 1 ) == $pid and $status = $?, return 1; return 0 } );
    return defined $status ? $status >> 8 : 'never';
}

# The guest is on one side, running, with its memory.
sub moved {
    my ( $from, $to, $form, $new ) = @_;
    my $dom = eval { $to->get_domain_by_name( $new // $name ) };
    ok( $dom, "$form: arrived" ) or return BAIL_OUT("lost the guest: $@");
    is( $dom->is_active, 1, '... running' );
    my $left = eval { $from->get_domain_by_name($name) };
    ok( !$left || !$left->is_active, '... and no longer here' );
    ok(
        Stack::wait_for(
            'the agent',
            30,
            sub {
                eval { $dom->get_hostname(Sys::Virt::Domain::GET_HOSTNAME_AGENT) }
            }
        ),
        '... its agent answers'
    );
    return $dom;
}

subtest 'through this client' => sub {
    my $result = $guest->migrate( $there, $live );
    is( ref $result,       'Sys::Virt::Domain', 'positional: a domain' );
    is( $result->get_name, $name,               '... of that name' );
    $guest  = moved( $here, $there, 'flags' );
    $result = $guest->migrate(
        $here,
        {
            Sys::Virt::Domain::MIGRATE_PARAM_URI       => 'tcp://stack-a',
            Sys::Virt::Domain::MIGRATE_PARAM_BANDWIDTH => 1000
        },
        $live
    );
    is( $result->get_name, $name, 'a hash: back' );
    $guest  = moved( $there, $here, 'a hash' );
    $result = $guest->migrate( $there, $live, "$name-x", 'tcp://stack-b', 500 );
    is( $result->get_name, "$name-x", 'another name, a URI, a bandwidth' );
    $guest  = moved( $here, $there, 'all positions', "$name-x" );
    $result = $guest->migrate2( $here, undef, $live, $name );
    $guest  = moved( $there, $here, 'migrate2' );
    my $secure = Sys::Virt::Domain::XML_MIGRATABLE | Sys::Virt::Domain::XML_SECURE;
    my $xml    = $guest->get_xml_description($secure) =~ s{<on_crash>\w+}{<on_crash>preserve}r;
    $guest = $guest->migrate(
        $there,
        {
            Sys::Virt::Domain::MIGRATE_PARAM_DEST_XML  => $xml,
            Sys::Virt::Domain::MIGRATE_PARAM_DEST_NAME => $name
        },
        $live
    );
    like( $guest->get_xml_description, qr/<on_crash>preserve/, 'with another XML' );
    $guest = moved( $here, $there, 'XML' )
        ->migrate( $here, { Sys::Virt::Domain::MIGRATE_PARAM_MIGRATE_DISKS => [] }, $live );
    moved( $there, $here, 'an empty list of disks' );
};

subtest 'between the daemons' => sub {
    $guest->migrate_to_uri( $tcp, $live | $p2p );
    $guest = moved( $here, $there, 'migrate_to_uri' );
    $guest->migrate_to_uri( $back, {}, $live | $p2p );
    $guest = moved( $there, $here, 'with a hash' );
    $guest->migrate_to_uri2( $tcp, undef, $live | $p2p, undef, 'tcp://stack-b', 800 );
    $guest = moved( $here, $there, 'migrate_to_uri2' );
    $guest->migrate_to_uri( $back, $live | $p2p | Sys::Virt::Domain::MIGRATE_TUNNELLED );
    $guest = moved( $there, $here, 'tunnelled' );
    $guest->migrate_to_uri( $tcp,
        $live | $p2p | Sys::Virt::Domain::MIGRATE_PERSIST_DEST | Sys::Virt::Domain::MIGRATE_COMPRESSED |
            Sys::Virt::Domain::MIGRATE_AUTO_CONVERGE );
    $guest = moved( $here, $there, 'persistent' );
    is( $guest->is_persistent, 1, '... and stays so' );
    $guest->migrate_to_uri(
        $back,
        {
            Sys::Virt::Domain::MIGRATE_PARAM_COMPRESSION              => 'xbzrle',
            Sys::Virt::Domain::MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE => 8 * 2**20
        },
        $live | $p2p | Sys::Virt::Domain::MIGRATE_COMPRESSED | Sys::Virt::Domain::MIGRATE_UNDEFINE_SOURCE
    );
    $guest = moved( $there, $here, 'compressed' );
    throws( 'undefined there', 'NO_DOMAIN', sub { $there->get_domain_by_name($name) } );
    my $stats = ( $guest->get_job_stats(Sys::Virt::Domain::JOB_STATS_COMPLETED) )[1];
    is(
        $stats->{Sys::Virt::Domain::JOB_OPERATION},
        Sys::Virt::Domain::JOB_OPERATION_MIGRATION_IN,
        'statistics: of the way here'
    );
    cmp_ok( $stats->{Sys::Virt::Domain::JOB_MEMORY_PROCESSED}, '>', 2**20,  '... memory' );
    cmp_ok( $stats->{Sys::Virt::Domain::JOB_DOWNTIME},         '<', 60_000, '... downtime' );
    Stack::same( 'statistics of a migration', $guest, 'my ($t, $s) = $dom->get_job_stats(3); $s' );
    throws( 'no daemon there',
        qr/./, sub { $guest->migrate_to_uri( 'qemu+tcp://stack-b:1/system', $live | $p2p ) } );
    throws( 'an unknown parameter', qr/colour/, sub { $guest->migrate( $there, { colour => 1 }, $live ) } );
    is( $guest->is_active, 1, 'it runs on' );
};

subtest 'settings' => sub {
    my $downtime = $guest->migrate_get_max_downtime;
    is( $downtime, 300, 'the default' );
    $guest->migrate_set_max_downtime(1234);
    is( $guest->migrate_get_max_downtime, 1234, 'downtime' );
    $guest->migrate_set_max_speed(77);
    is( $guest->migrate_get_max_speed, 77, 'speed' );
    $guest->migrate_set_max_speed( 55, Sys::Virt::Domain::MIGRATE_MAX_SPEED_POSTCOPY );
    is( $guest->migrate_get_max_speed(Sys::Virt::Domain::MIGRATE_MAX_SPEED_POSTCOPY),
        55, '... after the switch' );
    $guest->migrate_set_compression_cache( 32 * 2**20 );
    is( $guest->migrate_get_compression_cache, 32 * 2**20, 'cache' );
    Stack::same( 'settings', $guest,
        '( $dom->migrate_get_max_speed(1), $dom->migrate_get_max_downtime, $dom->migrate_get_compression_cache )'
    );
};

subtest 'progress, canceled' => sub {
    my ( @iterations, @completed );
    my $id = $here->domain_event_register_any(
        $guest,
        Sys::Virt::Domain::EVENT_ID_MIGRATION_ITERATION,
        sub { push @iterations, $_[2] }
    );
    $guest->migrate_set_max_speed(1);
    my $child = aside( sub { $_[0]->get_domain_by_name($name)->migrate( $_[1], $live ) } );
    my ( $type, $stats );
    my $running = sub {
        ( $type, $stats ) = $guest->get_job_stats;
        return $type == Sys::Virt::Domain::JOB_UNBOUNDED
            && ( $stats->{Sys::Virt::Domain::JOB_MEMORY_PROCESSED} // 0 ) > 2**19;
    };
    ok( Stack::wait_for( 'progress', 30, $running ), 'a slow one makes progress' ) || diag explain $stats;
    is(
        $stats->{Sys::Virt::Domain::JOB_OPERATION},
        Sys::Virt::Domain::JOB_OPERATION_MIGRATION_OUT,
        '... outwards'
    );
    my $info = $guest->get_job_info;
    cmp_ok( $info->{memRemaining}, '<', $info->{memTotal}, 'in the old way, too' );
    cmp_ok( $info->{memProcessed}, '>', 2**19,             '... so much' );
    Stack::same(
        'names of the statistics',
        $guest,
        'my ($t, $s) = $dom->get_job_stats; map { /setup|throttle|dirty|bps|page/ ? () : $_ } sort keys %$s'
    );
    my @other = $guest->get_state;
    is( $other[0], Sys::Virt::Domain::STATE_RUNNING, 'the guest runs during the migration' );
    $guest->abort_job;
    is( ended($child),     Sys::Virt::Error::ERR_OPERATION_ABORTED, 'canceled' );
    is( $guest->is_active, 1,                                       'the guest is here, running' );
    throws( '... not there', 'NO_DOMAIN', sub { $there->get_domain_by_name($name) } );
    ok( Stack::wait_for( 'iterations', 10, sub { @iterations } ), 'event: iterations' );
    is( $iterations[0], 1, '... from one' );
    throws( 'nothing to cancel', 'OPERATION_INVALID', sub { $guest->abort_job } );
    $here->domain_event_deregister_any($id);
};

subtest 'post-copy' => sub {
    $guest->migrate_set_max_speed(1);
    my $child = aside(
        sub {
            $_[0]->get_domain_by_name($name)->migrate( $_[1], $live | Sys::Virt::Domain::MIGRATE_POSTCOPY );
        }
    );
    my $switched = sub {
        eval { $guest->migrate_start_post_copy; 1 }
    };

    # A kernel may forbid what post-copy needs; then the migration ends with an error at once.
    my $status;
    my $begun = Stack::wait_for( 'the switch', 30,
        sub { $switched->() or waitpid( $child, 1 ) == $child and $status = $? >> 8, return 1 } );
    ok( $begun, 'switched, or refused' );
    if ( defined $status ) {
        cmp_ok( $status, '>', 0, "post-copy is refused here: error $status" );
    }
    else {
        $status = ended($child);
        is( $status, 0, 'post-copy ends well' );
        $guest = moved( $here, $there, 'post-copy' ) if !$status;
    }
};

subtest 'with the disk, and offline' => sub {
    my ( $from, $to ) =
        $guest->is_active && eval { $there->get_domain_by_name($name) }
        ? ( $there, $here )
        : ( $here, $there );
    $guest = $from->get_domain_by_name($name);
    my $off = $here->define_domain( Stack::xml( name => 'off' ) );
    $off->migrate( $there, Sys::Virt::Domain::MIGRATE_OFFLINE | Sys::Virt::Domain::MIGRATE_PERSIST_DEST );
    is( $there->get_domain_by_name( $off->get_name )->is_active, 0, 'a guest at rest is copied' );
    is( $here->get_domain_by_name( $off->get_name )->is_active,  0, '... and stays' );
    my $paused = $from->get_domain_by_name($name)->migrate( $to, $live | Sys::Virt::Domain::MIGRATE_PAUSED );
    is( ( $paused->get_state )[0], Sys::Virt::Domain::STATE_PAUSED, 'arrives paused' );
    $paused->resume;
    my $path = Stack::image( 'private', 'qcow2', '8M' );
    my $copy = Stack::file('private-copy');
    my $one  = Stack::boot(
        $here,
        name  => 'storage',
        disks => [
                  "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
                . "<source file='$path'/><target dev='vda' bus='virtio'/></disk>"
        ]
    );
    Stack::command( 'qemu-img', 'create', '-q', '-f', 'qcow2', $copy, '8M' );
    ( my $xml =
            $one->get_xml_description( Sys::Virt::Domain::XML_MIGRATABLE | Sys::Virt::Domain::XML_SECURE ) )
        =~ s/\Q$path\E/$copy/g;
    my %params = (
        Sys::Virt::Domain::MIGRATE_PARAM_DEST_XML      => $xml,
        Sys::Virt::Domain::MIGRATE_PARAM_MIGRATE_DISKS => ['vda']
    );
    $one = $one->migrate( $there, \%params, $live | Sys::Virt::Domain::MIGRATE_NON_SHARED_DISK );
    like( $one->get_xml_description, qr/\Q$copy\E/, 'the disk is copied along' );
    is( $one->is_active, 1, '... the guest runs' );
};

done_testing;
