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
my $always =
    Sys::Virt::Stream::EVENT_READABLE | Sys::Virt::Stream::EVENT_HANGUP | Sys::Virt::Stream::EVENT_ERROR;
my ( $open, $typed ) = ( 1, q{} );
$dom->open_console( $stream, undef );
$stream->add_callback(
    $always,
    sub {
        my ( $st, $events ) = @_;
        if ( $events & Sys::Virt::Stream::EVENT_WRITABLE ) {
            my $sent = $st->send( $typed, length $typed );    # maybe not all, or -2: try again later
            substr $typed, 0, $sent, q{} if $sent > 0;
            $st->update_callback($always) if $typed eq q{};
        }
        if ( $events & Sys::Virt::Stream::EVENT_READABLE ) {
            my $got = $st->recv( my $data, 4096 );
            syswrite STDOUT, $data if $got > 0;
            $open = 0 if !$got;
            return    if $got > 0;    # a hangup may arrive together with data: read the rest
        }
        $open = 0 if $events & ( Sys::Virt::Stream::EVENT_HANGUP | Sys::Virt::Stream::EVENT_ERROR );
    }
);
Sys::Virt::Event::add_handle(
    fileno STDIN,
    Sys::Virt::Event::HANDLE_READABLE,
    sub {
        my $got = sysread STDIN, my $data, 4096;
        return $open = 0 if !$got || $data =~ /\x1d/;
        $typed .= $data;
        $stream->update_callback( $always | Sys::Virt::Stream::EVENT_WRITABLE );
    }
);

# In raw mode the terminal passes on every key, and shows only the guest's output. Restore it afterwards, also after an error.
my $terminal = POSIX::isatty( fileno STDIN ) ? qx{stty -g} : q{};
system 'stty raw -echo' if $terminal;
my $ended = eval { Sys::Virt::Event::run_default() while $open; 1 };
my $error = $@;
system "stty $terminal" if $terminal;
die $error              if !$ended;
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

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Sends input to the guest and shows its output, until the guest closes the console or you type Control-]. Needs a real
hypervisor.

=cut
