# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A plugin for monitoring, of old.
use strict;
use Getopt::Long;
use Sys::Virt;
my %ERR = ( OK => 0, WARNING => 1, CRITICAL => 2, UNKNOWN => 3 );
my $uri = shift;
my ( $w, $c ) = ( 1, 5 );
my $vmm;
eval { $vmm = Sys::Virt->new( address => $uri, readonly => 1 ) };
if ($@) { print "CRITICAL: $@"; exit $ERR{CRITICAL} }
my %states = (
    &Sys::Virt::Domain::STATE_NOSTATE  => 'no state',
    &Sys::Virt::Domain::STATE_RUNNING  => 'running',
    &Sys::Virt::Domain::STATE_BLOCKED  => 'blocked',
    &Sys::Virt::Domain::STATE_PAUSED   => 'paused',
    &Sys::Virt::Domain::STATE_SHUTDOWN => 'shutdown',
    &Sys::Virt::Domain::STATE_SHUTOFF  => 'shutoff',
    &Sys::Virt::Domain::STATE_CRASHED  => 'crashed'
);
my @out;
my $bad = 0;

foreach my $domain ( $vmm->list_domains(), $vmm->list_defined_domains() ) {
    my $info = $domain->get_info();
    my $st   = $states{ $info->{state} };
    $bad++ if $info->{state} != 1;
    push @out,
          $domain->get_name() . ":"
        . $st . " mem="
        . ( $info->{memory} / 1024 )
        . "MB max="
        . int( $domain->get_max_memory() / 1024 )
        . " vcpu="
        . $info->{nrVirtCpu};
}
print $bad >= $c ? "CRITICAL" : $bad >= $w ? "WARNING" : "OK", " - ", join( ", ", @out ),
    "|count=" . scalar(@out), "\n";
my $ni = $vmm->get_node_info();
print "$ni->{model} $ni->{cpus} x $ni->{mhz}\n";
printf "%.1f%% free\n", 100 * $vmm->get_node_free_memory() / 1024 / $ni->{memory};
exit $ERR{OK};
