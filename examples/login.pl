#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;
use Sys::Virt::Console;

my %option = ( uri => 'test:///default', user => 'root', timeout => 60 );
Getopt::Long::GetOptions( \%option, 'uri=s', 'user=s', 'timeout=f', 'verbose', 'help' )
    or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV < 2;

my ( $name, @commands ) = @ARGV;
my $conn    = Sys::Virt->new( uri => $option{uri} );
my $dom     = $conn->get_domain_by_name($name);
my $console = Sys::Virt::Console->open(
    $dom,
    force   => 1,
    timeout => $option{timeout},
    $option{verbose} ? ( log => \*STDERR ) : ()
);
$console->login( user => $option{user}, password => $ENV{GUEST_PASSWORD} );

my $failed = 0;
for my $command (@commands) {
    my ( $output, $status ) = $console->run($command);
    print $output;
    $failed = $status if $status;
}
$console->send_line('exit');
$console->close;
exit $failed;

__END__

=head1 NAME

login.pl - logs in at the serial console of a guest, and runs commands there

=head1 SYNOPSIS

    login.pl [--uri URI] [--user NAME] [--timeout SECONDS] [--verbose] DOMAIN COMMAND...

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; C<test:///default> unless given.

=item B<--user> NAME

Who logs in; C<root> unless given. The password is in the environment variable C<GUEST_PASSWORD>.

=item B<--timeout> SECONDS

How long the login, and each command, may take; 60 unless given.

=item B<--verbose>

Show what the guest writes on standard error.

=item B<--help>

This text.

=back

=head1 DESCRIPTION

Each COMMAND is a line for the shell of the guest; its output is printed. The status is that of the last command that failed, or 0.
Needs a real hypervisor, and a guest with a login or a shell at its serial console.

=cut
