# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Several connections are open: libvirt is asked once for the connection of an object, which takes long, and a call counts in the
# window of its own connection. A stub (xt/stub/connections.c) counts how often libvirt is asked.
use strict;
use warnings;

use Config;
use File::Temp ();
use FindBin;
use lib "$FindBin::Bin/lib";
use Stubs qw(compile_one);
use Test::More;

if ( !$ENV{STUB_LOG} ) {
    my $dir      = File::Temp->newdir;
    my @includes = map { "-I$_" } grep { !ref } @INC;
    my $stub     = compile_one( $dir, 'connections' );
    my $status   = do {
        local $ENV{STUB_LOG}   = "$dir/asked";
        local $ENV{LD_PRELOAD} = join q{ }, $ENV{LD_PRELOAD} // (), $stub;    # after a sanitizer's
        system $^X, @includes, $0;
    };
    exit( $status & 127 ? 255 : $status >> 8 );
}

require Sys::Virt;
require Time::HiRes;

# How often libvirt was asked during the code.
sub asked {
    my ($code) = @_;
    my $before = -s $ENV{STUB_LOG} || 0;
    $code->();
    return ( -s $ENV{STUB_LOG} || 0 ) - $before;
}

my ( $one, $many, $third ) = map { Sys::Virt->new( uri => 'test:///default' ) } 1 .. 3;
$one->async_limits( slow => 1, all => 1 );
$many->async_limits( slow => 4, all => 4 );

# How many calls of an object ran at once.
sub at_once {
    my ($domain) = @_;
    my @futures  = map { $domain->async->get_max_vcpus } 1 .. 4;
    my $most     = 0;
    while ( grep { !$_->is_ready } @futures ) {
        my ( undef, $running ) = Sys::Virt::Async::_pending();
        $most = $running if $running > $most;
        Time::HiRes::sleep(0.002);
        Sys::Virt::Async->dispatch;
    }
    $_->get for @futures;
    return $most;
}

subtest 'an object of a blocking call' => sub {
    my $domain = $many->get_domain_by_name('test');
    is( asked( sub { $domain->async->get_info->get } ),               1, 'its first call' );
    is( asked( sub { $domain->async->get_info->get for 1 .. 20 } ),   0, '... and later ones' );
    is( asked( sub { $domain->async( timeout => 9 )->get_id->get } ), 0, '... with options' );
    is( asked( sub { Sys::Virt::Async->all( [ ($domain) x 20 ], 'get_info' )->get } ), 0,
        '... many at once' );
    my @calls;
    is(
        asked(
            sub {
                @calls = map { $domain->async->get_name } 1 .. 2_000;
            }
        ),
        0,
        '... more than can hold its handle'
    );
    is( scalar( grep { $_->get eq 'test' } @calls ), 2_000, '... which end well' );
    is( asked( sub { $domain->get_info } ),          0,     'a blocking call' );
    $third->set_call_timeout(9);
    is( asked( sub { $domain->get_info for 1 .. 3 } ), 0, '... while a connection has a time limit' );
    my $limited = $third->get_domain_by_name('test');
    is( asked( sub { $limited->get_info for 1 .. 3 } ), 1, '... with that time limit' );
    $third->set_call_timeout(undef);
    is( at_once($domain), 4, 'its calls count in the window of its connection' );

    my $same = $many->get_domain_by_name('test');
    is( asked( sub { $same->async->get_info->get } ), 1, 'another handle' );
    $same->DESTROY;
    ok( !eval { $same->async->get_info->get; 1 }, 'a closed one' );
    is( at_once( $one->get_domain_by_name('test') ), 1, 'an object of another connection' );
};

subtest 'objects that a connection returned to a call in the background' => sub {
    my ( $domain, @domains, @all );
    is(
        asked(
            sub { $domain = $many->async->get_domain_by_name('test')->get; $domain->async->get_info->get }
        ),
        0, 'one'
    );
    is( at_once($domain), 4, '... of its own connection' );
    is( asked( sub { @domains = $one->async->list_all_domains->get; $domains[0]->async->get_info->get } ),
        0, 'a list' );
    is( at_once( $domains[0] ), 1, '... of its own connection' );
    is(
        asked(
            sub {
                @all = Sys::Virt::Async->all( [ $one, $many ], 'list_all_domains' )->get;
                $_->[0]->async->get_info->get for @all;
            }
        ),
        0,
        'of several connections'
    );
    is( join( q{ }, map { at_once( $_->[0] ) } @all ), '1 4', '... each of its own' );
    my $then;
    $many->async->get_domain_by_name('test')->then( sub { $then = shift } )->get;
    is( asked( sub { $then->async->get_info->get } ), 0, 'for a callback' );
};

subtest 'objects of others' => sub {
    my $domain = $one->get_domain_by_name('test');
    $domain->async->get_info->get;
    my $snapshot = $domain->async->create_snapshot('<domainsnapshot><name>s</name></domainsnapshot>')->get;
    is( asked( sub { $snapshot->async->get_name->get for 1 .. 3 } ), 1, 'a snapshot' );
    $snapshot->delete;
    my $pool = $one->get_storage_pool_by_name('default-pool');
    is( asked( sub { $pool->async->get_name->get for 1 .. 3 } ), 1, 'a pool' );
    my $network = $one->get_network_by_name('default');
    is( asked( sub { $network->async->get_name->get for 1 .. 3 } ), 1, 'a network' );
    my $volume = $pool->create_volume('<volume><name>v</name><capacity>1</capacity></volume>');
    is( asked( sub { $volume->async->get_name->get for 1 .. 3 } ), 1, 'a volume' );
    $volume->delete;
};

# libvirt uses the memory of a freed object again.
subtest 'addresses of freed objects' => sub {
    for ( [ $one, $many, 4 ], [ $many, $one, 1 ] ) {
        my ( $before, $after, $expected ) = @$_;
        my $domain  = $before->get_domain_by_name('test');
        my $address = $$domain;
        at_once($domain);
        undef $domain;
        my @others;
        for ( 1 .. 1000 ) {
            $domain = $after->get_domain_by_name('test');
            last if $$domain == $address;
            push @others, $domain;
        }
        is( $$domain,         $address,  'an object at the address of one of another connection' );
        is( at_once($domain), $expected, '... counts in its own window' );
    }
};

subtest 'an object that an event brought' => sub {
    Sys::Virt::Event::register_default();
    my $conn = Sys::Virt->new( uri => 'test:///default' );
    my ( $kept, $during );
    $conn->domain_event_register_any(
        undef,
        Sys::Virt::Domain::EVENT_ID_LIFECYCLE(),
        sub {
            $kept //= $_[1];
            $during += asked( sub { $kept->async->get_name->get } );
        }
    );
    $conn->get_domain_by_name('test')->suspend;
    Sys::Virt::Event::run_default() while !$kept;
    is( $during,                                                 1, 'in the callback' );
    is( asked( sub { $kept->async->get_name->get for 1 .. 3 } ), 0, 'and later' );
};

subtest 'a child process' => sub {
    my $domain = $many->get_domain_by_name('test');
    $domain->async->get_info->get;
    my $pid = fork // die "fork: $!";
    if ( !$pid ) {
        my $conn   = Sys::Virt->new( uri => 'test:///default' );
        my $new    = $conn->get_domain_by_name('test');
        my $number = asked( sub { $new->async->get_name->get for 1 .. 3 } );
        undef $new;
        undef $domain;
        require POSIX;
        POSIX::_exit( 10 + $number );
    }
    waitpid $pid, 0;
    is( $?,                                             11 << 8, 'asks for its own' );
    is( asked( sub { $domain->async->get_info->get } ), 0,       'the parent knows its own' );
};

SKIP: {
    skip 'this perl has no threads', 1 if !$Config{useithreads};
    require threads;
    my $domain = $many->get_domain_by_name('test');
    $domain->async->get_info->get;
    my ( $name, $most, $new ) = threads->create(
        { context => 'list' },
        sub {
            my $own = $many->get_domain_by_name('test');
            return ( $domain->async->get_name->get,
                at_once($domain), asked( sub { $own->async->get_name->get for 1 .. 3 } ) );
        }
    )->join;
    is( "$name $most $new", 'test 4 1', 'a thread, with a copy and with an object of its own' );
    is( asked( sub { $domain->async->get_info->get } ), 0, '... beside the original' );
}

done_testing;
