#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use MIME::Base64 ();
use Pod::Usage   ();
use Time::HiRes  ();
use Sys::Virt;
use Sys::Virt::QEMU;

my %option = ( uri => 'test:///default', timeout => 60 );
Getopt::Long::Configure('require_order');    # the command may have its own options
Getopt::Long::GetOptions( \%option, 'uri=s', 'timeout=f', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV < 2;

my ( $name, $path, @arguments ) = @ARGV;
my $conn = Sys::Virt->new( uri => $option{uri} );
my $dom  = $conn->get_domain_by_name($name);

sub agent {
    my ( $command, %with ) = @_;
    return Sys::Virt::QEMU::agent_json( $dom, { execute => $command, arguments => \%with } );
}

my $task = agent( 'guest-exec', path => $path, arg => \@arguments, 'capture-output' => \1 );
my $end  = Time::HiRes::time() + $option{timeout};
my $wait = 0.05;
my $status;
until ( ( $status = agent( 'guest-exec-status', pid => $task->{pid} ) )->{exited} ) {
    die "$path: still running after $option{timeout} seconds\n" if Time::HiRes::time() > $end;
    Time::HiRes::sleep($wait);
    $wait *= 1.5 if $wait < 1;
}
print MIME::Base64::decode_base64( $status->{'out-data'} // q{} );
print STDERR MIME::Base64::decode_base64( $status->{'err-data'} // q{} );
print STDERR "$path: signal $status->{signal}\n" if $status->{signal};
exit( $status->{signal} ? 128 + $status->{signal} : $status->{exitcode} );

__END__

=head1 NAME

agent.pl - runs a command in a guest, and shows its output and exit status

=head1 SYNOPSIS

    agent.pl [--uri URI] [--timeout SECONDS] DOMAIN COMMAND [ARGUMENT...]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--timeout> SECONDS

How long to wait for the command; the default is a minute. After that time the command continues in the guest.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

The guest's agent starts the command without a shell. To use a shell, name it: C<agent.pl web sh -c 'ls /etc | wc -l'>. The
script prints the output of the command, and exits with its exit status. Needs a QEMU guest with an agent that is allowed to
run commands.

=cut
