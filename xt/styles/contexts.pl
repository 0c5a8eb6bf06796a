# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Each method in list and in scalar context.
use strict;
use warnings;
use Sys::Virt;
my $c = Sys::Virt->new( uri => $ARGV[0] );
my $d = $c->get_domain_by_name('test');
for my $m (
    qw(get_state get_name get_info get_vcpu_info
    list_all_snapshots get_scheduler_parameters suspend resume get_id
    is_active list_snapshots num_of_snapshots get_uuid_string get_security_label get_job_info)
) {
    my @l  = eval { $d->$m( $m eq 'get_cpu_stats' ? ( 0, 1 ) : () ) };
    my $le = ref $@ ? $@->code : '';
    my $s  = eval { $d->$m( $m eq 'get_cpu_stats' ? ( 0, 1 ) : () ) };
    my $se = ref $@ ? $@->code : '';
    print "$m list=", scalar(@l), "$le scalar=",
        defined $s ? ref $s || ( $s =~ /^[\w-]+$/ ? 'plain' : '?' ) : 'undef', "$se\n";
}
for my $m (
    qw(list_domains list_defined_domains list_all_domains list_networks
    list_storage_pools list_all_storage_pools list_node_devices get_node_info list_interfaces)
) {
    my @l = $c->$m;
    my $s = $c->$m;
    my $n = () = $c->$m;
    print "$m ", scalar(@l), " ", defined $s ? ref $s || $s : 'undef', " $n\n" if $m !~ /node_dev/;
}
