#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use JSON::PP     ();
use Pod::Usage   ();
use Sys::Virt;

my %option = ( uri => 'test:///default' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help', 'json', 'list', 'host=s' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV;

my $conn    = Sys::Virt->new( uri => $option{uri}, readonly => 1 );
my @domains = map { describe($_) } sort { $a->get_name cmp $b->get_name } $conn->list_all_domains;
if    ( $option{list} ) { print_json( groups() ) }
elsif ( defined $option{host} ) {
    print_json( ( map { variables($_) } grep { $_->{name} eq $option{host} } @domains )[0] // {} );
}
elsif ( $option{json} ) { print_json( \@domains ) }
else {
    printf "%-20s %-9s %3d vCPU %8d MiB  %-30s %s\n", @{$_}{qw(name state vcpus memory_mib)},
        join( q{ }, @{ $_->{addresses} } ), $_->{autostart} ? 'starts with the host' : q{}
        for @domains;
}

# In JSON, numbers are numbers, and booleans are true or false.
sub describe {
    my ($dom) = @_;
    my $info = $dom->get_info;
    return {
        name       => $dom->get_name,
        uuid       => $dom->get_uuid_string,
        state      => lc( $dom->name_of( 'STATE', $info->{state} ) // 'unknown' ),
        vcpus      => 0 + $info->{nrVirtCpu},
        memory_mib => int( $info->{memory} / 1024 ),
        autostart  => $dom->get_autostart ? JSON::PP::true() : JSON::PP::false(),
        persistent => $dom->is_persistent ? JSON::PP::true() : JSON::PP::false(),
        addresses  => [ $dom->is_active ? addresses($dom) : () ],
    };
}

# Addresses from the first source that has some: DHCP leases, the agent in the guest, the host's ARP table. A source that the driver
# lacks, or a guest without an agent, is not an error.
sub addresses {
    my ($dom) = @_;
    for my $source (
        Sys::Virt::Domain::INTERFACE_ADDRESSES_SRC_LEASE,
        Sys::Virt::Domain::INTERFACE_ADDRESSES_SRC_AGENT,
        Sys::Virt::Domain::INTERFACE_ADDRESSES_SRC_ARP
    ) {
        my @cards = eval { $dom->get_interface_addresses($source) };
        my @found = map { $_->{addr} } map { @{ $_->{addrs} } } grep { $_->{name} ne 'lo' } @cards;
        return @found if @found;
    }
    return;
}

# Prints the JSON of an Ansible inventory script.
sub variables {
    my ($domain) = @_;
    return {
        ( map { ( "libvirt_$_" => $domain->{$_} ) } keys %$domain ),
        @{ $domain->{addresses} } ? ( ansible_host => $domain->{addresses}[0] ) : ()
    };
}

sub groups {
    my %groups = ( _meta => { hostvars => { map { $_->{name} => variables($_) } @domains } } );
    push @{ $groups{ $_->{state} }{hosts} }, $_->{name} for @domains;
    return \%groups;
}

sub print_json {
    my ($data) = @_;
    print JSON::PP->new->canonical->pretty->utf8->encode($data);
    return;
}

__END__

=head1 NAME

inventory.pl - lists the domains of a host with their addresses, also for configuration tools

=head1 SYNOPSIS

    inventory.pl [--uri URI] [--json]
    inventory.pl [--uri URI] --list
    inventory.pl [--uri URI] --host NAME

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>. It is opened read-only.

=item B<--json>

Prints JSON instead of a table.

=item B<--list>, B<--host> NAME

Prints the JSON of an Ansible inventory script: groups by state, and the variables of all hosts or of one host.

=item B<--help>

Prints this text.

=back

=cut
