# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Handlers of streams that return whatever their last statement gives.
# on: storage
# only ours warns: send_all: the handler returned 0, so that 5 bytes in its second argument were not sent
# only ours warns: isn't numeric in a callback \(the handler's result\)
# only the original warns: in subroutine entry
# only ours warns: uninitialized value in a callback \(the handler's result\)
use strict;
use warnings;

use Sys::Virt;

my ( $uri, $dir ) = @ARGV;
my $conn   = Sys::Virt->new( uri => $uri );
my $folder = "$dir/pool";
mkdir $folder or die $!;
chmod 0777, $folder or die $!;
my $pool = $conn->create_storage_pool(
    "<pool type='dir'><name>styles</name><target><path>$folder</path></target></pool>");

sub upload {
    my ( $name, $handler ) = @_;
    my $volume =
        $pool->create_volume(
        "<volume><name>$name</name><capacity>0</capacity><target><format type='raw'/></target></volume>");
    my $stream = $conn->new_stream;
    $volume->upload( $stream, 0, 0 );
    my $ok = eval { $stream->send_all($handler); $stream->finish; 1 };
    print "$name: ", $ok ? 'sent' : 'failed', q{ }, -s "$folder/$name", "\n";
    return;
}

# The original needs a handler that reads into its argument.
open my $out, '>', "$dir/source" or die $!;
print {$out} 'hello' or die $!;
close $out           or die $!;
my %handler = (
    plain => sub { my ($in) = shift; return sysread $in, $_[1], $_[2] },
    and   => sub { my ($in) = shift; my $n = sysread $in, $_[1], $_[2]; return $n > 0 && $n },
    text  => sub { my ($in) = shift; my $n = sysread $in, $_[1], $_[2]; return "$n bytes" },
    undef => sub { my ($in) = shift; sysread $in, $_[1], $_[2]; return undef },
    zero  => sub { my ($in) = shift; sysread $in, $_[1], $_[2]; 0 },
);
for my $name ( sort keys %handler ) {
    open my $in, '<', "$dir/source" or die $!;
    upload( $name, sub { unshift @_, $in; &{ $handler{$name} } } );
}
unlink "$dir/source";

my $got    = q{};
my $stream = $conn->new_stream;
$pool->get_volume_by_name('plain')->download( $stream, 0, 0 );
$stream->recv_all( sub { $got .= $_[1]; return "$_[2]\n" } );
$stream->finish;
print "got: $got\n";
$_->delete for $pool->list_all_volumes;
$pool->destroy;
