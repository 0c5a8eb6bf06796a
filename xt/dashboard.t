# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# examples/dashboard.pl: permissions, messages, and the page in a browser. On the test driver; real guests, migration
# and the console are in xt/stack/dashboard.t.
use strict;
use warnings;

use File::Temp ();
use Test::More;
use lib 'xt/lib';
use Samples;

BEGIN {
    my @missing = Samples::missing('use Mojolicious::Lite;');
    plan skip_all => 'Mojolicious is not installed (Debian: libmojolicious-perl)' if @missing;
}
use Browser;
use Dashboard;

# A test driver with a domain whose name is hostile.
my $evil = q{<img src=x onerror="document.title='broken'">};
my $file = File::Temp->new( SUFFIX => '.xml' );
{
    my $name = $evil =~ s/([<>"'])/sprintf '&#%d;', ord $1/gre;
    print {$file}
        "<node><domain type='test'><name>$name</name><memory>65536</memory><os><type>hvm</type></os></domain></node>";
    close $file or die $!;
}

sub fails {
    my (@arguments) = @_;
    my @command = Dashboard::command(@arguments);
    open my $pipe, '-|', 'sh', '-c', 'exec timeout 20 "$@" 2>&1 </dev/null', 'sh', @command or die $!;
    my $output = do { local $/ = undef; <$pipe> };
    close $pipe;
    return ( $output, $? );
}

subtest 'beginning' => sub {
    my ( $output, $status ) = fails( '--uri', 'qemu+unix:///system?socket=/no/such' );
    isnt( $status, 0, 'no host at all' );
    like( $output, qr{/no/such}, '... is explained' );
    ( $output, $status ) = fails( '--listen', 'http://0.0.0.0:0' );
    isnt( $status, 0, 'an address that others can reach' );
    like( $output,                    qr/--remote/,                '... has to be wanted' );
    like( ( fails( 'get', '/' ) )[0], qr/<title>Virtual machines/, 'a command of Mojolicious' );
};

my $dashboard = Dashboard->start( '--demo', '--uri', "test://$file", '--interval', 0.5 );

subtest 'permissions' => sub {
    my ( $ua, $url ) = ( $dashboard->ua, $dashboard->address );
    like( $dashboard->page, qr{\Ahttp://127[.]0[.]0[.]1:\d+/#[0-9a-f]{32}\z}, 'the address has a key' );
    my $page = $ua->get($url)->result;
    is( $page->code, 200, 'the page' );
    like(
        $page->headers->header('Content-Security-Policy'),
        qr/\Adefault-src 'none'; script-src 'self';/,
        '... loads nothing from elsewhere'
    );
    unlike( $page->body, qr/<script>| on\w+=|https?:/, '... and has no script of its own' );
    is( $ua->get( $url, { Host => 'evil.example' } )->result->code, 403, 'another host name' );
    is( $ua->get( $url, { Host => 'localhost:' . $url->port } )->result->code, 200,
        'a name of this machine' );
    is( $ua->get( $url->clone->path('/../dashboard.pl') )->result->code, 404, 'no other files' );

    my $key = $dashboard->page->fragment;
    is( $dashboard->websocket(q{}),                           403, 'no key' );
    is( $dashboard->websocket( scalar reverse $key ),         403, 'a wrong key' );
    is( $dashboard->websocket( $key, 'http://evil.example' ), 403, 'the page of another site' );
    is( $dashboard->websocket( $key, 'http://127.0.0.1:1' ),  403, 'of another port' );
    is( $dashboard->websocket( $key, 'null' ),                403, 'of no origin' );
    is( $dashboard->websocket( $key, undef ),                 403, 'of no header' );
    my $allowed = $dashboard->websocket;
    ok( ref $allowed, 'the page itself' );
    $allowed->finish;
};

subtest 'messages' => sub {
    $dashboard->watch;
    my $host = $dashboard->hear( sub { $_->{type} eq 'host' && $_->{host} == 1 && $_->{up} }, 30 );
    is_deeply(
        [ @{$host}{qw(driver up cpus memory title)} ],
        [ 'TEST', 1, 16, 67_108_864, 'demonstration' ],
        'a host'
    );
    my $web = $dashboard->row( 'web-1', sub { defined $_->{cpu} } );
    is( $web->{state}, 'running', 'a domain' );
    cmp_ok( abs( $web->{cpu} - 35 ), "<", 25, '... and its processors: one of four is busy, about' );
    is( $web->{memory}, 8 * 2**20, '... and its memory' );
    is( $web->{read},   undef,     '... and no disk, for the driver does not count that' );
    my $off = $dashboard->row('cache');
    is_deeply( [ @{$off}{qw(state active cpu)} ], [ 'shutoff', 0, undef ], 'a domain that is off' );
};

subtest 'actions' => sub {
    my %web  = ( host => 1, uuid => '00000000-0000-4000-8000-000000000001' );
    my $said = sub {
        my ( $do, $what ) = @_;
        $dashboard->request( %web, do => $do );
        return !!$dashboard->hear( sub { $_->{type} eq 'event' && $_->{what} eq $what } );
    };
    ok( $said->( suspend => 'suspended' ),                            'pause' );
    ok( $said->( resume => 'resumed' ),                               'resume' );
    ok( $said->( shutdown => 'stopped' ),                             'shut down' );
    ok( $dashboard->row( 'web-1', sub { $_->{state} eq 'shutoff' } ), '... which is seen' );
    ok( $said->( start => 'started' ),                                'start' );
    ok( $said->( off => 'stopped' ),                                  'off' );
    ok( $said->( start => 'started' ),                                'and again' );

    my $refused = sub {
        my (%request) = @_;
        $dashboard->request(%request);
        return ( $dashboard->hear( sub { $_->{type} eq 'refused' } ) // {} )->{text};
    };
    like( $refused->( %web, do => 'start' ), qr/already running/, 'what libvirt refuses' );
    like( $refused->( %web, do => 'migrate', to => 0 ), qr/not supported/, '... and what its driver lacks' );
    is(
        $refused->( %web, do => 'migrate', to => 1 ),
        'choose another host that is connected',
        'to the same host'
    );
    is( $refused->( %web, do => 'abort' ),               'nothing is being migrated', 'nothing to abort' );
    is( $refused->( %web, do => 'undefine' ),            'there is no such action',   'no such action' );
    is( $refused->( %web, do => ['start'] ),             'not a request',             'no action' );
    is( $refused->( %web, do => 'start', host => 9 ),    'there is no such host',     'no such host' );
    is( $refused->( %web, do => 'start', host => '-1' ), 'there is no such host',     'nor from behind' );
    is( $refused->( %web, do => 'off', uuid => q{} ),    'that is not the UUID of a domain', 'no domain' );
    like( $refused->( %web, do => 'off', uuid => $web{uuid} =~ s/1\z/f/r ), qr/not found/i,
        'no such domain' );
    $dashboard->request( %web, do => 'console-open' );
    like(
        $dashboard->hear( sub { $_->{type} eq 'console' } )->{closed},
        qr/not supported/,
        'no console here'
    );
    $dashboard->{tx}->send($_) for 'no JSON', '[]', '{}', '17', '{"do":{}}';
    ok( $dashboard->row( 'web-1', sub { $_->{state} eq 'running' } ), 'nonsense does no harm' );
};

subtest 'read-only' => sub {
    my $quiet =
        Dashboard->start( '--demo', '--readonly', '--uri', 'qemu+unix:///system?socket=/no/such' )->watch;
    $quiet->request( do => 'off', host => 1, uuid => '00000000-0000-4000-8000-000000000001' );
    is(
        $quiet->hear( sub { $_->{type} eq 'refused' } )->{text},
        'this dashboard is read-only',
        'it only watches'
    );
    my $down = Dashboard->start( '--demo', '--uri', 'qemu+unix:///system?socket=/no/such' )->watch;
    like( $down->hear( sub { $_->{type} eq 'host' && !$_->{up} } )->{why},
        qr{/no/such}, 'a host that is down says why' );
};

subtest 'in a browser' => sub {
    plan skip_all => 'Chromium is not installed (Debian: chromium)' if !Browser->program;
    my $browser = Browser->new;
    $browser->visit( $dashboard->page );
    my $row = sub {
        my ($name) = @_;
        return
            qq{[...document.querySelectorAll('tbody tr')].find(row => row.querySelector('th').textContent === '$name')};
    };
    my $button = sub {
        my ($label) = @_;
        return
            qq{[...document.querySelectorAll('button')].find(one => one.getAttribute('aria-label') === '$label')};
    };
    ok( $browser->wait_for( $row->('web-2') ), 'domains' );
    is( $browser->value(q{document.getElementById('status').textContent}), 'live', 'it is live' );
    is( $browser->value(q{document.querySelectorAll('tbody tr').length}),  7,      'all of them' );
    ok(
        $browser->wait_for(
            $row->('web-2')
                . q{.querySelector('td.cpu svg path.line').getAttribute('d').split('L').length > 3}
        ),
        'a chart grows'
    );
    like(
        $browser->value( $row->('web-2') . q{.querySelector('td.cpu svg').getAttribute('aria-label')} ),
        qr/\ACPU: \d+ % of 4\z/,
        '... and says what it shows'
    );
    is( $browser->value(q{document.title}), 'Virtual machines', 'a name with markup does nothing' );
    is( $browser->value(q{document.querySelectorAll('td img, th img').length}), 0, '... makes no element' );
    ok(
        $browser->value(
            qq{[...document.querySelectorAll('tbody th')].some(one => one.textContent === `$evil`)}),
        '... and is shown as it is'
    );

    $browser->value( $button->('Start: cache') . '.click()' );
    ok( $browser->wait_for( $row->('cache') . q{.querySelector('.state').textContent === 'running'} ),
        'start' );
    ok(
        $browser->wait_for(
            q{document.querySelector('#events li').textContent.includes('cache started (booted)')}),
        '... is an event'
    );
    $browser->value( $button->('Off: cache') . '.click()' );
    ok( $browser->value(q{document.getElementById('ask').open}), 'what is dangerous is asked' );
    ok( $browser->value(q{document.getElementById('choice').offsetParent === null}), '... without a target' );
    $browser->value(q{document.querySelector('#ask button[value=no]').click()});
    $browser->pause(1);
    is( $browser->value( $row->('cache') . q{.querySelector('.state').textContent} ),
        'running', '... and no means no' );
    $browser->value( $button->('Off: cache') . '.click()' );
    $browser->value(q{document.getElementById('yes').click()});
    ok( $browser->wait_for( $row->('cache') . q{.querySelector('.state').textContent === 'shutoff'} ),
        '... yes means yes' );

    $browser->value( $button->('Console: web-2') . '.click()' );
    ok( $browser->wait_for(q{document.getElementById('console-state').textContent.includes('not supported')}),
        'a console that the driver lacks' );
    $browser->value(q{document.querySelector('#console .bar button').click()});

    # Every control has a name, and so has every picture.
    is(
        $browser->value(
            q{[...document.querySelectorAll('td button')].filter(one => !one.getAttribute('aria-label')).length}
        ),
        0,
        'buttons have names'
    );
    is( $browser->value(q{[...document.querySelectorAll('section svg:not([aria-label])')].length}),
        0, 'charts have names' );
    is( $browser->value(q{document.documentElement.scrollWidth <= innerWidth}),
        Mojo::JSON::true, 'the page fits' );
    is_deeply( $browser->complaints, [], 'no exception, nothing refused' );
    $browser->screenshot("$ENV{SCREENSHOTS}/dashboard.png") if $ENV{SCREENSHOTS};

    # A terminal's escapes.
    my $screen = sub {
        my ($bytes) = @_;
        return $browser->value(
                  '(() => { const place = document.createElement("pre"), one = new Terminal(place, () => {});'
                . "for (const part of $bytes) one.write(part); return place.textContent.trimEnd(); })()" );
    };
    is( $screen->(q{['one\r\ntwo\b\bX\r\n']}),                        "one\ntXo", 'lines and backspace' );
    is( $screen->(q{['\x1b[1;31mred\x1b[0m', ' \x1b]0;title\x07x']}), 'red x',    'colors and titles' );
    is( $screen->(q{['abc\x1b[2D\x1b', '[Kd']}),                      'ad',       'an escape in two parts' );
    is( $screen->(q{['\xc3', '\xa9t\xc3\xa9']}), "\xe9t\xe9",                     'characters in two parts' );
    is( $screen->(q{['<b>x</b>']}),              '<b>x</b>',                      'markup is text' );
};

done_testing;
