# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The life of a domain whose guest really boots: start, pause, reset, reboot, shut down, save, restore, dump.
use strict;
use warnings;

use Test::More;
use lib qw(t/lib xt/lib);
use Stack;
use Throws;

my $conn = Stack::connect('a');

# State and reason, by the names of their constants.
sub state_is {
    my ( $guest, $state, $reason, $name ) = @_;
    my @want = map { Sys::Virt::Domain->can("STATE_$_")->() } $state, "${state}_$reason";
    return is_deeply( [ $guest->get_state ], \@want, $name );
}

sub off {
    my ($guest) = @_;
    return Stack::wait_for( 'the guest is off', 40, sub { !$guest->is_active } );
}

sub uptime { my ($guest) = @_; return ( Stack::in_guest( $guest, 'cat /proc/uptime' ) =~ /\A([\d.]+)/ )[0] }

my $guest = Stack::boot( $conn, name => 'main', define => 1, agent => 1 );

subtest 'start, pause, stop' => sub {
    state_is( $guest, 'RUNNING', 'BOOTED', 'booted' );
    is( $conn->get_domain_by_id( $guest->get_id )->get_name, $guest->get_name, 'found by its number' );
    throws( 'a second start', 'OPERATION_INVALID', sub { $guest->create } );
    $guest->suspend;
    state_is( $guest, 'PAUSED', 'USER', 'paused' );
    my $cpu_time = $guest->get_info->{cpuTime};
    $guest->resume;
    state_is( $guest, 'RUNNING', 'UNPAUSED', 'continues' );
    ok( Stack::wait_for( 'CPU time', 20, sub { $guest->get_info->{cpuTime} > $cpu_time } ),
        '... and computes' );
    is_deeply(
        $guest->get_control_info,
        {
            state     => Sys::Virt::Domain::CONTROL_OK,
            details   => Sys::Virt::Domain::CONTROL_ERROR_REASON_NONE,
            stateTime => $guest->get_control_info->{stateTime},
        },
        'its monitor is free'
    );
};

subtest 'reset and reboot' => sub {
    $guest->reset;
    ok( Stack::ready( 'main', 60, 2 ), 'boots again after a reset' );
    state_is( $guest, 'RUNNING', 'UNPAUSED', '... which does not change the state' );
    Stack::agent_ready($guest);
    my $before = uptime($guest);
    Stack::by_agent( $guest, 'reboot', Sys::Virt::Domain::REBOOT_GUEST_AGENT );
    ok( Stack::ready( 'main', 60, 3 ), 'boots again after a reboot by its agent' );
    ok( Stack::agent_ready($guest),    '... with the agent' );
    cmp_ok( uptime($guest), '<', $before + 30, '... and was up for a short time' );
    throws( 'an unknown way', qr/unsupported flags/, sub { $guest->reboot(1024) } );
};

subtest 'shut down' => sub {
    $guest->shutdown(Sys::Virt::Domain::SHUTDOWN_ACPI_POWER_BTN);
    ok( off($guest), 'by the power button' );
    state_is( $guest, 'SHUTOFF', 'SHUTDOWN', '... on its own account' );
    $guest->create(Sys::Virt::Domain::START_PAUSED);
    state_is( $guest, 'PAUSED', 'USER', 'started paused' );
    $guest->resume;
    Stack::ready('main') && Stack::agent_ready($guest);
    Stack::by_agent( $guest, 'shutdown', Sys::Virt::Domain::SHUTDOWN_GUEST_AGENT );
    ok( off($guest), 'by its agent' );
    $guest->create;
    Stack::ready('main') && Stack::agent_ready($guest);
    $guest->shutdown;
    ok( off($guest), 'as libvirt chooses' );
    $guest->create;
    throws(
        'ways of containers',
        qr{unsupported flags},
        sub { $guest->shutdown( Sys::Virt::Domain::SHUTDOWN_SIGNAL | Sys::Virt::Domain::SHUTDOWN_INITCTL ) }
    );
    $guest->destroy(Sys::Virt::Domain::DESTROY_GRACEFUL);
    state_is( $guest, 'SHUTOFF', 'DESTROYED', 'destroyed, with grace' );
    $guest->create( Sys::Virt::Domain::START_AUTODESTROY | Sys::Virt::Domain::START_BYPASS_CACHE );
    ok( $guest->is_active, 'started with flags' );
    $guest->destroy;
    throws( 'destroying twice', 'OPERATION_INVALID', sub { $guest->destroy } );
};

subtest 'a connection that takes its guest along' => sub {
    my $other = Stack::connect('a');
    my $brief = $other->create_domain( Stack::xml( name => 'brief' ), Sys::Virt::Domain::START_AUTODESTROY );
    my $uuid  = $brief->get_uuid_string;
    is( $conn->get_domain_by_uuid($uuid)->is_active, 1, 'runs' );
    undef $brief;
    $other->close;
    my $gone = sub {
        !grep { $_->get_uuid_string eq $uuid } $conn->list_all_domains;
    };
    ok( Stack::wait_for( 'the guest no longer exists', 20, $gone ), 'removed with its connection' );
};

subtest 'autostart, life cycle actions, names' => sub {
    is( $guest->get_autostart, 0, 'no autostart' );
    $guest->set_autostart(1);
    is( $guest->get_autostart, 1, 'autostart' );
    $guest->set_autostart(0);
    $guest->set_lifecycle_action(
        Sys::Virt::Domain::LIFECYCLE_REBOOT,
        Sys::Virt::Domain::LIFECYCLE_ACTION_DESTROY,
        Sys::Virt::Domain::AFFECT_CONFIG
    );
    like( $guest->get_xml_description, qr{<on_reboot>destroy</on_reboot>}, 'destroyed on reboot' );
    $guest->create;
    Stack::ready('main') && Stack::agent_ready($guest);
    Stack::by_agent( $guest, 'reboot', Sys::Virt::Domain::REBOOT_GUEST_AGENT );
    ok( off($guest), '... and so it is' );
    my $name = $guest->get_name;
    $guest->rename("$name-new");
    is( $conn->get_domain_by_name("$name-new")->get_uuid, $guest->get_uuid, 'another name' );
    $conn->get_domain_by_name("$name-new")->rename($name);
    $guest = $conn->get_domain_by_name($name);
    $guest->set_metadata( Sys::Virt::Domain::METADATA_DESCRIPTION, "gr\xc3\xbcn" );
    is( $guest->get_metadata(Sys::Virt::Domain::METADATA_DESCRIPTION), "gr\xc3\xbcn", 'a description' );
};

subtest 'managed save' => sub {
    $guest->create;
    Stack::ready('main') && Stack::agent_ready($guest);
    Stack::in_guest( $guest, 'echo remembered >/tmp/mark' );
    $guest->managed_save(Sys::Virt::Domain::SAVE_PAUSED);
    state_is( $guest, 'SHUTOFF', 'SAVED', 'saved' );
    is( $guest->has_managed_save_image, 1, 'there is an image' );
    my $xml = $guest->managed_save_get_xml_description;
    like( $xml, qr/<name>life-main/, 'which has XML' );
    ( my $changed = $xml ) =~ s{<on_crash>\w+}{<on_crash>preserve};
    $guest->managed_save_define_xml($changed);
    like( $guest->managed_save_get_xml_description, qr/<on_crash>preserve/, '... that can be changed' );
    $guest->create;
    state_is( $guest, 'PAUSED', 'MIGRATION', 'restored, paused' );
    $guest->resume;
    ok( Stack::agent_ready($guest), 'its agent answers' );
    is( Stack::in_guest( $guest, 'cat /tmp/mark' ), "remembered\n", '... with the memory of before' );
    $guest->managed_save;
    $guest->managed_save_remove;
    is( $guest->has_managed_save_image, 0, 'an image removed' );
};

subtest 'save and restore' => sub {
    my $image = Stack::file('saved');
    $guest->create;
    Stack::ready('main') && Stack::agent_ready($guest);
    Stack::in_guest( $guest, 'echo kept >/tmp/mark' );
    $guest->save( $image, undef, undef, Sys::Virt::Domain::SAVE_BYPASS_CACHE );
    ok( -s $image, 'an image' );
    like( $conn->get_save_image_xml_description($image), qr/<name>life-main/, '... with XML' );
    ( my $xml = $conn->get_save_image_xml_description( $image, Sys::Virt::Domain::SAVE_IMAGE_XML_SECURE ) )
        =~ s{<on_crash>\w+}{<on_crash>restart};
    $conn->define_save_image_xml( $image, $xml, Sys::Virt::Domain::SAVE_PAUSED );
    $conn->restore_domain($image);
    is( ( $guest->get_state )[0], Sys::Virt::Domain::STATE_PAUSED, 'restored paused, as the image says' );
    like( $guest->get_xml_description, qr/<on_crash>restart/, '... with the XML that was put in' );
    $guest->resume;
    Stack::agent_ready($guest);
    is( Stack::in_guest( $guest, 'cat /tmp/mark' ), "kept\n", '... with the memory of before' );
    $guest->save($image);
    ( $xml = $conn->get_save_image_xml_description($image) ) =~ s{<on_crash>\w+}{<on_crash>preserve};
    $conn->restore_domain( $image, $xml, {}, Sys::Virt::Domain::SAVE_RUNNING );
    like( $guest->get_xml_description, qr/<on_crash>preserve/, 'restored with XML and flags' );
    is( $guest->is_active, 1, '... running' );
    my %params = ( Sys::Virt::Domain::SAVE_PARAM_FILE => $image );
    $guest->save( undef, undef, \%params );
    is( $guest->is_active, 0, 'saved by parameters' );
    my $restore = sub { $conn->restore_domain( undef, undef, \%params, Sys::Virt::Domain::SAVE_PAUSED ) };
    Stack::lives( 'restored by parameters', $restore );
    is_deeply( \%params, { file => $image }, 'the hash is as it was' );
    Stack::same( 'get_save_image_xml_description',
        $guest, "\$conn->get_save_image_xml_description('$image')" );
    $guest->destroy;
    throws( 'no image', qr/No such file/, sub { $conn->restore_domain( Stack::file('none') ) } );
};

subtest 'dump, memory' => sub {
    $guest->create;
    Stack::ready('main');
    my $core = Stack::file('core');
    $guest->core_dump( $core, Sys::Virt::Domain::DUMP_MEMORY_ONLY );
    like( Stack::command( 'head', '-c4', $core ), qr/\A\x7fELF/, 'memory, as ELF' );
    state_is( $guest, 'RUNNING', 'UNPAUSED', '... and the guest runs' );
    unlink $core;
    $guest->core_dump_format(
        $core,
        Sys::Virt::Domain::CORE_DUMP_FORMAT_KDUMP_ZLIB,
        Sys::Virt::Domain::DUMP_MEMORY_ONLY
    );
    like( Stack::command( 'head', '-c8', $core ), qr{\A(?:KDUMP|makedump)}, 'memory, compressed' );
    unlink $core;
    my $bytes = $guest->memory_peek( 0xffff0, 16, Sys::Virt::Domain::MEMORY_PHYSICAL );
    is( length $bytes, 16,   'sixteen bytes of memory' );
    is( ord $bytes,    0xea, '... where the processor starts, with a jump' );
    $guest->core_dump( $core, Sys::Virt::Domain::DUMP_CRASH );
    state_is( $guest, 'SHUTOFF', 'CRASHED', 'dumped and ended' );
};

done_testing;
