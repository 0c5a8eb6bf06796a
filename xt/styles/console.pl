# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Streams that are used in the wrong order.
use strict;
use warnings;
use Sys::Virt;
my $c  = Sys::Virt->new( uri => $ARGV[0] );
my $d  = $c->get_domain_by_name('test');
my $st = $c->new_stream( Sys::Virt::Stream::NONBLOCK() );
eval { $d->open_console( $st, undef ) };
print ref $@ ? $@->code . " " . $@->message : "ok $@", "\n";
eval { $st->abort };
print ref $@ ? $@->code : "ok", "\n";
$st = $c->new_stream;
my $mime = $d->screenshot( $st, 0, 0 );
print "$mime\n";
my $len = 0;
$st->recv_all( sub { my ( $s, $b, $n ) = @_; $len += $n; return $n } );
$st->finish;
print $len> 100 ? 1 : 0, "\n";
eval { $st->finish };
print ref $@ ? $@->code : "ok", "\n";
eval { $st->recv( my $x, 10 ) };
print ref $@ ? $@->code : "ok", "\n";
eval { $st->send( "x", 1 ) };
print ref $@ ? $@->code : "ok", "\n";
$st = $c->new_stream;
eval {
    $st->add_callback( 1, sub { } );
};
print ref $@ ? $@->code : "ok", "\n";
eval { $st->remove_callback };
print ref $@ ? $@->code : "ok", "\n";
my $s2 = $c->new_stream;
eval {
    my $r = $d->screenshot( $s2, 0 );
    open my $f, '>', "$ARGV[1]/pic" or die;
    binmode $f;
    while (1) { my $n = $s2->recv( my $buf, 1024 ); last if $n == 0; print {$f} $buf or die }
    close $f;
    $s2->finish;
};
print $@|| "", -s "$ARGV[1]/pic" == $len ? "same\n" : "differs\n";
