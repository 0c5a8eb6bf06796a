#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use File::Temp   ();
use FindBin      ();
use Getopt::Long ();
use List::Util   qw(max min sum);
use Pod::Usage   ();
use lib $FindBin::Bin;
use Bench;

my %option = ( rounds => 9, time => 0.05 );
Getopt::Long::GetOptions( \%option, 'rounds=i', 'time=f', 'only=s', 'trips', 'markdown', 'help' )
    or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage(0) if $option{help};

my %perl = Bench::perls();
$ENV{BENCH_SOCKET} = Bench::daemon();
my @virsh = ( qw(virsh -q -c), "qemu+unix:///system?socket=$ENV{BENCH_SOCKET}" );
my $guest = guest();
our %OPERATIONS;
require "$Bench::ROOT/bench/operations.pl";

my %worker = map { $_ => Bench::start( $_, @{ $perl{$_} }, $Bench::WORKER ) } keys %perl;
printf
    "Original: Sys::Virt %s. Ours: %s. Over a unix socket to a libvirtd; the fastest of %d rounds, interleaved.\n\n",
    $worker{original}{version}, $worker{ours}{version}, $option{rounds};
my $print = Bench::table(
    $option{markdown}, 'operation',
    qw(original ours ratio),
    'CPU time, ratio',
    'trips, original',
    'trips, ours'
);
my ( @ratios, @worse );

for my $name ( sort keys %OPERATIONS ) {
    next if $option{only} && $name !~ /$option{only}/ || $name =~ /timer|10000/;
    my %trips = map { $_ => trips( $_, $name ) } keys %perl;
    push @worse, $name if $trips{ours} > $trips{original};
    my %time;
    if ( !$option{trips} ) {
        %time = fastest($name);
        push @ratios, $time{ours}[1] / $time{original}[1];
    }
    $print->(
        $name,
        ( map { $time{$_} && sprintf '%.1f us', $time{$_}[1] * 1e6 } qw(original ours) ),
        ( map { %time ? Bench::ratio( $time{ours}[$_], $time{original}[$_] ) : q{} } 1, 0 ),
        @trips{qw(original ours)}
    );
}
printf "\nGeometric mean %.2f over %d operations\n", exp( sum( map { log } @ratios ) / @ratios ),
    scalar @ratios
    if @ratios;
print "\nMore round trips than the original's: @{[ join ', ', @worse ]}\n" if @worse;

# Round trips of one call: libvirt's client logs each message that it sends, and type 0 is a call, which waits for a reply.
sub trips {
    my ( $which, $name )  = @_;
    my ( $one,   $three ) = map {
        my $log = File::Temp->new;
        local $ENV{LIBVIRT_LOG_FILTERS} = '2:rpc.netclient';
        local $ENV{LIBVIRT_LOG_OUTPUTS} = "2:file:$log";
        Bench::output( @{ $perl{$which} }, $Bench::WORKER, $name, $_ );
        scalar grep { /MSG_TX_QUEUE.* type=0 / } <$log>;
    } 1, 3;
    return ( $three - $one ) / 2;
}

# Of both, the least CPU time of their own and the least time that passed, per call.
sub fastest {
    my ($name) = @_;
    my ( %iterations, %least );
    for my $which ( keys %perl ) {
        my $time = ( Bench::ask( $worker{$which}, $name, 1 ) )[1];
        $time = ( Bench::ask( $worker{$which}, $name, 3 ) )[1] / 3;
        $iterations{$which} = max( 1, int( $option{time} / $time ) );
    }
    for ( 1 .. $option{rounds} ) {
        for my $which (qw(original ours)) {
            my @time =
                map { $_ / $iterations{$which} } Bench::ask( $worker{$which}, $name, $iterations{$which} );
            $least{$which}[$_] = min( grep { defined } $time[$_], $least{$which}[$_] ) for 0, 1;
        }
    }
    return %least;
}

# A guest of QEMU's whose parameters can be asked for.
sub guest {
    my $disk = File::Temp->new( SUFFIX => '.img' );
    truncate $disk, 2**20 or die $!;
    my $xml = File::Temp->new( SUFFIX => '.xml' );
    print {$xml} <<"XML";
<domain type='qemu'>
  <name>bench-remote</name><memory unit='MiB'>64</memory><vcpu>2</vcpu><iothreads>1</iothreads>
  <os><type>hvm</type></os><on_crash>destroy</on_crash>
  <devices>
    <disk type='file'><driver name='qemu' type='raw'/><source file='$disk'/><target dev='vda' bus='virtio'/></disk>
    <interface type='network'><mac address='52:54:00:be:9c:01'/><source network='default'/></interface>
  </devices>
</domain>
XML
    close $xml or die $!;
    Bench::output( @virsh, 'create', "$xml" );
    return $disk;
}

END {
    if ($guest) {
        my $status = $?;
        system "@virsh destroy bench-remote >/dev/null";
        $? = $status;    ## no critic (RequireLocalizedPunctuationVars)
    }
}

__END__

=head1 NAME

remote.pl - times calls over a socket to a libvirtd, and counts their round trips

=head1 SYNOPSIS

    bench/remote.pl [--rounds 9] [--time 0.05] [--only PATTERN] [--trips] [--markdown]

=head1 DESCRIPTION

Needs root, a built tree (C<make>) and the original (Debian: C<libsys-virt-perl>). Brings up a private libvirtd
(F<tools/libvirt-stack>) unless one is up. It serves the test driver, for the operations of F<bench/operations.pl>, and a QEMU
guest, for those called "real". Both implementations take turns. C<--trips> only counts.

=cut
