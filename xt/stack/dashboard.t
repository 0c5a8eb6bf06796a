# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# examples/dashboard.pl with two daemons and a guest: what is measured, the console, a migration that is watched and aborted while the
# page stays live, and one that arrives; in a browser as well.
use strict;
use warnings;

use File::Temp ();
use Test::More;
use Time::HiRes ();
use lib         qw(t/lib xt/lib);
use Samples;
use Stack;

BEGIN {
    my @missing = Samples::missing('use Mojolicious::Lite;');
    plan skip_all => 'Mojolicious is not installed (Debian: libmojolicious-perl)' if @missing;
}
use Browser;
use Dashboard;

my ( $here, $there ) = ( Stack::connect('a'), Stack::connect('b') );
my $guest = Stack::boot( $here, name => 'main', agent => 1 );
my $name  = $guest->get_name;
my %of    = ( host => 0, uuid => $guest->get_uuid_string );
my $dashboard =
    Dashboard->start( '--uri', Stack::uri('a'), '--uri', Stack::uri('b'), '--interval', 0.5 )->watch;

subtest 'measurements' => sub {
    my $row = $dashboard->row( $name, sub { defined $_->{cpu} } );
    is( $row->{state}, 'running', 'the state' );
    cmp_ok( $row->{used},   '>', 10_000,       'memory that is used, in KiB' );
    cmp_ok( $row->{memory}, '>', $row->{used}, '... of more' );
    my $host = $dashboard->hear( sub { $_->{type} eq 'sample' && $_->{host} == 0 } );
    ok( defined $host->{cpu} && $host->{cpu} >= 0 && $host->{cpu} <= 100, 'the processors of the host' );
    Stack::in_guest( $guest, 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done & true' );
    ok( $dashboard->row( $name, sub { ( $_->{cpu} // 0 ) > 40 }, 30 ), 'a guest at work is seen' );
};

subtest 'the console' => sub {
    $dashboard->request( %of, do => 'console-open' );
    ok( $dashboard->hear( sub { $_->{type} eq 'console' && $_->{open} } ), 'opens' );
    $dashboard->request( %of, do => 'console-input', data => "\necho sum=\$((40+2)) caf\xc3\xa9\n" );
    my $got = q{};
    ok(
        $dashboard->hear(
            sub { $_->{type} eq 'console' && ( $got .= $_->{data} // q{} ) =~ /sum=42 caf\xc3\xa9/ }, 30
        ),
        'a shell answers, byte by byte'
    ) or diag $got;
    $dashboard->request( %of, do => 'console-close' );
    $dashboard->request( %of, do => 'console-open' );
    ok( $dashboard->hear( sub { $_->{type} eq 'console' && $_->{open} } ), 'again' );
    $dashboard->request( %of, do => 'console-close' );
};

subtest 'a migration that is aborted, while the page stays live' => sub {
    $guest->migrate_set_max_speed(1);
    $dashboard->request( %of, do => 'migrate', to => 1 );
    my ( $aborted, $pages, $slowest, $samples, @percents, $over ) = ( 0, 0, 0, 0 );
    my $end = time + 60;
    my $reads;
    $reads = sub {
        my $sent = Time::HiRes::time();
        $dashboard->ua->get_p( $dashboard->address )->then(
            sub {
                my $took = Time::HiRes::time() - $sent;
                $slowest = $took if $took > $slowest;
                $pages++;
                Mojo::IOLoop->timer( 0.05 => $reads ) if !$over;
            }
        );
    };
    $reads->();
    while ( !$over && time < $end ) {
        my $message = $dashboard->hear( sub { 1 }, 1 ) or next;
        $samples++ if $message->{type} eq 'sample' && $message->{host} == 0 && @percents;
        next       if $message->{type} ne 'job';
        $over = $message, last if $message->{over};
        push @percents, $message->{percent} if $message->{percent} > 0;
        $dashboard->request( %of, do => 'abort' ) if @percents >= 4 && !$aborted++;
    }
    ok( $over, 'it ended' ) or return;
    like( $over->{detail}, qr/cancel|abort/i, '... aborted' );
    cmp_ok( scalar @percents, '>=', 4,   'its progress was told' );
    cmp_ok( $percents[-1],    '<',  100, '... which did not come to the end' );
    cmp_ok( $samples,         '>=', 2,   "$samples measurements came during that time" );
    cmp_ok( $pages,           '>=', 10,  "the page was read $pages times" );
    cmp_ok( $slowest,         '<',  1.5, sprintf '... within %.2f s', $slowest );
    ok( $guest->is_active, 'the guest is here' );
    $guest->migrate_set_max_speed(4096);
};

subtest 'in a browser' => sub {
    plan skip_all => 'Chromium is not installed (Debian: chromium)' if !Browser->program;
    my $browser = Browser->new;
    $browser->visit( $dashboard->page );
    my $button = sub {
        my ($label) = @_;
        return
            qq{[...document.querySelectorAll('button')].find(one => one.getAttribute('aria-label') === '$label: $name')};
    };
    my $shot = sub { $browser->screenshot("$ENV{SCREENSHOTS}/stack-$_[0].png") if $ENV{SCREENSHOTS} };
    ok( $browser->wait_for( $button->('Console') ), 'the guest is there' );
    $browser->pause(4) if $ENV{SCREENSHOTS};
    $shot->('page');
    $browser->value( $button->('Console') . '.click()' );
    ok( $browser->wait_for(q{document.getElementById('console-state').textContent.startsWith('connected')}),
        'its console opens' );
    my $type = sub {
        for my $key ( split //, $_[0] ) {
            $browser->command(
                'Input.dispatchKeyEvent',
                type => 'keyDown',
                key  => $key eq "\n" ? 'Enter' : $key
            );
        }
    };

    # The shell drops what comes while it asks the terminal where the cursor is.
    my $taken;
    for ( 1 .. 4 ) {
        $type->("\necho product=\$((6*7))\n");
        $taken =
            $browser->wait_for( q{document.getElementById('screen').textContent.includes('product=42')}, 10 )
            and last;
    }
    ok( $taken, '... and takes what is typed' )
        or diag $browser->value(q{document.getElementById('screen').textContent});
    $shot->('console');
    $browser->value(q{document.querySelector('#console .bar button').click()});

    $guest->migrate_set_max_speed(2);
    $browser->value( $button->('Migrate') . '.click()' );
    ok( $browser->value(q{document.getElementById('ask').open}), 'migration asks for the target' );
    $browser->value(q{document.getElementById('yes').click()});
    ok(
        $browser->wait_for(
            q{document.querySelector('.job progress') && document.querySelector('.job progress').value > 2}),
        '... shows its progress'
    );
    $shot->('migration');
    $browser->value( $button->('Abort') . '.click()' );
    ok( $browser->wait_for( q{!document.querySelector('.job') && document.querySelector('.notice')}, 20 ),
        '... and is aborted by its button' );
    $guest->migrate_set_max_speed(4096);

    $browser->value( $button->('Migrate') . '.click()' );
    $browser->value(q{document.getElementById('yes').click()});
    ok(
        $browser->wait_for(
            qq{document.querySelectorAll('.host')[1].textContent.includes('$name')
                && !document.querySelectorAll('.host')[0].textContent.includes('$name')}, 60
        ),
        'it moves to the other host'
    );
    ok( eval { $there->get_domain_by_name($name)->is_active }, '... really' );
    is_deeply( $browser->complaints, [], 'no exception, nothing refused' );
    $shot->('moved');
};

subtest 'a daemon that ends' => sub {
    Stack::control(qw(daemon b restart));
    ok( $dashboard->hear( sub { $_->{type} eq 'host' && $_->{host} == 1 && !$_->{up} }, 30 ),
        'the host is down' );
    ok( $dashboard->hear( sub { $_->{type} eq 'host' && $_->{host} == 1 && $_->{up} }, 60 ),
        '... and up again' );
    ok( $dashboard->hear( sub { $_->{type} eq 'sample' && $_->{host} == 1 }, 20 ), '... and measured' );
};

done_testing;
