#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;
use POSIX ();

my %option = ( uri => 'test:///default' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV != 3;

my ( $pool, $volume, $name ) = @ARGV;
my $conn = Sys::Virt->new( uri => $option{uri} );
my $vol  = $conn->get_storage_pool_by_name($pool)->get_volume_by_name($volume);
open my $file, '<:raw', $name or die "$name: $!\n";
my $stream = $conn->new_stream;
my $bar    = progress( -s $file );
$vol->upload( $stream, 0, 0, Sys::Virt::StorageVol::VOL_UPLOAD_SPARSE_STREAM );
my $total = $stream->send_from( $file, on_progress => sub { my ($done) = @_; $bar->update($done) if $bar } );
print {*STDERR} "\n" if $bar;    # end the line of the bar
printf "%d bytes\n", $total;

# A progress bar, if the module is installed and the output is a terminal.
sub progress {
    my ($total) = @_;
    return Term::ProgressBar->new( { count => $total, ETA => 'linear', remove => 0 } )
        if POSIX::isatty( fileno STDERR ) && eval { require Term::ProgressBar };
    return;
}

__END__

=head1 NAME

volume-upload.pl - uploads a file to a storage volume

=head1 SYNOPSIS

    volume-upload.pl [--uri URI] POOL VOLUME FILE

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

The data is transferred through a stream of the connection. If Term::ProgressBar from CPAN is installed, the script draws a
progress bar. Needs a real libvirt: the test driver has no such streams.

=cut
