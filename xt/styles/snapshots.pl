# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Snapshots.
use strict;
use warnings;
use Sys::Virt;
use Sys::Virt::DomainSnapshot;
my $c = Sys::Virt->new( uri => $ARGV[0] );
my $d = $c->get_domain_by_name('test');
for my $n ( 1 .. 3 ) {
    $d->create_snapshot(
        "<domainsnapshot><name>s$n</name><description>number $n</description></domainsnapshot>");
}
print $d->num_of_snapshots, " ", join( ",", sort $d->list_snapshot_names(10) ), " ",
    $d->has_current_snapshot, " ", $d->current_snapshot->get_name, "\n";
my $s = $d->get_snapshot_by_name('s2');
print $s->get_parent->get_name, " ", $s->num_of_child_snapshots, " ",
    join( ",", $s->list_child_snapshot_names(5) ), " ",
    join( ",", map { $_->get_name } $s->list_all_children ), " ", $s->is_current, " ", $s->has_metadata, "\n";
$s->revert_to;
print $d->current_snapshot->get_name, "\n";
print join( ",", sort map { $_->get_name } $d->list_all_snapshots(Sys::Virt::DomainSnapshot::LIST_LEAVES) ),
    "\n";
$s->delete(Sys::Virt::DomainSnapshot::DELETE_CHILDREN);
print $d->num_of_snapshots,                                 "\n";
print join( ",", map { $_->get_name } $d->list_snapshots ), "\n";
eval { $d->get_snapshot_by_name('s2') };
print $@->code, " ", $@->message, "\n";
eval { $d->get_snapshot_by_name('s1')->get_parent };
print $@->code, "\n";
