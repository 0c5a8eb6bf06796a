#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use List::Util   ();
use Pod::Usage   ();
use POSIX        ();
use Sys::Virt;
use Time::HiRes ();

my %option = ( uri => 'test:///default', interval => 2 );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help', 'count=i', 'interval=f' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV;

my $conn = Sys::Virt->new( uri => $option{uri}, readonly => 1 );
my $which =
    Sys::Virt::Domain::STATS_CPU_TOTAL | Sys::Virt::Domain::STATS_BALLOON |
    Sys::Virt::Domain::STATS_INTERFACE | Sys::Virt::Domain::STATS_BLOCK;
my %kind = (  # the columns between memory and name, in KiB per second, and the counters that they are made of
    RECEIVED => qr/\Anet[.]\d+[.]rx[.]bytes\z/,
    SENT     => qr/\Anet[.]\d+[.]tx[.]bytes\z/,
    READ     => qr/\Ablock[.]\d+[.]rd[.]bytes\z/,
    WRITTEN  => qr/\Ablock[.]\d+[.]wr[.]bytes\z/,
);
my @columns = qw(RECEIVED SENT READ WRITTEN);

local $| = 1;
my ( %before, $then );
for ( my $looks = 1 ; ; $looks++ ) {
    my $now = Time::HiRes::time();
    my ( %seen, @rows );
    for my $record ( $conn->get_all_domain_stats( $which, undef, Sys::Virt::Domain::GET_ALL_STATS_ACTIVE ) ) {
        my ( $dom, $data ) = @{$record}{qw(dom data)};
        my $total = totals( $dom, $data ) or next;
        my $last  = $before{ $dom->get_uuid } // $total;
        $seen{ $dom->get_uuid } = $total;
        my %rate = map { $_ => ( $total->{$_} - $last->{$_} ) / ( $now - ( $then // 0 ) ) } 'cpu', @columns;
        push @rows,
            [
            $rate{cpu} / 1e7,
            $total->{memory} / 1024,
            ( map { $rate{$_} / 1024 } @columns ),
            $dom->get_name
            ];
    }
    ( $then, %before ) = ( $now, %seen );
    print POSIX::isatty( fileno STDOUT ) ? "\e[H\e[J" : $looks > 1 ? "\n" : q{};    # the screen anew
    printf "%6s %9s %9s %9s %9s %9s  %s\n", '%CPU', 'MiB', @columns, 'NAME';
    printf "%6.1f %9d %9d %9d %9d %9d  %s\n", @$_
        for sort { $b->[0] <=> $a->[0] || $a->[-1] cmp $b->[-1] } @rows;
    last if $option{count} && $looks >= $option{count};
    Time::HiRes::sleep( $option{interval} );
}

# What counts up in a domain, and its memory. Drivers without statistics of that kind (the test driver) are asked domain by
# domain; nothing for a domain that has stopped meanwhile.
sub totals {
    my ( $dom, $data ) = @_;
    my %total = ( cpu => $data->{'cpu.time'}, memory => $data->{'balloon.current'} );
    if ( !defined $total{cpu} || !defined $total{memory} ) {
        my $info = eval { $dom->get_info } or return;
        @total{qw(cpu memory)} = @{$info}{qw(cpuTime memory)};
    }
    for my $column (@columns) {
        $total{$column} = List::Util::sum( 0, @{$data}{ grep { $_ =~ $kind{$column} } keys %$data } );
    }
    return \%total;
}

__END__

=head1 NAME

top.pl - shows what the domains use, as a live table

=head1 SYNOPSIS

    top.pl [--uri URI] [--count N] [--interval SECONDS]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; C<test:///default> unless given.

=item B<--count> N

How many looks; unless given, until Control-C.

=item B<--interval> SECONDS

How long between two of them; 2 unless given.

=item B<--help>

This text.

=back

=head1 DESCRIPTION

A live table, with the busiest domain on top: the share of one processor that it used since the last look, its memory in
MiB, and what it received and sent over the network, and read from and wrote to its disks, in KiB per second. One call per look
asks for the statistics of all domains. Where the output is no terminal, the tables stand one below the other.

=cut
