#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;

my %option = ( uri => 'test:///default' );
Getopt::Long::Configure('require_order');    # the command may have its own options
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

freeze.pl - freezes the file systems of a guest while a command runs

=head1 SYNOPSIS

    freeze.pl [--uri URI] DOMAIN COMMAND...

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

The agent in the guest flushes and freezes all file systems. The script then runs the command, such as a snapshot of the
storage, and thaws the file systems even if the command fails. It exits with the status of the command. Needs a guest with an
agent.

=cut
