# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Round trips: how many messages a method sends over the socket and waits for the reply. On a slow link they are all that counts.
use strict;
use warnings;

use File::Temp ();
use Test::More;
use lib 'xt/lib';
use Stack;

Stack::connect('a');
my $host = Stack::file('host.xml');
open my $file, '>', $host or die "$host: $!";
print {$file} '<node>';
for my $number ( 1 .. 30 ) {
    printf {$file} '<domain type="test"><name>trips-%d</name><uuid>00000000-0000-0000-0000-%012d</uuid>'
        . '<memory>8192</memory><vcpu>2</vcpu><os><type>hvm</type></os></domain>', ($number) x 2;
    printf {$file} '<network><name>trips-%d</name><bridge name="virbr%d"/></network>', ($number) x 2;
}
print {$file} '</node>';
close $file or die $!;
my $uri = Stack::uri('a') =~ s{\Aqemu(.*)/system}{test$1$host}r;

# The cost of one more call of the code: libvirt's client logs each message that it sends; type 0 is a call.
sub trips {
    my ($code) = @_;
    my $program = 'my $c = Sys::Virt->new(uri => shift); my $d = $c->get_domain_by_name("trips-1");'
        . " for (1 .. shift) { $code }";
    my ( $one, $two ) = map {
        my $log = File::Temp->new;
        local $ENV{LIBVIRT_LOG_FILTERS} = '2:rpc.netclient';
        local $ENV{LIBVIRT_LOG_OUTPUTS} = "2:file:$log";
        system( $^X, ( map { "-I$_" } @INC ), '-MSys::Virt', '-e', $program, $uri, $_ ) == 0 or die "$code\n";
        scalar grep { /MSG_TX_QUEUE.* type=0 / } <$log>;
    } 1, 2;
    return $two - $one;
}

my @expected = (
    [ '$c->num_of_domains == 30 or die'                                     => 1 ],
    [ 'my @all = $c->list_all_domains; @all == 30 or die'                   => 1 ],
    [ 'my @all = $c->list_domains; @all == 30 or die'                       => 1 ],
    [ 'my @all = $c->list_defined_domains; @all == 0 or die'                => 1 ],
    [ 'my @all = $c->list_networks; @all == 30 or die'                      => 1 ],
    [ 'my @all = $c->get_all_domain_stats(0); @all == 30 or die'            => 1 ],
    [ '$c->get_domain_by_name("trips-7")'                                   => 1 ],
    [ '$c->get_domain_by_id(7)'                                             => 1 ],
    [ '$c->get_domain_by_uuid("00000000-0000-0000-0000-000000000007")'      => 1 ],
    [ '$c->get_network_by_name("trips-7")'                                  => 1 ],
    [ 'eval { $c->get_domain_by_name("nope"); 1 } and die'                  => 1 ],
    [ '$d->get_name; $d->get_uuid_string; $d->get_id; $c->get_uri'          => 0 ],
    [ '$d->get_info'                                                        => 1 ],
    [ '$d->get_scheduler_parameters'                                        => 1 ],
    [ '$d->set_scheduler_parameters({weight => 50})'                        => 2 ],
    [ 'my @vcpus = $d->get_vcpu_info; @vcpus == 2 or die'                   => 2 ],
    [ 'my $all = Sys::Virt->new(uri => $c->get_uri)->num_of_domains or die' => 6 ],
);
is( trips( $_->[0] ), $_->[1], $_->[0] ) for @expected;

done_testing;
