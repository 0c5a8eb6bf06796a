#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;

my %option = ( uri => 'test:///default' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV < 1 || @ARGV > 3;

my $conn = Sys::Virt->new( uri => $option{uri} );

my ( $name, $vcpu, $where ) = @ARGV;
my $dom = $conn->get_domain_by_name($name);
if ( defined $where ) {
    my $mask = q{};
    for my $part ( split /,/, $where ) {
        my ( $from, $to ) = $part =~ /\A(\d+)(?:-(\d+))?\z/
            or Pod::Usage::pod2usage("not a list of processors: $where");
        vec( $mask, $_, 1 ) = 1 for $from .. $to // $from;
    }
    $dom->pin_vcpu( $vcpu, $mask );
}
for my $info ( $dom->get_vcpu_info ) {
    my @may = grep { vec $info->{affinity}, $_, 1 } 0 .. 8 * length( $info->{affinity} ) - 1;
    printf "vCPU %d on CPU %s, may run on %s\n", $info->{number}, $info->{cpu} // '-', join ',', @may;
}

__END__

=head1 NAME

vcpu-pin.pl - shows or sets the host CPUs on which a vCPU may run

=head1 SYNOPSIS

    vcpu-pin.pl [--uri URI] DOMAIN [VCPU CPUS]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

CPUS is a list such as 0,2-3. Without it, the script shows the host CPU on which each vCPU runs, and those on which it may run.

=cut
