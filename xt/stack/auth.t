# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Who may do what: SASL with a callback for credentials, TLS with certificates of both sides, read-only connections.
use strict;
use warnings;

use Test::More;
use lib qw(t/lib xt/lib);
use Patience;
use Stack;
use Throws;

my $etc     = Stack::root() . '/b/etc';
my $config  = "$etc/libvirtd.conf";
my $before  = Stack::slurp($config);
my $changed = 0;

sub configure {
    my (@lines) = @_;
    my $text = $before;
    for my $line (@lines) {
        my ($key) = $line =~ /\A(\w+)/;
        $text =~ s/^$key *=.*\n//m;
        $text .= "$line\n";
    }
    open my $file, '>', $config or die $!;
    print {$file} $text;
    close $file or die $!;
    $changed = @lines;
    Stack::control(qw(daemon b restart));
    return;
}

END {
    local $? = 0;
    configure() if $changed;
}

# Runs Perl text inside the stack, where TCP is, with a connection's URI as $uri; what it prints.
sub inside {
    my ( $uri, $text, @arguments ) = @_;
    my $program = <<'PERL';
use strict; use warnings; use Sys::Virt; alarm 60;
my ( $uri, @rest ) = @ARGV;
my ( $asked, %answer ) = ( 0, @rest );
# Answers from the hash, by the kind of question.
my $callback = sub {
    my ($questions) = @_;
    $asked++;
    for my $question (@$questions) {
        my $key = $question->{type} == Sys::Virt::CRED_PASSPHRASE() ? 'password' : 'user';
        $question->{result} = $answer{$key};
    }
    return $answer{refuse} ? -1 : 0;
};
my %auth = ( auth => 1, callback => $callback, credlist => [ Sys::Virt::CRED_AUTHNAME(), Sys::Virt::CRED_PASSPHRASE() ] );
my $result = eval "sub { $rest[-1] }" or die $@;
print eval { $result->() } // ( ref $@ ? 'code ' . $@->code . ": $@" : "died: $@" );
PERL
    local $ENV{LIBVIRT_DEBUG} = 'error';    # a refused certificate is no news
    my @command = Stack::inside_command( $^X, '-Mblib', '-e', $program, $uri, @arguments, 'text', $text );
    return Stack::command(@command);
}

subtest 'SASL over TCP' => sub {
    configure('auth_tcp = "sasl"');
    my $command = "| saslpasswd2 -p -c -a libvirt -u stack-b -f $etc/passwd.db alice";
    open my $pipe, $command or die $!;      ## no critic (ProhibitTwoArgOpen)
    print {$pipe} 'wonderland';
    close $pipe or die "saslpasswd2: $?";
    my $uri = 'qemu+tcp://stack-b:16510/system';
    my $connect =
        'my $c = Sys::Virt->new( uri => $uri, %auth ); join q{ }, $c->get_hostname, $c->is_secure, $c->is_encrypted, $asked';
    my @alice = ( user => 'alice', password => 'wonderland' );
    is(
        inside( $uri, $connect, @alice ),
        'stack-b 1 1 1',
        'the right password: one question, an encrypted connection'
    );
    my $failed = sprintf 'code %d:', Sys::Virt::Error::ERR_AUTH_FAILED;
    like( inside( $uri, $connect, user => 'alice', password => 'looking-glass' ),
        qr/\A$failed/, 'a wrong password' );
    like( inside( $uri, $connect, user => 'mallory', password => 'x' ), qr/\A$failed/, 'an unknown user' );
    like( inside( $uri, $connect, @alice, refuse => 1 ), qr/\A$failed/, 'a callback that refuses' );
    like(
        inside( $uri, 'Sys::Virt->new( uri => $uri )' ),
        qr/\A$failed.*pass auth => 1 to Sys::Virt->new\)\n\z/,
        'B39: no callback to ask: the error says how'
    );
    like(
        inside( $uri, 'Sys::Virt->new( uri => $uri, %auth, callback => sub { die "no idea\n" } )', @alice ),
        qr/\Adied: no idea$/,
        'a callback that dies: its exception'
    );
    is( inside( $uri, $connect, user => 'alice' ) =~ /\A$failed/, 1, 'an undefined answer' );
    my $credlist = '%auth = ( %auth, credlist => [ Sys::Virt::CRED_AUTHNAME() ] );';
    like( inside( $uri, $credlist . $connect, @alice ),
        qr/\A$failed/, 'a client that cannot ask for what is needed' );
    my $look =
          'my @seen; my $c = Sys::Virt->new( uri => $uri, %auth, callback => sub { for my $q ( @{ $_[0] } ) {'
        . 'push @seen, join q{,}, $q->{type}, map { defined $q->{$_} ? 1 : 0 } qw(prompt challenge result); }'
        . ' $callback->(@_) } ); "@seen"';
    is(
        inside( $uri, $look, @alice ),
        join( q{ }, map { "$_,1,1,0" } Sys::Virt::CRED_AUTHNAME, Sys::Virt::CRED_PASSPHRASE ),
        'what the callback sees'
    );
};

# A certificate authority and two certificates, in a folder as libvirt wants it.
sub certificates {
    my $dir = Stack::file('pki');
    mkdir $dir or die $!;
    my $openssl = sub {
        my ($command) = @_;
        system("cd $dir && openssl $command >>log 2>&1") == 0 or die Stack::slurp("$dir/log");
        return;
    };
    my $new = 'req -newkey rsa:2048 -nodes';
    $openssl->("$new -x509 -keyout cakey.pem -out cacert.pem -subj /CN=authority -days 2");
    for my $side (qw(server client other)) {
        open my $extensions, '>', "$dir/$side.ext" or die $!;
        my $purpose = $side eq 'server' ? 'serverAuth' : 'clientAuth';
        print {$extensions}
            "basicConstraints=CA:FALSE\nsubjectAltName=DNS:stack-b\nextendedKeyUsage=$purpose\n";
        close $extensions or die $!;
        $openssl->("$new -keyout ${side}key.pem -out $side.csr -subj /O=stack/CN=$side");
        my $days = '-days 2 -CA cacert.pem -CAkey cakey.pem -CAcreateserial';
        $openssl->("x509 -req -in $side.csr -out ${side}cert.pem -extfile $side.ext $days");
    }
    return $dir;
}

subtest 'TLS' => sub {
    my $dir = certificates();
    my @tls = (
        'listen_tls = 1',
        'tls_port = "16515"',
        qq{key_file = "$dir/serverkey.pem"},
        qq{cert_file = "$dir/servercert.pem"},
        qq{ca_file = "$dir/cacert.pem"},
        'tls_allowed_dn_list = ["O=stack,CN=client", "CN=client,O=stack"]',
    );
    configure( @tls, 'auth_tls = "none"' );
    my $uri = "qemu://stack-b:16515/system?pkipath=$dir";
    my $tell =
        'my $c = Sys::Virt->new( uri => $uri, %auth ); join q{ }, $c->get_hostname, $c->is_secure, $c->is_encrypted, $asked';
    is( inside( $uri, $tell ), 'stack-b 1 1 0', 'a certificate: no question, encrypted' );
    like(
        inside( $uri =~ s/stack-b/127.0.0.1/r, $tell ),
        qr/\Acode \d+:.*(?:certificate|hostname)/is,
        'a server of another name'
    );
    is(
        inside( $uri =~ s/stack-b/127.0.0.1/r . '&no_verify=1', $tell ),
        'stack-b 1 1 0',
        '... unless that does not matter'
    );
    my $other = Stack::file('pki-other');
    mkdir $other or die $!;

    for my $name (qw(cert key)) {
        Stack::command( 'cp', "$dir/other$name.pem", "$other/client$name.pem" );
    }
    Stack::command( 'cp', "$dir/cacert.pem", $other );
    like(
        inside( "qemu://stack-b:16515/system?pkipath=$other", $tell ),
        qr/\Acode \d+:/,
        'a client that is not on the list'
    );
    configure( @tls, 'auth_tls = "sasl"' );
    is(
        inside( $uri, $tell, user => 'alice', password => 'wonderland' ),
        'stack-b 1 1 1',
        'certificate and password'
    );
    like( inside( $uri, $tell, user => 'alice', password => 'x' ), qr/\Acode/, '... and a wrong one' );
};

configure();

subtest 'read-only' => sub {
    my $full  = Stack::connect('a');
    my $guest = $full->create_domain( Stack::xml( name => 'main' ) );
    my $ro    = Stack::connect( 'a', readonly => 1 );
    my $same  = $ro->get_domain_by_name( $guest->get_name );
    is( $same->get_info->{state}, Sys::Virt::Domain::STATE_RUNNING, 'reading is allowed' );
    my $denied = 'OPERATIONED_DENIED';
    my %writes = (
        destroy             => sub { $same->destroy },
        shutdown            => sub { $same->shutdown },
        suspend             => sub { $same->suspend },
        set_memory          => sub { $same->set_memory(65_536) },
        set_vcpus           => sub { $same->set_vcpus(1) },
        attach_device       => sub { $same->attach_device('<disk/>') },
        save                => sub { $same->save('/nowhere') },
        migrate             => sub { $same->migrate_to_uri( 'qemu+tcp://stack-b/system', 0 ) },
        create_snapshot     => sub { $same->create_snapshot('<domainsnapshot/>') },
        define_domain       => sub { $ro->define_domain( Stack::xml( name => 'new' ) ) },
        create_domain       => sub { $ro->create_domain( Stack::xml( name => 'new' ) ) },
        create_network      => sub { $ro->create_network('<network/>') },
        define_storage_pool => sub { $ro->define_storage_pool('<pool/>') },
        define_secret       => sub { $ro->define_secret('<secret/>') },
        define_nwfilter     => sub { $ro->define_nwfilter('<filter/>') },
        send_key            => sub { $same->send_key( 0, 1, [1] ) },
        memory_peek         => sub { $same->memory_peek( 0, 1, 2 ) },
        secure_xml          => sub { $same->get_xml_description(Sys::Virt::Domain::XML_SECURE) },
        set_metadata        => sub { $same->set_metadata( 1, 'x' ) },
        network_destroy     => sub { $ro->get_network_by_name('default')->destroy },
        open_console        => sub { $same->open_console( $ro->new_stream, undef ) },
    );
    throws( "$_ is refused", $denied, $writes{$_} ) for sort keys %writes;
    my $socket = Stack::root() . '/a/run/libvirt-sock-ro';
    my $public = Sys::Virt->new( uri => "qemu+unix:///system?socket=$socket", readonly => 1 );
    is( scalar( grep { $_->get_name eq $guest->get_name } $public->list_all_domains ),
        1, 'by the public socket' );
    throws( '... refused, too', $denied, sub { $public->get_domain_by_name( $guest->get_name )->destroy } );
    is( $guest->is_active, 1, 'the guest still runs' );
};

done_testing;
