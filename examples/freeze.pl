#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;

my %option = ( uri => 'test:///default' );
Getopt::Long::Configure('require_order');    # the command has options of its own
Getopt::Long::GetOptions( \%option, 'uri=s', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV < 2;

my ( $name, @command ) = @ARGV;
my $conn = Sys::Virt->new( uri => $option{uri} );
my $dom  = $conn->get_domain_by_name($name);
printf "%d file systems are frozen\n", $dom->fs_freeze( [] );
my $status = system @command;
printf "%d file systems are thawed\n", $dom->fs_thaw( [] );
exit $status >> 8;

__END__

=head1 NAME

freeze.pl - holds the file systems of a guest while a command runs

=head1 SYNOPSIS

    freeze.pl [--uri URI] DOMAIN COMMAND...

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; C<test:///default> unless given.

=item B<--help>

This text.

=back

=head1 DESCRIPTION

The agent in the guest flushes and freezes all file systems; the command (a snapshot of the storage, say) runs; they are
thawed whatever happens. The status is the command's. Needs a guest with an agent.

=cut
