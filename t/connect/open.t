# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Child;
use Throws;
use File::Temp ();
use Sys::Virt;

my $uri = 'test:///default';
my $c   = Sys::Virt->new( uri => $uri );

isa_ok( $c, 'Sys::Virt' );
is( $c->get_type,     'TEST', 'get_type' );
is( $c->get_uri,      $uri,   'get_uri' );
is( $c->get_version,  2,      'the test driver has version 2' );
is( $c->is_alive,     1,      'is_alive' );
is( $c->is_secure,    1,      'is_secure' );
is( $c->is_encrypted, 0,      'is_encrypted is 0, not an empty string' );
is( join( q{.}, $c->get_major_version, $c->get_minor_version, $c->get_micro_version ), '0.0.2', 'in parts' );

my $library = $c->get_library_version;
is( Sys::Virt::get_version(), $library, 'B15: get_version as a function is the library version' );
is( Sys::Virt->get_version,   $library, 'B15: as a class method too' );
is(
    Sys::Virt::get_major_version() * 1_000_000 +
        Sys::Virt::get_minor_version() * 1_000 +
        Sys::Virt::get_micro_version(),
    $library,
    'B16: its parts'
);

subtest 'parameters of new' => sub {
    is( Sys::Virt->new( address => $uri )->get_uri, $uri, 'address is the old name of uri' );
    is( Sys::Virt->new( uri     => 'bad:///', address => $uri )->get_uri, $uri, 'and wins when it is there' );
    is( $c->new( uri => $uri )->get_uri, $uri, 'an object serves as invocant' );
    my @warnings;
    {
        local $SIG{__WARN__} = sub { push @warnings, @_ };
        is( Sys::Virt->new( uri => $uri, read_only => 1 )->get_type, 'TEST', 'unknown keys are ignored' );
        no warnings 'Sys::Virt';    ## no critic (ProhibitNoWarnings)
        Sys::Virt->new( uri => $uri, read_only => 1 );
    }
    is( scalar @warnings, 1, '... with one warning, where that is not off' );
    like(
        $warnings[0],
        qr/\ASys::Virt::new: 'read_only' is not an option, and is ignored at \Q$0/,
        '... that names it'
    );

    @My::Virt::ISA = ('Sys::Virt');
    my $mine = My::Virt->new( uri => $uri );
    is( ref $mine,                             'My::Virt',          'a subclass gets its own objects' );
    is( ref $mine->get_domain_by_name('test'), 'Sys::Virt::Domain', 'whose children are plain' );

    my $ro = Sys::Virt->new( uri => $uri, readonly => 1 );
    throws(
        'readonly forbids changes',
        Sys::Virt::Error::ERR_OPERATIONED_DENIED(),
        sub { $ro->get_domain_by_name('test')->destroy }
    );
    throws( 'unknown flags', 8, sub { Sys::Virt->new( uri => $uri, flags => 64 ) } );

    @warnings = ();
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    is( Sys::Virt->new( uri => $uri, 'odd' )->get_type, 'TEST', 'an odd list' );
    like( $warnings[0], qr/\AOdd number of elements in hash assignment/, '... only warns' );
};

subtest 'errors' => sub {
    my $seen;
    local $SIG{__DIE__} = sub { $seen = $_[0] };
    throws( 'a lookup that fails', 'NO_DOMAIN', sub { $c->get_domain_by_name('nope') } );
    my $e = $@;
    isa_ok( $e, 'Sys::Virt::Error' );
    is( $seen, $e, 'the handler saw the same object' );
    is_deeply( [ sort keys %$e ], [qw(code domain level message)], 'exactly four keys' );
    is( $e->code,      42,                                                 'code' );
    is( $e->domain,    12,                                                 'domain' );
    is( $e->level,     2,                                                  'B5: level is the level' );
    is( $e->message,   $e->{message},                                      'message' );
    is( "$e",          "libvirt error code: 42, message: $e->{message}\n", 'as a string' );
    is( $e->stringify, "$e",                                               'stringify' );
    ok( $e eq "$e", 'B30: eq works' );
    ok( $e ne 'x',  'B30: ne works' );
    my $newline = bless { code => 1, message => "m\n" }, 'Sys::Virt::Error';
    is( "$newline", "libvirt error code: 1, message: m\n", 'no second newline' );
};

subtest 'bad arguments of new' => sub {
    my @auth = ( uri => $uri, auth => 1 );
    for my $case (
        [ 'a NUL character', qr/uri holds a NUL/,          uri => "test\0///default" ],
        [ 'a reference',     qr/uri is a reference/,       uri => [] ],
        [ 'negative flags',  qr/flags is out of range/,    uri => $uri, flags => -1 ],
        [ 'large flags',     qr/flags is out of range/,    uri => $uri, flags => 2**32 ],
        [ 'A7: no array',    qr/credlist is not an ARRAY/, @auth, credlist => 'x', callback => sub { } ],
        [
            'no credential', qr/credlist\[0\] is a reference, not a number/, @auth,
            credlist => [ {} ],
            callback => sub { }
        ],
    ) {
        my ( $name, $message, %params ) = @$case;
        throws( $name, $message, sub { Sys::Virt->new(%params) } );
        like( $@, qr/ at \Q$0\E line \d+[.]$/, '... with file and line' );
    }
};

subtest 'a closed connection' => sub {
    my $closed = Sys::Virt->new( uri => $uri );
    $closed->close;
    for my $method (qw(get_hostname is_alive list_all_domains set_identity)) {
        throws(
            $method,
            Sys::Virt::Error::ERR_INVALID_CONN(),
            sub { $closed->$method( $method eq 'set_identity' ? {} : () ) }
        );
    }
};

subtest 'authentication' => sub {
    my $file = File::Temp->new( SUFFIX => '.xml' );
    print {$file} '<node><auth><user password="secret">fred</user><user>joe</user></auth></node>';
    close $file or die $!;
    my %auth = (
        uri      => "test://$file",
        auth     => 1,
        credlist => [ Sys::Virt::CRED_AUTHNAME(), Sys::Virt::CRED_PASSPHRASE() ],
    );

    my @asked;
    my $reply = sub {
        my ($creds) = @_;
        for my $cred (@$creds) {
            push @asked, {%$cred};
            $cred->{result} = $cred->{type} == Sys::Virt::CRED_AUTHNAME() ? 'fred' : 'secret';
        }
        return 0;
    };
    my $conn = Sys::Virt->new( %auth, callback => $reply );
    is( $conn->get_type, 'TEST', 'the right answers open the connection' );
    is_deeply( [ map { $_->{type} } @asked ], [ 2, 5 ],                           'both were asked for' );
    is_deeply( [ sort keys %{ $asked[0] } ],  [qw(challenge prompt result type)], 'with exactly these keys' );

    my @refused = (
        [ 'wrong answers',           'AUTH_FAILED', sub { $_->{result} = 'x' for @{ $_[0] }; return 0 } ],
        [ 'a callback that refuses', 'AUTH_FAILED', sub { return -1 } ],
        [ 'D5: one that dies',       qr/\Achanged my mind\n\z/, sub { die "changed my mind\n" } ],
        [ 'D5: with an object',      qr/\AHASH/,                sub { die { my => 'object' } } ],
        [ 'one without answers',     qr/\Alibvirt error code/,  sub { return 0 } ],
    );
    for (@refused) {
        my ( $name, $want, $callback ) = @$_;
        throws( $name, $want, sub { Sys::Virt->new( %auth, callback => $callback ) } );
    }
    {
        my @told;
        local $SIG{__WARN__} = sub { push @told, @_ };
        for my $end ( sub { $_[0][1]{result} = 'secret' },
            sub { $_[0][0]{result} = 'fred'; $_[0][1]{result} = 'secret' } ) {
            push @told, $@ if !eval { Sys::Virt->new( %auth, callback => $end ); 1 };
        }
        unlike( "@told", qr/secret/, 'what a callback returns is not quoted' );
        ok( scalar( grep { /isn't numeric in a callback/ } @told ) >= 2,
            '... and is the number 0, with a warning' );
    }
    {
        local $@ = 'mine';
        Sys::Virt->new( %auth, callback => $reply );
        is( $@, 'mine', 'a callback leaves $@ alone' );
    }

    my $script = File::Temp->new( SUFFIX => '.pl' );
    print {$script} q{use Sys::Virt; END { print 'ended' } Sys::Virt->new(uri => shift, auth => 1,
        credlist => [2, 5], callback => sub { exit 7 }); print 'not reached'};
    close $script or die $!;
    my $output = child_output( "$script", "test://$file" );
    is( $? >> 8, 7, 'exit in a callback is exit' );
    like( $output, qr/(?<!reached)ended\z/, '... with END blocks, and nothing before them' );
};

done_testing;
