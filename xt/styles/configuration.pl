# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Options and limits that were read from a file.
# only ours warns: unknown key 'note'
# only ours warns: 'comment' is not an option
use strict;
use warnings;
use Sys::Virt;
my %conf = map { split /=/, $_, 2 } ( "uri=$ARGV[0]", "flags=0", "readonly=", "comment=ours" );
my $c    = Sys::Virt->new(%conf);
print $c->get_uri eq $ARGV[0] ? 1 : 0, "\n";
my $d   = $c->get_domain_by_name('test');
my %lim = map { split /:/ } split /,/, "hard_limit:1000000,note:x";
$d->set_memory_parameters( \%lim );
print $d->get_memory_parameters->{hard_limit}, "\n";
my %s = map { split } ("weight 33\n");
$d->set_scheduler_parameters( \%s, 0 );
print join( ",", %{ $d->get_scheduler_parameters } ), "\n";
my $ref = { %{ $d->get_memory_parameters }, soft_limit => 5000 };
$d->set_memory_parameters($ref);
print $d->get_memory_parameters->{soft_limit}, "\n";
$d->set_memory("2000000 ");
print $d->get_info->{memory}, "\n";
$d->set_vcpus("1\n");
print $d->get_info->{nrVirtCpu}, "\n";
