#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;
use Time::HiRes ();

my %option = ( uri => 'test:///default', count => 2, interval => 1 );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help', 'count=i', 'interval=f' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV;

my $conn = Sys::Virt->new( uri => $option{uri}, readonly => 1 );

local $| = 1;
my %before;
for my $look ( 1 .. $option{count} ) {
    my $now = Time::HiRes::time();
    my @rows;
    for my $dom ( $conn->list_all_domains(Sys::Virt::Domain::LIST_ACTIVE) ) {
        my $info = eval { $dom->get_info } or next;    # it stopped meanwhile
        my $name = $dom->get_name;
        my $last = $before{$name};
        my $load = $last ? ( $info->{cpuTime} - $last->[0] ) / ( $now - $last->[1] ) / 1e7 : 0;
        $before{$name} = [ $info->{cpuTime}, $now ];
        push @rows, [ $load, $info->{memory} / 1024, $name ];
    }
    printf "%6s %9s  %s\n", '%CPU', 'MiB', 'NAME';
    printf "%6.1f %9d  %s\n", @$_ for sort { $b->[0] <=> $a->[0] || $a->[2] cmp $b->[2] } @rows;
    Time::HiRes::sleep( $option{interval} ) if $look < $option{count};
}

__END__

=head1 NAME

top.pl - shows the domains that use most processor time, again and again

=head1 SYNOPSIS

    top.pl [--uri URI] [--count N] [--interval SECONDS]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; C<test:///default> unless given.

=item B<--count> N

How many looks; 2 unless given.

=item B<--interval> SECONDS

How long between two of them; 1 unless given.

=item B<--help>

This text.

=back

=head1 DESCRIPTION

Asks for the statistics of all domains with one call per look, and sorts by the share of one processor that each used
since the last.

=cut
