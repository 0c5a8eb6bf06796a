#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use FindBin      ();
use Getopt::Long ();
use Pod::Usage   ();
use lib $FindBin::Bin;
use Bench;

my %option;
Getopt::Long::GetOptions( \%option, 'markdown', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage(0) if $option{help};

my %perl = Bench::perls();
print Bench::versions(%perl), " Bytes.\n\n";
my $print = Bench::table( $option{markdown}, 'what', qw(original ours ratio) );

# The module: what is in use of the heap, and which memory of the process nobody else shares.
Bench::measure_heap();
my %loaded = map { $_ => [ split q{ }, Bench::output( @{ $perl{$_} }, '-e', loaded() ) ] } keys %perl;
my @labels = ( 'module: heap', 'module: private memory', 'module: resident memory' );
line( $labels[$_], $loaded{original}[$_], $loaded{ours}[$_] ) for 0 .. $#labels;

# How many of each are kept: connections are large, and libvirt looks at all subscriptions for each new one.
my %kept = (
    'connect'                 => 200,
    'lookup by name'          => 50_000,
    'lookup of a network'     => 50_000,
    'lookup of a pool'        => 50_000,
    'lookup of a volume'      => 50_000,
    'lookup of an interface'  => 50_000,
    'lookup of a node device' => 50_000,
    'stream'                  => 50_000,
    'event subscription'      => 1_000,
    'timer'                   => 50_000,
    'domain get_info'         => 10_000,
    'get_node_info'           => 10_000,
    'domain scheduler get'    => 10_000,
    'domain get_vcpu_info'    => 10_000,
);
my %worker = map { $_ => Bench::start( $_, @{ $perl{$_} }, $Bench::WORKER ) } keys %perl;
for my $name ( sort keys %kept ) {
    my %each;
    for my $which ( keys %worker ) {
        Bench::ask( $worker{$which}, $name, 10, 'keep' );
        $each{$which} = ( Bench::ask( $worker{$which}, $name, $kept{$name}, 'keep' ) )[2] / $kept{$name};
    }
    line( $name, @each{qw(original ours)} );
}

sub line {
    my ( $name, $original, $ours ) = @_;
    $print->( $name, ( map { sprintf '%.0f', $_ } $original, $ours ), Bench::ratio( $ours, $original ) );
    return;
}

# For a perl of its own: prints what loading the module adds.
sub loaded {
    return <<"PERL";
        use lib '$FindBin::Bin';
        use Bench;
        Bench::measure_heap();
        sub mapped {
            local \@ARGV = ('/proc/self/smaps_rollup');
            my \%kib;
            while (<>) { \$kib{\$1} += \$2 if /^(Rss|Private)\\w*:\\s*(\\d+)/ }
            return ( Bench::heap(), \$kib{Private} * 1024, \$kib{Rss} * 1024 );
        }
        my \@before = mapped();
        \@before = mapped();
        require Sys::Virt;
        my \@after = mapped();
        print join q{ }, map { \$after[\$_] - \$before[\$_] } 0 .. 2;
PERL
}

__END__

=head1 NAME

memory.pl - what the module, a handle, a subscription and a result take of memory

=head1 SYNOPSIS

    bench/memory.pl [--markdown]

=head1 DESCRIPTION

Needs a built tree (C<make>) and the original (Debian: C<libsys-virt-perl>). Handles and results: what malloc has in use
(F<bench/heap.c>) when thousands of them are kept, divided by their number; libvirt's own share is included, and the element of
the array that keeps them.

=cut
