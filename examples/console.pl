#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use IO::Select   ();
use Pod::Usage   ();
use POSIX        ();
use Sys::Virt;
use Sys::Virt::Console;

my %option = ( uri => 'test:///default' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'force', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV != 1;

my $conn    = Sys::Virt->new( uri => $option{uri} );
my $dom     = $conn->get_domain_by_name( $ARGV[0] );
my $console = Sys::Virt::Console->open( $dom, force => $option{force} );
my $guest   = $console->handle;

# The terminal hands over every key, and shows only what the guest writes; afterwards it is as it was, also after an error.
my $terminal = POSIX::isatty( fileno STDIN ) ? qx{stty -g} : q{};
system 'stty raw -echo' if $terminal;
my $ended = eval { connect_terminal(); 1 };
my $error = $@;
system "stty $terminal" if $terminal;
die $error              if !$ended;
$console->close;

sub connect_terminal {
    my $select = IO::Select->new( \*STDIN, $guest );
    while (1) {
        for my $ready ( $select->can_read ) {
            my $got = sysread $ready, my $data, 4096;
            next   if !defined $got             && $!{EAGAIN};
            return if !$got || $ready != $guest && $data =~ /\x1d/;
            if ( $ready == $guest ) { syswrite STDOUT, $data }
            else                    { $console->send($data) }
        }
    }
    return;
}

__END__

=head1 NAME

console.pl - connects the terminal to the serial console of a guest

=head1 SYNOPSIS

    console.pl [--uri URI] [--force] DOMAIN

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--force>

Disconnects a client that is using the console.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Sends input to the guest and shows its output, until the guest closes the console or you type Control-]. Needs a real
hypervisor.

=cut
