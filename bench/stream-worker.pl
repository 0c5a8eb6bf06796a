# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# One transfer for bench/stream.pl: stream-worker.pl URI VOLUME FILE OPERATION.
use strict;
use warnings;

use Fcntl qw(SEEK_CUR SEEK_END SEEK_SET);
use Sys::Virt;
use constant { SEEK_DATA => 3, SEEK_HOLE => 4, BLOCK => 262_120 };

my ( $uri, $volume, $path, $operation ) = @ARGV;
my $conn = Sys::Virt->new( uri => $uri );
my $vol  = $conn->get_storage_volume_by_path($volume);
my $st   = $conn->new_stream;
$st->can('send_from') and require Sys::Virt::Stream::Transfer;    # a part of the start
exit 0 if $operation eq 'nothing';

my $up     = $operation =~ /upload/;
my $sparse = $operation =~ /sparse/;
open my $file, $up ? '<:raw' : '>:raw', $path or die "$path: $!\n";
my $flags = !$sparse ? 0 : $up ? $vol->VOL_UPLOAD_SPARSE_STREAM : $vol->VOL_DOWNLOAD_SPARSE_STREAM;
if ($up) { $vol->upload( $st, 0, 0, $flags ) }
else     { $vol->download( $st, 0, 0, $flags ) }

if ( $operation =~ /file/ ) {
    if   ($up) { $st->send_from($file) }
    else       { $st->receive_to($file) }
    exit 0;
}
my $from_file = sub { return sysread $file, $_[1], $_[2] };
my $to_file   = sub { return syswrite $file, $_[1], $_[2] };

if ( $operation =~ /loop/ && $up ) {
    while ( my $got = sysread $file, my $data, BLOCK ) {
        while ($got) {
            my $sent = $st->send( $data, $got );
            $got -= $sent;
            $data = substr $data, $sent if $got;
        }
    }
}
elsif ( $operation =~ /loop/ ) {
    while ( $st->recv( my $data, BLOCK ) > 0 ) { syswrite $file, $data or die $! }
}
elsif ( $sparse && $up ) {
    $st->sparse_send_all(
        $from_file,
        sub {
            my $here = sysseek $file, 0, SEEK_CUR;
            my $next = sysseek $file, $here, SEEK_DATA;
            my $data = defined $next && $next == $here;
            $next = $data ? sysseek $file, $here, SEEK_HOLE : $next // sysseek $file, 0, SEEK_END;
            sysseek $file, $here, SEEK_SET;
            return ( $data ? 1 : 0, $next - $here );
        },
        sub { my ( $stream, $length ) = @_; return sysseek( $file, $length, SEEK_CUR ) ? 0 : -1 }
    );
}
elsif ($sparse) {
    my $make_hole = sub {
        my ( $stream, $length ) = @_;
        return truncate( $file, sysseek $file, $length, SEEK_CUR ) ? 0 : -1;
    };
    $st->sparse_recv_all( $to_file, $make_hole );
}
elsif ($up) { $st->send_all($from_file) }
else        { $st->recv_all($to_file) }
$st->finish;
