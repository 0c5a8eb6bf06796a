# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Loops by each, over what the methods are given.
use strict;
use warnings;
use Sys::Virt;
our ( $turns, $more ) = ( 0, 0 );
my $c    = Sys::Virt->new( uri => $ARGV[0] );
my %want = ( test => { weight => 17 } );
while ( my ( $n, $p ) = each %want ) {
    my $d = $c->get_domain_by_name($n);
    while ( my ( $k, $v ) = each %$p ) {
        $d->set_scheduler_parameters($p);
        print "$n $k $v\n";
        last if $turns++ > 3;
    }
}
my @doms = $c->list_all_domains;
my $i    = 0;
while ( my $d = shift @doms ) { print $d->get_name, "\n"; last if $i++ > 5 }
my %by = map { $_->get_name => $_ } $c->list_all_domains;
while ( my ( $n, $d ) = each %by ) { print "$n ", $d->get_id, "\n" }
$_->suspend, $_->resume for values %by;
print "n: $_\n" for map { $_->get_name } grep { $_->is_active } values %by;
my %opt = ( uri => $ARGV[0], readonly => 1 );
while ( my ( $k, $v ) = each %opt ) { my $x = Sys::Virt->new(%opt); print $x->is_alive; last if $more++ > 4 }
print "\n";
