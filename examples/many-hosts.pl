#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use POSIX        ();
use Pod::Usage   ();
use Sys::Virt;

my %option = ( uri => 'test:///default', limit => 32, timeout => 10, progress => POSIX::isatty(2) );
Getopt::Long::GetOptions( \%option, 'uri=s', 'limit=i', 'timeout=f', 'progress!', 'help' )
    or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};

my @hosts   = @ARGV ? @ARGV : $option{uri};
my @waiting = 0 .. $#hosts;
my %limit   = ( timeout => $option{timeout} );
my ( @line, $failed, $over );

# Returns a future for the number of domains and of active domains of a host.
sub domains {
    my ($uri) = @_;
    return Sys::Virt->async(%limit)->new( uri => $uri, readonly => 1 )->then(
        sub {
            my ($conn) = @_;
            return $conn->async(%limit)->list_all_domains->then(
                sub {
                    my $number = @_;
                    return $conn->async(%limit)->num_of_domains->then( sub { ( $number, $_[0] ) } );
                }
            );
        }
    );
}

sub progress {
    $over++;
    return if !$option{progress};
    my $width = int 50 * $over / @hosts;
    printf {*STDERR} "\r[%-50s] %d of %d hosts%s", '#' x $width, $over, scalar @hosts,
        $over == @hosts ? "\n" : q{};
    return;
}

# Handles one host after the other, until none is left.
sub lane {
    my $number = shift @waiting // return;
    return domains( $hosts[$number] )->then(
        sub { $line[$number] = sprintf '%d domains, %d of them active', @_ },
        sub {
            my ($error) = @_;
            $line[$number] = ref $error ? $error->message : $error;
            $failed = 1;
        }
    )->then( \&progress )->then( \&lane );
}

my @lanes = map { lane() // () } 1 .. $option{limit};
Sys::Virt::Future->wait_all(@lanes)->get;
printf "%-30s %s\n", $hosts[$_], $line[$_] for 0 .. $#hosts;
exit( $failed ? 1 : 0 );

__END__

=head1 NAME

many-hosts.pl - counts the domains of many hosts at the same time

=head1 SYNOPSIS

    many-hosts.pl [--limit 32] [--timeout 10] [--no-progress] [--uri URI] [URI ...]

=head1 OPTIONS

=over

=item B<--limit> NUMBER

The maximum number of hosts to query at the same time.

=item B<--timeout> SECONDS

How long to wait for connecting to a host, and for each of its answers.

=item B<--progress>, B<--no-progress>

Shows a progress bar, or does not; by default only on a terminal.

=item B<--uri> URI

The host, if no other is named; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Queries the hosts in parallel. A host that fails, or hangs longer than the time limit, is reported and does not delay the others.
The exit status is 1 if any host failed.

=cut
