# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Programs that list and watch: every domain, running or not, in the ways of monitoring plugins.
use strict;
use warnings;

use Sys::Virt;
use Sys::Virt::Domain;

my $conn = Sys::Virt->new( uri => $ARGV[0] );
$conn->define_domain(<<'XML');
<domain type='test'><name>off</name><uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid><memory>4096</memory>
<vcpu current='1'>3</vcpu>
<os><type>hvm</type></os></domain>
XML
printf "%s %s %d.%d\n", $conn->get_type, $conn->get_hostname ? 'host' : 'no host', map { int } 1, 2;
print join( q{ },
    map { defined $conn->get_node_info->{$_} ? $_ : () }
        qw(model memory cpus mhz nodes sockets cores threads) ),
    "\n";
my @running = $conn->list_domains;
my @defined = $conn->list_defined_domains;
print scalar(@running), q{+}, scalar(@defined), q{ }, $conn->num_of_domains, q{ },
    $conn->num_of_defined_domains, "\n";
my $count  = () = $conn->list_domains;
my $number = $conn->list_domains;
print "$count $number\n";

for my $dom ( sort { $a->get_name cmp $b->get_name } @running, @defined ) {
    my $info = $dom->get_info;
    my ( $state, $reason ) = $dom->get_state;
    printf "%-6s id %2d state %d/%d=%d vcpus %d/%s memory %d/%d active %s persistent %s autostart %s\n",
        $dom->get_name, $dom->get_id, $state, $reason, $info->{state}, $info->{nrVirtCpu},
        $dom->get_max_vcpus,
        $info->{memory}, $info->{maxMem}, map { $_ ? 'yes' : 'no' } $dom->is_active, $dom->is_persistent,
        $dom->get_autostart;
    print 'OK'           if $info->{state} == &Sys::Virt::Domain::STATE_RUNNING;
    print ' name in XML' if $dom->get_xml_description =~ m{<name>([^<]+)</name>} && $1 eq $dom->get_name;
    my $scalar = $dom->get_state;
    print " $scalar\n";
    print join( q{ }, sort keys %$info ), "\n";
}
my $all = $conn->list_all_domains;
print ref $all, q{ }, scalar( () = $conn->list_all_domains(Sys::Virt::Domain::LIST_ACTIVE) ), "\n" if $all;
for my $kind (qw(networks storage_pools interfaces node_devices nwfilters secrets)) {
    my $method = "list_all_$kind";
    my @list   = eval { $conn->$method };
    print "$kind ", ( $@ ? 'error ' . ( ref $@ ? $@->code : $@ ) : scalar @list ), "\n";
}
for my $net ( $conn->list_networks ) {
    print join( q{ }, $net->get_name, $net->get_bridge_name, $net->get_uuid_string ), "\n";
}
for my $pool ( $conn->list_storage_pools ) {
    my $info = $pool->get_info;
    printf "%s %d %s\n", $pool->get_name, $info->{state}, join q{ },
        map { "$_=$info->{$_}" } sort keys %$info;
}
print defined $conn->get_sysinfo              ? "sysinfo\n" : "no sysinfo\n";
print defined eval { $conn->get_sysinfo(99) } ? "sysinfo\n" : "none\n";

# Nagios.
my %code   = ( OK => 0, CRITICAL => 2 );
my $result = eval {
    local $SIG{ALRM} = sub { die "timeout\n" };
    alarm 30;
    my $c    = Sys::Virt->new( uri => $ARGV[0], readonly => 1 );
    my %seen = map { $_->get_name => $_ } $c->list_domains, $c->list_defined_domains;
    alarm 0;
    $seen{test} ? 'OK' : 'CRITICAL';
} || "UNKNOWN: $@";
print "$result $code{$result}\n";

# One that is gone.
my $gone = $conn->get_domain_by_name('off');
$gone->undefine;
for my $method (qw(get_max_vcpus get_id get_name get_uuid_string)) {
    my @value = eval { $gone->$method };
    print "gone $method: ", ( $@ ? 'dies ' . ( ref $@ ? $@->code : $@ ) : "@value" ), "\n";
}
for my $method (qw(get_info get_state is_active get_xml_description get_os_type get_max_memory get_autostart))
{
    my @value = eval { $gone->$method };
    print "gone $method: ", ( $@ ? 'dies ' . ( ref $@ ? $@->code : $@ ) : 'lives' ), "\n";
}
my $by = eval { $conn->get_domain_by_name('nobody') };
print defined $by ? 'found' : 'not found: ' . $@->message, "\n";
print "code $@->{code} domain $@->{domain} level $@->{level}\n";
