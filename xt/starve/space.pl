# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Runs under a limit of address space (xt/address-space.t): tasks of which each succeeds or throws. Prints each as it ends.
use strict;
use warnings;

use Sys::Virt;
use Sys::Virt::Async;
use Sys::Virt::Event;

my ( $c, $d );

sub picture {
    my $st = $c->new_stream;
    $d->screenshot( $st, 0 );
    return $st;
}

my @tasks = (
    connect => sub {
        Sys::Virt::Event::register_default();
        $c = Sys::Virt->new( uri => 'test:///default' );
        $d = $c->get_domain_by_name('test');
    },
    events => sub {
        my $id = $c->domain_event_register_any( undef, Sys::Virt::Domain::EVENT_ID_LIFECYCLE, sub { } );
        $d->suspend;
        $d->resume;
        my $timer = Sys::Virt::Event::add_timeout( 0, sub { my $much = 'x' x 100_000 } );
        Sys::Virt::Event::run_default() for 1 .. 3;
        Sys::Virt::Event::remove_timeout($timer);
        $c->domain_event_deregister_any($id);
    },
    results => sub {
        for ( 1 .. 3 ) {
            $c->list_all_domains;
            $c->list_all_node_devices;
            $c->get_all_domain_stats(0);
            $c->get_node_info;
            $d->get_vcpu_info;
            $d->get_scheduler_parameters;
            $c->get_cpu_model_names('x86_64');
            $c->list_domain_ids(3_000_000);
        }
    },
    error => sub {
        eval { $c->get_domain_by_name( 'x' x 300_000 ) };
        die $@ if ( ref $@ ? $@->message : $@ ) !~ /not found|too long|memory/i;
    },
    arguments => sub {
        my $long = "\x{263a}" x 1_000_000;
        eval { $d->set_metadata( 0, $long ) };
        $d->send_key( 0, 1, [ 1 .. 16 ] );
        eval { $c->get_all_domain_stats( 0, [ ($d) x 50_000 ] ) };
    },
    stream => sub {
        my $size = 0;
        my $st   = picture();
        $st->recv_all( sub { $size += length $_[1]; return length $_[1] } );
        $st->finish;
        $st = picture();
        $st->recv( my $data, 4_000_000 );
        $st->abort;
    },
    handle => sub {
        my @handles = map { picture()->handle( timeout => 10 ) } 1 .. 4;
        for my $fh (@handles) { local $/ = undef; my $all = <$fh>; close $fh or die "close: $!\n" }
    },
    transfer => sub {
        open my $null, '>', '/dev/null' or die $!;
        picture()->receive_to($null);
        picture()->receive_to( $null, timeout => 10 );
        picture()->async->receive_to($null)->get;
    },
    async => sub {
        my @futures = map { $c->async->get_domain_by_name('test') } 1 .. 100;
        $_->get for @futures;
        Sys::Virt::Async->all( [ () x 100 ], "get_xml_description" )->get;
        Sys::Virt->async( timeout => 5 )->new( uri => 'test:///default' )->get for 1 .. 20;
    },
    limit => sub {
        $c->set_call_timeout(5);
        $d->get_info;
        $c->set_call_timeout(undef);
    },
    wait => sub {
        my $f = $d->async->wait_for_state( Sys::Virt::Domain::STATE_RUNNING(), timeout => 20 );
        $f->get;
    },
);

local $| = 1;
print "loaded\n";
while ( my ( $name, $code ) = splice @tasks, 0, 2 ) {
    my $done = eval { $code->(); 1 };
    print $done ? "$name\n" : "$name throws: " . substr( "$@", 0, 100 ) . "\n";
}
print "end\n";
