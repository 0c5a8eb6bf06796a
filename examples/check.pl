#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;

my %exit   = ( OK  => 0, WARNING => 1, CRITICAL => 2, UNKNOWN => 3 );
my %option = ( uri => 'test:///default', timeout => 10 );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help', 'timeout=f', 'warning=i', 'critical=i', 'running=s@' )
    or Pod::Usage::pod2usage( -exitval => $exit{UNKNOWN} );
Pod::Usage::pod2usage( -verbose => 1, -exitval => $exit{OK} ) if $option{help};
Pod::Usage::pod2usage( -exitval => $exit{UNKNOWN} )           if @ARGV;

my ( $status, $message ) = eval { check() };
if ( !defined $status ) {
    $message = ref $@                                                        ? $@->message : $@;
    $status  = ref $@ && $@->code == Sys::Virt::Error::ERR_OPERATION_TIMEOUT ? 'CRITICAL'  : 'UNKNOWN';
}
$message =~ s/\s+/ /g;
print "LIBVIRT $status - $message\n";
exit $exit{$status};

# The time limit applies to connecting and to every call, even if the daemon accepts the connection and never answers.
sub check {
    my $conn   = Sys::Virt->new( uri => $option{uri}, readonly => 1, timeout => $option{timeout} );
    my %domain = map { $_->get_name => $_->get_info } $conn->list_all_domains;
    my $node   = $conn->get_node_info;
    my @up     = grep { $domain{$_}{state} == Sys::Virt::Domain::STATE_RUNNING } keys %domain;
    my $used   = 0;
    $used += $domain{$_}{memory} for @up;
    my $percent = $node->{memory} ? 100 * $used / $node->{memory} : 0;
    my $text =
        sprintf '%d of %d domains running, %.0f %% of the memory allocated|running=%d memory=%.0f%%;%s;%s',
        scalar @up, scalar keys %domain, $percent, scalar @up, $percent, $option{warning} // q{},
        $option{critical} // q{};

    my @down = grep { !$domain{$_} || $domain{$_}{state} != Sys::Virt::Domain::STATE_RUNNING }
        @{ $option{running} // [] };
    return ( 'CRITICAL', "not running: @down; $text" ) if @down;
    return ( 'CRITICAL', $text ) if defined $option{critical} && $percent > $option{critical};
    return ( 'WARNING',  $text ) if defined $option{warning}  && $percent > $option{warning};
    return ( 'OK',       $text );
}

__END__

=head1 NAME

check.pl - a plugin for Nagios, Icinga and similar monitoring systems, with a reliable time limit

=head1 SYNOPSIS

    check.pl [--uri URI] [--timeout SECONDS] [--running DOMAIN ...] [--warning PERCENT] [--critical PERCENT]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>. It is opened read-only.

=item B<--timeout> SECONDS

The time limit for connecting and for each call; the default is 10. After that time the status is CRITICAL.

=item B<--running> DOMAIN

The status is CRITICAL unless the domain is running; may be repeated.

=item B<--warning> PERCENT, B<--critical> PERCENT

Limits for the total memory of the running domains, in percent of the host's memory.

=item B<--help>

Prints this text.

=back

=cut
