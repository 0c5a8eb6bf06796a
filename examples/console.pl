#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;
use POSIX ();
use Sys::Virt::Event;

my %option = ( uri => 'test:///default' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV != 1;

Sys::Virt::Event::register_default();
my $conn   = Sys::Virt->new( uri => $option{uri} );
my $dom    = $conn->get_domain_by_name( $ARGV[0] );
my $stream = $conn->new_stream(Sys::Virt::Stream::NONBLOCK);
my $open   = 1;
$dom->open_console( $stream, undef );
$stream->add_callback(
    Sys::Virt::Stream::EVENT_READABLE | Sys::Virt::Stream::EVENT_HANGUP | Sys::Virt::Stream::EVENT_ERROR,
    sub {
        my ( $st, $events ) = @_;
        my $got = $events & Sys::Virt::Stream::EVENT_READABLE ? $st->recv( my $data, 4096 ) : 0;
        syswrite STDOUT, $data if $got > 0;
        $open = 0 if !$got;
    }
);
Sys::Virt::Event::add_handle(
    fileno STDIN,
    Sys::Virt::Event::HANDLE_READABLE,
    sub {
        my $got = sysread STDIN, my $data, 4096;
        return $open = 0 if !$got || $data =~ /\x1d/;
        $stream->send( $data, $got );
    }
);
my $terminal = POSIX::isatty( fileno STDIN );
system 'stty raw -echo' if $terminal;
Sys::Virt::Event::run_default() while $open;
system 'stty sane' if $terminal;
$stream->remove_callback;
$stream->abort;

__END__

=head1 NAME

console.pl - connects the terminal to the serial console of a guest

=head1 SYNOPSIS

    console.pl [--uri URI] DOMAIN

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; C<test:///default> unless given.

=item B<--help>

This text.

=back

=head1 DESCRIPTION

What is typed goes to the guest, what it writes to the screen, until the guest closes the console or Control-] is typed.
Needs a real hypervisor.

=cut
