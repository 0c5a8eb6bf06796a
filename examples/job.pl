#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;

my %option = ( uri => 'test:///default' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help', 'abort' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV != 1;

my $conn = Sys::Virt->new( uri => $option{uri} );

my $dom = $conn->get_domain_by_name( $ARGV[0] );
if ( $option{abort} ) {
    $dom->abort_job;
    exit 0;
}
my ( $type, $job ) = $dom->get_job_stats;
if ( $type == Sys::Virt::Domain::JOB_NONE ) {
    print "no job\n";
    exit 0;
}
printf "%-25s %s\n", 'type', lc( $dom->name_of( 'JOB', $type ) // $type );
my $operation = $job->{ Sys::Virt::Domain::JOB_OPERATION() };
$job->{ Sys::Virt::Domain::JOB_OPERATION() } =
    lc( $dom->name_of( 'JOB_OPERATION', $operation ) // $operation )
    if defined $operation;
printf "%-25s %s\n", $_, $job->{$_} for sort keys %$job;

__END__

=head1 NAME

job.pl - shows the running job of a domain

=head1 SYNOPSIS

    job.pl [--uri URI] [--abort] DOMAIN

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--abort>

Cancels the job.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Prints the progress of a migration, a save, a backup or another job. With C<--abort>, cancels the job.

=cut
