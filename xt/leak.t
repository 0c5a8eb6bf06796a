# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Memory per call, over many calls, for every kind of result, for errors and for callbacks: it has to be flat.
use strict;
use warnings;

use Test::More;
use Sys::Virt;
use Sys::Virt::Event;
use Sys::Virt::Reconnect;

Sys::Virt::Event::register_default();
my $c = Sys::Virt->new( uri => 'test:///default' );
my $d = $c->get_domain_by_name('test');

sub resident {
    open my $file, '<', '/proc/self/statm' or die $!;
    return ( split q{ }, <$file> )[1] * 4096;
}

# Bytes per call, the least of three measurements after a warm-up: a leak is there every time.
sub leaks {
    my ( $code, $calls ) = @_;
    $calls ||= 10_000;
    $code->() for 1 .. $calls / 5;
    my $least = 9**9;
    for ( 1 .. 3 ) {
        my $before = resident();
        $code->() for 1 .. $calls;
        my $bytes = ( resident() - $before ) / $calls;
        $least = $bytes if $bytes < $least;
    }
    return $least;
}

# libvirt's loop frees what was removed when it is idle, which it never is beside a timer that always fires.
my $timer;

sub let_it_free {
    Sys::Virt::Event::update_timeout( $timer, -1 );
    Sys::Virt::Event::run_default();
    Sys::Virt::Event::update_timeout( $timer, 0 );
    return;
}

# The same, when it is not known what there is to free.
sub free_soon {
    my $soon = Sys::Virt::Event::add_timeout( 1, sub { } );
    let_it_free() for 1 .. 2;
    Sys::Virt::Event::remove_timeout($soon);
    let_it_free();
    return;
}

$timer = Sys::Virt::Event::add_timeout( 0, sub { } );
open my $null, '>', '/dev/null' or die $!;
my %case = (
    'a string that libvirt lends'   => sub { $d->get_name },
    'a string that libvirt returns' => sub { $c->get_uri },
    'XML'                           => sub { $d->get_xml_description },
    'C6: scheduler type'            => sub { $d->get_scheduler_type },
    'C6: sysinfo or its error'      => sub {
        eval { $c->get_sysinfo }
    },
    'a number'                      => sub { $d->is_active },
    'a UUID'                        => sub { $d->get_uuid; $d->get_uuid_string },
    'a hash'                        => sub { $d->get_info; $c->get_node_info },
    'a list of numbers'             => sub { my @s = $d->get_state },
    'C3: a list of hashes'          => sub { my @v = $d->get_vcpu_info },
    'C3: file systems or the error' => sub {
        eval { my @f = $d->get_fs_info }
    },
    'C2: all domain stats'     => sub { my @s = $c->get_all_domain_stats(0) },
    'typed parameters'         => sub { $d->get_scheduler_parameters },
    'C8: typed parameters set' => sub { $d->set_scheduler_parameters( { weight => 50 } ) },
    'an object'                => sub { $c->get_domain_by_name('test') },
    'a list of objects'        => sub { my @all = $c->list_all_domains },
    'C1: an error'             => sub {
        eval { $c->get_domain_by_name('nope') }
    },
    'an unknown key' => sub {
        eval { $d->set_scheduler_parameters( { nope => 1 } ) }
    },
    'a bad argument' => sub {
        eval { $d->set_memory(-1) }
    },
    'a bad element' => sub {
        eval { $c->baseline_cpu( [ {}, [] ] ) }
    },
    'a bad invocant' => sub {
        local $SIG{__WARN__} = sub { };
        eval { Sys::Virt::Domain::get_name(undef) }
    },
    'a usage error' => sub {
        eval { $d->set_memory }
    },
    'a copied argument'   => sub { $c->get_domain_by_id('1') },
    'an encoded argument' => sub {
        eval { $c->get_domain_by_name("\xfc\xe4") }
    },
    'a connection'               => sub { Sys::Virt->new( uri => 'test:///default' ) },
    'a stream'                   => sub { $c->new_stream },
    'C10: a failed registration' => sub {
        eval {
            $c->domain_event_register_any( undef, 77, sub { } );
        }
    },
    'a registration' => sub {
        $c->domain_event_deregister_any( $c->domain_event_register_any( undef, 0, sub { } ) );
        let_it_free();
    },
    'a timer' => sub {
        Sys::Virt::Event::remove_timeout( Sys::Virt::Event::add_timeout( 1000, sub { } ) );
        let_it_free();
    },
    'an event' => sub {
        my $kept;
        my $id = $c->domain_event_register_any( undef, 0, sub { $kept = $_[1] if $_[2] == 3 } );
        $d->suspend;
        $d->resume;
        Sys::Virt::Event::run_default() for 1 .. 3;
        $c->domain_event_deregister_any($id);
        let_it_free();
    },
    'a callback'           => sub { Sys::Virt::Event::run_default() },
    'C11: a dying handler' => sub {
        my $st = $c->new_stream;
        $d->screenshot( $st, 0 );
        eval {
            $st->recv_all( sub { die "enough\n" } );
        };
    },
    'a wait' => sub {
        $d->wait_for_state(Sys::Virt::Domain::STATE_RUNNING);
        free_soon();
    },
    'a wait that is canceled' => sub {
        my $wait = $d->async->wait_for_state(Sys::Virt::Domain::STATE_PAUSED);
        $d->async->get_state->get;
        $wait->cancel;
        $c->async->get_type->get;
        free_soon();
    },
    'a wait for an address'              => sub { $d->wait_for_address;               free_soon() },
    'a wait for a state that is ensured' => sub { $c->ensure_domain( $d, 'running' ); free_soon() },
    'a connection that comes back'       => sub {
        my $rc = Sys::Virt::Reconnect->new( uri => 'test:///default' );
        $rc->domain_event_register_any( undef, 0, sub { } );
        $rc->connection;
        $rc->reconnect;
        $rc->connection;
        undef $rc;
        free_soon();
    },
    'recv by a file handle' => sub {
        my $st = $c->new_stream;
        $d->screenshot( $st, 0 );
        my $file = $st->handle;
        my @all  = <$file>;
        close $file;
    },
    'recv to a file' => sub {
        my $st = $c->new_stream;
        $d->screenshot( $st, 0 );
        $st->receive_to($null);
    },
    'recv_all' => sub {
        my $st = $c->new_stream;
        $d->screenshot( $st, 0 );
        $st->recv_all( sub { $_[2] } );
        $st->finish;
    },
);

for my $name ( sort keys %case ) {
    my $slow  = $name =~ /connection|recv|handler|wait/;
    my $bytes = leaks( $case{$name}, $slow ? 500 : 10_000 );
    cmp_ok( $bytes, '<', $slow ? 200 : 8, "$name: $bytes bytes per call" );
}

done_testing;
