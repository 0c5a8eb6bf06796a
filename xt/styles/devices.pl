# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Setters and getters of devices and limits, most of which the driver lacks.
# only the original warns: uninitialized
use strict;
use warnings;
use Sys::Virt;
my $c = Sys::Virt->new( uri => $ARGV[0] );
my $d = $c->get_domain_by_name('test');
for my $call (
    [ attach_device => "<disk type='file' device='disk'><source file='/x'/><target dev='vdb'/></disk>" ],
    [ attach_device => "<hostdev/>", 1 ],
    [ detach_device => "<disk type='file'><target dev='vdb'/></disk>" ],
    [ update_device => "<graphics type='vnc'/>" ],
    [ detach_device_by_alias  => "ua-x" ],
    [ set_memory_stats_period => 5 ],
    [ set_user_password       => "root", "secret" ],
    [ set_vcpus               => 2,      Sys::Virt::Domain::VCPU_MAXIMUM | Sys::Virt::Domain::AFFECT_CONFIG ],
    [ set_guest_vcpus         => "0",    1 ],
    [ set_perf_events         => { cmt         => 1 } ],
    [ set_numa_parameters     => { "numa_mode" => 1 } ],
    [ set_blkio_parameters    => { weight      => 200 } ],
    [ set_blkio_parameters    => { weight      => 200, device_weight => "/dev/sda,300" } ],
    [ set_block_iotune         => "vda",  { total_bytes_sec   => 5000 } ],
    [ set_interface_parameters => "eth0", { "inbound.average" => 100 } ],
    [ get_block_iotune         => "vda" ],
    [ get_interface_parameters => "eth0" ],
    [ get_blkio_parameters     => 0 ],
    [ get_numa_parameters      => 0 ],
    [ get_perf_events          => 0 ],
    [ block_resize             => "vda", 1024 ],
    [ set_link                 => 1 ],
    [ block_commit             => "vda", undef, undef, 0 ],
    [ block_pull               => "vda", 0 ],
    [ abort_block_job          => "vda" ],
    [ get_block_job_info       => "vda" ],
    [ migrate_set_max_speed    => 10 ],
    [ get_emulator_pin_info    => 0 ],
    [ pin_emulator             => "\1" ],
    [ get_vcpu_pin_info        => 0 ],
    [ get_guest_info           => 0 ],
    [ get_interface_addresses  => 0 ],
    [ get_fs_info              => 0 ],
    [ get_iothread_info        => 0 ],
    [ add_iothread             => 1 ],
    [ get_launch_security_info => 0 ],
    [ set_time                 => 5, 0 ],
    [ get_disk_errors          => 0 ],
    [ get_control_info         => 0 ],
    [ pm_suspend_for_duration  => 0, 0 ],
    [ pm_wakeup                => 0 ],
    [ inject_nmi               => 0 ],
    [ send_process_signal      => 1, 9 ]
) {
    my ( $m, @a ) = @$call;
    unless ( $d->can($m) ) { print "no $m\n"; next }
    my @r = eval { $d->$m(@a) };
    my $e = $@;
    my $f;
    $f = sub {
        my $v = shift;
        ref $v eq 'HASH'        ? "{" . join( ",", map { "$_=>" . $f->( $v->{$_} ) } sort keys %$v ) . "}"
            : ref $v eq 'ARRAY' ? "[" . join( ",", map { $f->($_) } @$v ) . "]"
            : defined $v        ? unpack( "H*", $v ) =~ /[89a-f]./ && 0
                ? "bin"
                : $v
            : 'undef';
    };
    print "$m: ",
          ref $e   ? $e->code . " " . $e->message
        : $e ne '' ? $e =~ s/ at .+? line.*//sr
        :            join( " ", map { $f->($_) } @r ), "\n";
}
