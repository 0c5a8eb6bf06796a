# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Runs under the stubs and heap.c: calls every sub many times, and prints by how many bytes each call made the process
# grow: the way, the sub, bytes per call, how many calls; separated by tabs.
use strict;
use warnings;

use B       ();
use FindBin ();
use lib "$FindBin::Bin/../lib";
use Sys::Virt;
use Sys::Virt::Event;
use Calls qw(%object rows);

my ($part) = @ARGV;
my ( %seen, $timer );

sub bytes { return Sys::Virt::_get_library_version() }

# Prints the least of up to three measurements: a leak is there every time, what perl keeps for later only once.
sub measure {
    my ( $way, $name, $times, $code, @per_call ) = @_;
    my ( $least, $calls ) = ( 9**9, 0 );
    $seen{$name} = 1;
    for ( 1 .. 10 ) { $code->() }
    for ( 1 .. 3 ) {
        my $before = bytes();
        for ( 1 .. $times ) { $code->() }
        my $grown = ( bytes() - $before ) / $times;
        $least = $grown if $grown < $least;
        $calls += $times;
        last if $least < 1;
    }
    print join( "\t", $way, $name, sprintf( '%.2f', $least ), $calls * ( $per_call[0] || 1 ) ), "\n";
    return;
}

# Values that are invalid for some or all arguments.
my $closed = Sys::Virt::Domain->_new( connection => $object{'Sys::Virt'}, name => 'x' );
$closed->DESTROY;
my @wrong =
    ( undef, [], { a => [ {} ] }, "a\0b", "\x{263a}", 'x', -1, 1e300, sub { die "no\n" }, \1, $closed );

# The exception of a handler or a callback counts like any other error.
sub quietly {
    my ( $sub, @args ) = @_;
    my @result = eval { $sub->(@args) };
    return;
}

sub methods {
    Sys::Virt::Event::register_default();
    $timer = Sys::Virt::Event::add_timeout( -1, sub { } );
    for my $row ( grep { $_->{call} } rows() ) {
        my ( $sub, $name, @call ) = ( $row->{sub}, "$row->{class}::$row->{method}", @{ $row->{call} } );

        # A close callback leaves something to do for the loop; a stream's is kept until it is unregistered.
        my $closes = $row->{method} eq 'register_close_callback';
        my $times  = $closes ? 30     : 200;
        my $after  = $closes ? \&turn : $name =~ /Stream::add_callback/ ? \&take_back : sub { };
        measure( 'succeeds', $name, $times, sub { quietly( $sub, @call ); $after->() } );
        for my $at ( 1 .. 3 ) {
            local $ENV{STUB_FAIL} = "$at 1";
            measure( "fails at call $at", $name, $times, sub { quietly( $sub, @call ); $after->() } );
        }
        my @variants = ( [], [ @call, 1, 2, 3, 4, 5, 6, 7, 8 ] );
        for my $index ( 0 .. $#call ) {
            for my $wrong (@wrong) {
                push @variants, [ @call[ 0 .. $index - 1 ], $wrong, @call[ $index + 1 .. $#call ] ];
            }
        }
        next if $closes;
        measure(
            'refuses', $name, 200,
            sub { quietly( $sub, @$_ ), $after->() for @variants },
            scalar @variants
        );
    }
    others();
    return;
}

sub take_back {
    local $ENV{STUB_FAIL} = q{};
    $object{'Sys::Virt::Stream'}->remove_callback;
    return;
}

sub turn {
    Sys::Virt::Event::update_timeout( $timer, 0 );
    Sys::Virt::Event::run_default();
    Sys::Virt::Event::update_timeout( $timer, -1 );
    Sys::Virt::Event::update_timeout( $timer, 1 );
    Sys::Virt::Event::run_default() for 1 .. 2;
    return;
}

# Methods without a row in methods.tsv, or without one with an object.
sub others {
    my ( $c, $d, $net, $pool, $vol ) =
        map { $object{"Sys::Virt$_"} } q{}, qw(::Domain ::Network ::StoragePool ::StorageVol);
    my %new = (
        Domain      => [ [ name => 'x' ], [ id => 1 ], [ xml => 'x' ], [ xml => 'x', fds => [ 1, 2 ] ] ],
        Network     => [ [ uuid => 'x' x 16 ],               [ xml => 'x', nocreate => 1 ], [ xml => 'x' ] ],
        StoragePool => [ [ name => 'x' ],                    [ volume => $vol ],            [ xml => 'x' ] ],
        NodeDevice  => [ [ name => 'x' ],                    [ wwnn => 'x', wwpn => 'y' ],  [ xml => 'x' ] ],
        Secret      => [ [ usageType => 1, usageID => 'x' ], [ uuid => 'x' x 36 ],          [ xml => 'x' ] ],
        Interface   => [ [ name => 'x' ],                    [ mac => 'x' ],                [ xml => 'x' ] ],
        NWFilter    => [ [ name => 'x' ],                    [ uuid => 'x' x 36 ],          [ xml => 'x' ] ],
        NWFilterBinding => [ [ portdev => 'x' ], [ xml => 'x' ] ],
        Stream          => [ [] ],
    );
    my %of = (
        NetworkPort      => [ [ network => $net,  uuid => 'x' x 36 ], [ network    => $net, xml  => 'x' ] ],
        StorageVol       => [ [ pool    => $pool, name => 'x' ],      [ connection => $c,   path => 'x' ] ],
        DomainSnapshot   => [ [ domain  => $d,    name => 'x' ],      [ domain     => $d,   xml  => 'x' ] ],
        DomainCheckpoint => [ [ domain  => $d,    name => 'x' ],      [ domain     => $d,   xml  => 'x' ] ],
    );
    for my $class ( sort keys %new ) {
        $of{$class} = [ map { [ connection => $c, @$_ ] } @{ $new{$class} } ];
    }
    for my $class ( sort keys %of ) {
        for my $params ( @{ $of{$class} }, [], [ 1, 2, 3 ], [ connection => 1, name => [] ] ) {
            for my $fail ( q{}, '1 1' ) {
                local $ENV{STUB_FAIL} = $fail;
                my $way = "with $#$params" . ( $fail && ', fails' );
                measure(
                    $way,
                    "Sys::Virt::${class}::_new",
                    200,
                    sub {
                        no warnings;    ## no critic (ProhibitNoWarnings)
                        quietly( "Sys::Virt::$class"->can('_new'), "Sys::Virt::$class", @$params );
                    }
                );
            }
        }
        my $sub = "Sys::Virt::$class"->can('DESTROY');
        measure( 'DESTROY', "Sys::Virt::${class}::DESTROY",
            200, sub { $sub->( "Sys::Virt::$class"->_new( @{ $of{$class}[0] } ) ); quietly( $sub, 1 ) } );
    }
    my $st = $object{'Sys::Virt::Stream'};
    measure(
        'cannot assign',
        'Sys::Virt::Stream::recv',
        200,
        sub {
            eval { $st->recv( undef, 65_536 ) }
        }
    );
    transfers($vol);
    my %auth = (
        'answers' => sub { $_->{result} = 'secret' for @{ $_[0] }; return 0 },
        'dies'    => sub { die "no\n" },
    );
    for my $fail ( q{}, '1 1' ) {
        local $ENV{STUB_FAIL} = $fail;
        for my $how ( sort keys %auth ) {
            measure(
                "$how$fail",
                'Sys::Virt::new',
                200,
                sub {
                    quietly(
                        Sys::Virt->can('new'), 'Sys::Virt',
                        auth     => 1,
                        credlist => [ 1, 2 ],
                        callback => $auth{$how}
                    );
                }
            );
        }
        measure( "plain$fail", 'Sys::Virt::new', 200,
            sub { quietly( Sys::Virt->can('new'), 'Sys::Virt', uri => 'x' ) } );
    }
    measure( 'closes',  'Sys::Virt::close',   200, sub { Sys::Virt->new->close } );
    measure( 'DESTROY', 'Sys::Virt::DESTROY', 200, sub { Sys::Virt->new->DESTROY } );
    my ( $admin, $server ) = map { $object{"Sys::Virt::Admin$_"} } q{}, '::Server';
    my %made = (
        'Sys::Virt::Admin'         => sub { Sys::Virt::Admin->new },
        'Sys::Virt::Admin::Server' => sub { $admin->get_server_by_name('x') },
        'Sys::Virt::Admin::Client' => sub { $server->get_client_by_id(1) },
    );
    for my $class ( sort keys %made ) {
        measure( 'DESTROY', "${class}::DESTROY", 200, sub { $made{$class}->()->DESTROY } );
    }
    for my $fail ( q{}, '1 1' ) {
        local $ENV{STUB_FAIL} = $fail;
        measure( "opens$fail", 'Sys::Virt::Admin::new', 200,
            sub { quietly( Sys::Virt::Admin->can('new'), 'Sys::Virt::Admin', uri => 'x' ) } );
    }
    measure( 'closes', 'Sys::Virt::Admin::close', 200, sub { Sys::Virt::Admin->new->close } );
    measure( 'nothing registered', 'Sys::Virt::Admin::_deregister_all', 200,
        sub { $admin->_deregister_all } );
    measure( 'nothing registered', 'Sys::Virt::_deregister_all', 200, sub { $c->_deregister_all } );
    for my $getter (
        qw(Domain Network Interface Secret StoragePool StorageVol DomainSnapshot DomainCheckpoint)) {
        measure(
            'gets', "Sys::Virt::${getter}::get_connect",
            200,    sub { $object{"Sys::Virt::$getter"}->get_connect }
        );
    }
    for my $getter (qw(DomainSnapshot DomainCheckpoint)) {
        measure(
            'gets', "Sys::Virt::${getter}::get_domain",
            200,    sub { $object{"Sys::Virt::$getter"}->get_domain }
        );
    }
    measure(
        'gets', 'Sys::Virt::NetworkPort::get_network',
        200,    sub { $object{'Sys::Virt::NetworkPort'}->get_network }
    );
    measure( 'detaches', 'Sys::Virt::NodeDevice::detach',
        200, sub { $object{'Sys::Virt::NodeDevice'}->detach } );

    local $ENV{STUB_FAIL} = '1 1';
    eval { $d->get_info };
    my $error = $@;
    for my $method (qw(code domain level message stringify)) {
        measure( 'tells', "Sys::Virt::Error::$method", 200, sub { $error->$method } );
    }
    my $handle_or_timer = sub {
        my $watch = Sys::Virt::Event::add_handle( 0, 0, sub { } );
        Sys::Virt::Event::update_handle( $watch, 0 );
        Sys::Virt::Event::remove_handle($watch);
        my $one = Sys::Virt::Event::add_timeout( 1000, sub { } );
        Sys::Virt::Event::update_timeout( $one, 2000 );
        Sys::Virt::Event::remove_timeout($one);
        quietly( \&Sys::Virt::Event::remove_timeout, $one );
        turn();
    };
    measure( 'of libvirt\'s loop', "Sys::Virt::Event::$_", 100, $handle_or_timer )
        for qw(add_handle update_handle remove_handle add_timeout update_timeout remove_timeout run_default);
    measure( 'again', 'Sys::Virt::Event::register_default', 200, \&Sys::Virt::Event::register_default );
    return;
}

# Transfers, on this thread: to the end of a file, and until more comes than there may be.
sub transfers {
    my ($vol) = @_;
    open my $in,  '<', $0          or die $!;
    open my $out, '>', '/dev/null' or die $!;
    my $start = sub {
        my ($how) = @_;
        my $st = $object{'Sys::Virt'}->new_stream;
        eval { $vol->$how( $st, 0, 0 ) };
        return $st;
    };
    my %way = (
        send_from  => sub { sysseek $in, 0, 0; $start->('upload')->send_from($in) },
        receive_to => sub { $start->('download')->receive_to( $out, length => 10 ) },
    );
    for my $fail ( q{}, map { "$_ 1" } 1 .. 5 ) {
        local $ENV{STUB_FAIL} = $fail;
        for my $name ( sort keys %way ) {
            measure( "transfers $fail", "Sys::Virt::Stream::$name", 200, sub { quietly( $way{$name} ) } );
        }
    }
    my $step = sub {
        my $st  = $start->('upload');
        my $key = $st->_transfer_open( $in, 1, undef, undef );
        $st->_transfer_done($key);
        $st->_handle_error;
        $st->_transfer_run( $key, 100, 0 ) if rand() < 0.5;
        $st->_transfer_stop($key);
    };
    measure( 'by steps', "Sys::Virt::Stream::$_", 200, sub { quietly($step) } )
        for qw(_transfer_open _transfer_done _transfer_run _transfer_stop _handle_error);
    return;
}

# An event loop in Perl, which calls everything that it is given.
package Loop {
    our @ISA = qw(Sys::Virt::EventImpl);
    my ( %has, $number );
    sub add_handle     { my ( $self, @of ) = @_; $has{ ++$number } = \@of; return $number }
    sub add_timeout    { my ( $self, @of ) = @_; $has{ ++$number } = \@of; return $number }
    sub update_handle  { return }
    sub update_timeout { return }
    sub remove_handle  { my ( $self, $id ) = @_; return $self->gone($id) }
    sub remove_timeout { my ( $self, $id ) = @_; return $self->gone($id) }

    sub gone {
        my ( $self, $id ) = @_;
        my $of = delete $has{$id} or return -1;
        $self->_free_callback_opaque( @$of[ -1, -2 ] );
        return 0;
    }

    sub fire_handle {
        my ( $self, $id ) = @_;
        $self->_run_handle_callback( $id, 0, 1, @{ $has{$id} }[ 2, 3 ] );
        return;
    }

    sub fire_timeout {
        my ( $self, $id ) = @_;
        $self->_run_timeout_callback( $id, @{ $has{$id} }[ 1, 2 ] );
        return;
    }
}

sub loop {
    my $impl = bless {}, 'Loop';
    Sys::Virt::Event::register($impl);
    measure( 'again', 'Sys::Virt::Event::register', 200, sub { Sys::Virt::Event::register($impl) } );
    measure( 'again', 'Sys::Virt::Event::_register_impl',
        200, sub { quietly( \&Sys::Virt::Event::_register_impl ) } );
    my $round = sub {
        my $watch = Sys::Virt::Event::add_handle( 0, 0, sub { } );
        $impl->fire_handle($watch);
        Sys::Virt::Event::update_handle( $watch, 0 );
        Sys::Virt::Event::remove_handle($watch);
        my $one = Sys::Virt::Event::add_timeout( 1000, sub { die "in a timer\n" } );
        quietly( sub { $impl->fire_timeout($one) } );
        Sys::Virt::Event::update_timeout( $one, 2000 );
        Sys::Virt::Event::remove_timeout($one);
        quietly( \&Sys::Virt::Event::remove_timeout, $one );
    };
    my @loop = (
        ( map { ( "add_$_", "update_$_", "remove_$_" ) } qw(handle timeout) ),
        '_free_callback_opaque_helper'
    );
    measure( 'of a loop in Perl', "Sys::Virt::EventImpl::$_", 200, $round )
        for @loop, '_run_handle_callback_helper', '_run_timeout_callback_helper';
    for my $helper (qw(_run_handle_callback_helper _run_timeout_callback_helper _free_callback_opaque_helper))
    {
        my $sub = Sys::Virt::EventImpl->can($helper);
        measure( 'refuses', "Sys::Virt::EventImpl::$helper", 200, sub { quietly( $sub, 1, 1, 1, \7, \7 ) } );
    }
    return;
}

# The time limit of a connection, and calls under it, which another thread makes. Last: calls take a longer way from then on.
sub limits {
    my $c   = $object{'Sys::Virt'};
    my $set = Sys::Virt->can('set_call_timeout');
    measure( 'sets', 'Sys::Virt::set_call_timeout', 200,
        sub { $c->set_call_timeout(50); $c->set_call_timeout(undef) } );
    measure( 'refuses', 'Sys::Virt::set_call_timeout', 200, sub { quietly( $set, $c, $_ ) for -1, 'x', [] } );
    measure( 'refuses', 'Sys::Virt::set_call_timeout', 200, sub { quietly( $set, $closed, 50 ) } );
    $c->set_call_timeout(50);
    my $domain = Sys::Virt::Domain->_new( connection => $c, name => 'x' );
    measure( 'a call with a limit', 'Sys::Virt::set_call_timeout', 500,
        sub { $domain->get_xml_description } );
    measure( 'lists with a limit',
        'Sys::Virt::set_call_timeout', 500, sub { my @all = $c->list_all_domains } );
    measure( 'arguments with a limit',
        'Sys::Virt::set_call_timeout', 500, sub { $domain->set_metadata( 0, 'x' x 500 ) } );
    local $ENV{STUB_FAIL} = '1 1';
    eval { $c->get_hostname };
    my $error = $@;

    for my $name (qw(file line str1 str2 str3 int1 int2)) {
        measure( 'of an error', "Sys::Virt::Error::$name", 200, sub { my $detail = $error->$name } );
    }
    measure(
        'failures with a limit',
        'Sys::Virt::set_call_timeout',
        500,
        sub {
            quietly( sub { $c->get_hostname } );
        }
    );
    return;
}

local $SIG{__WARN__} = sub { };
if   ( $part eq 'loop' ) { loop() }
else                     { methods(); limits(); missed() }

# Every sub but constants, and what only loading calls.
sub missed {

   # Methods that run on other threads are measured by the soak test, file handles of streams by xt/streams.t.
    my $elsewhere =
        qr/\A(?:_loaded|bootstrap|CLONE|import|BEGIN|handle_error|_handle_open|_handle_glob)\z|\A\(/;

    # Methods that are written in Perl have nothing to leak.
    my @perl = ( 0, B::svref_2object( \&Sys::Virt::async )->XSUB );
    no strict 'refs';
    for my $class ( sort keys %object, 'Sys::Virt::Event', 'Sys::Virt::Error' ) {
        for my $name ( sort grep { defined &{"${class}::$_"} } keys %{"${class}::"} ) {
            next if $name =~ $elsewhere || $name =~ /\A[A-CE-Z][A-Z_\d]*\z|\AD(?!ESTROY\z)[A-Z_\d]+\z/;
            print "missed\t${class}::$name\n"
                if !$seen{"${class}::$name"}
                && !( grep { B::svref_2object( \&{"${class}::$name"} )->XSUB == $_ } @perl )
                && ( $class ne 'Sys::Virt::Event' || $name !~ /\A_|\Aregister\z/ );
        }
    }
    return;
}
