# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Statistics.
use strict;
use warnings;
use Sys::Virt;
my $c = Sys::Virt->new( uri => $ARGV[0] );
my @s = $c->get_all_domain_stats(Sys::Virt::Domain::STATS_STATE);
for (@s) {
    print ref $_, " ", join( ",", sort keys %$_ ), " ", ref $_->{dom}, " ",
        join( ",", map { "$_=$_[0]" } () ),
        join( ",", map { "$_=$s[0]{data}{$_}" } sort keys %{ $s[0]{data} } ), "\n";
}
my $d = $c->get_domain_by_name('test');
@s = $c->get_all_domain_stats( 0, [$d], 0 );
print scalar(@s), " ", $s[0]{dom}->get_name, "\n";
@s = eval { $c->get_all_domain_stats( 1 << 30, [$d], 0 ) };
print scalar @s, " ", ref $@ ? $@->code : "", "\n";
@s = eval { $c->get_all_domain_stats( 1 << 30, [$d], 1 << 31 ) };
print scalar @s, " ", ref $@ ? $@->code : "", "\n";
print join( ",", sort keys %{ $c->get_node_cpu_stats(-1) } ), " ",
    join( ",", sort keys %{ $c->get_node_memory_stats } ), "\n"
    if eval { $c->get_node_cpu_stats(-1); 1 };
print ref $@ ? $@->code : $@, "\n";
my ( $n, $m, $o ) = eval { $c->get_node_cpu_map };
print defined $n ? "$n $o" : "x", " ", ref $@ ? $@->code : "", "\n";
print join( ",", $c->get_node_cells_free_memory( 0, 2 ) ), "\n";
my $sm = eval { $c->get_node_security_model };
print ref $@ ? $@->code : join( ",", %$sm ), "\n";
my @fp = eval { $c->get_node_free_pages( [4], 0, 1 ) };
print ref $@ ? $@->code : scalar(@fp), "\n";
print $c->get_node_info->{memory},     "\n";
