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

# A tied hash: its iterator is its class's.
package Logged;
use Tie::Hash ();
our @ISA = ('Tie::StdHash');
our ( $firsts, $nexts ) = ( 0, 0 );
sub FIRSTKEY { my ($self) = @_; $firsts++; keys %$self; return each %$self }
sub NEXTKEY { my ($self) = @_; $nexts++; return each %$self }

package main;
my $dom = $c->get_domain_by_name('test');
tie my %limits, 'Logged';
%limits = ( hard_limit => 2_000_000, soft_limit => 1_000_000, comment => 'for the web server' );
$turns  = 0;
while ( my ($key) = each %limits ) {
    $dom->set_memory_parameters( \%limits );
    last if $turns++ > 5;
}
my $got = $dom->get_memory_parameters;
print "$turns turns, $Logged::firsts, $Logged::nexts, $got->{hard_limit}, $got->{soft_limit}\n";
tie my %weight, 'Logged';
%weight = ( weight => 12 );
each %weight;
$dom->set_scheduler_parameters( \%weight );
print 'the next is ', ( each %weight ) // 'none', ', ', $dom->get_scheduler_parameters->{weight}, "\n";
