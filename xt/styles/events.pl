# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# libvirt's own loop: domains, pools, timers, with handlers that end in anything.
use strict;
use warnings;
use Sys::Virt;
use Sys::Virt::Event;
Sys::Virt::Event::register_default();
my $c = Sys::Virt->new( uri => $ARGV[0], readonly => 0 );
my @e;
my @ids;
push @ids,
    $c->domain_event_register_any( undef, $_->[0], $_->[1] )
    for [
    Sys::Virt::Domain::EVENT_ID_LIFECYCLE(),
    sub { my ( $con, $dom, $ev, $de ) = @_; print "life $ev $de\n"; push @e, 1; $dom->get_name }
    ],
    [ Sys::Virt::Domain::EVENT_ID_REBOOT(), sub { print "reboot\n" } ];
my $d   = $c->get_domain_by_name('test');
my $one = $c->domain_event_register_any( $d, 0, sub { print "one\n"; push @e, 2; return "text" } );
my $p   = $c->storage_pool_event_register_any(
    undef, 0,
    sub {
        print "pool $_[2]\n";
        push @e, 3;
        for ( 1 .. 2 ) { 1 }
    }
);
print join( ",", @ids, $one, $p ), "\n";
my $tick = 0;
my $t    = Sys::Virt::Event::add_timeout(
    20,
    sub {
        $tick++;
        $d->suspend if $tick == 1;
        $d->resume  if $tick == 2;
        if ( $tick == 3 ) { my $pl = $c->get_storage_pool_by_name('default-pool'); $pl->destroy; }
    }
);
for ( 1 .. 200 ) { Sys::Virt::Event::run_default(); last if @e >= 5 && $tick > 4 }
Sys::Virt::Event::remove_timeout($t);
$c->domain_event_deregister_any($_) for @ids, $one;
$c->storage_pool_event_deregister_any($p);
print "end ", scalar(@e), "\n";
