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
Pod::Usage::pod2usage(2)                              if @ARGV != 2;

my $conn = Sys::Virt->new( uri => $option{uri} );

my ( $name, $file ) = @ARGV;
my $dom = $conn->get_domain_by_name($name);
$dom->save($file);
printf "%s is saved to %s, %d bytes\n", $name, $file, -s $file;
$conn->restore_domain($file);
unlink $file or warn "$file: $!\n";
my ($state) = $conn->get_domain_by_name($name)->get_state;
printf "%s is restored, %s\n", $name,
    $state == Sys::Virt::Domain::STATE_RUNNING ? 'running' : "in state $state";

__END__

=head1 NAME

save-restore.pl - saves a running domain to a file, and restores it

=head1 SYNOPSIS

    save-restore.pl [--uri URI] DOMAIN FILE

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

The domain continues from its saved state. The file is deleted after the domain is restored.

=cut
