# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Blocking calls with a time limit, during which handlers of signals run. A server that accepts and never answers is the host
# that hangs.
use strict;
use warnings;

BEGIN {
    $_->unimport for grep { $INC{"$_.pm"} } qw(bigint bignum);
}    # whose fractions are 0 for XS

use File::Temp ();
use FindBin    ();
use IO::Socket::UNIX;
use lib "$FindBin::Bin/../lib" =~ /(.*)/s;    # untainted, for -T
use Patience;
use Test::More;
use Time::HiRes qw(time setitimer ITIMER_REAL);
use Sys::Virt;
use Sys::Virt::Event;

# How many times slower this machine may be.
my $slow = Patience::factor();

# Another implementation would ignore the limits and wait forever.
Sys::Virt->can('set_call_timeout') or die "not this Sys::Virt: $INC{'Sys/Virt.pm'}\n";

# The tests set the process' alarm, so another process sees to it that this one ends.
my $patience = 120 * $slow;
my $owner    = $$;
my $watchdog = fork // die $!;
if ( !$watchdog ) {
    for ( 1 .. $patience ) {
        sleep 1;
        exec 'true' if getppid == 1;
    }
    kill KILL => getppid;
    exec 'false';
}
END { kill KILL => $watchdog if $watchdog && $$ == $owner }

# A server that accepts and never answers. A unix socket: a build may have no network at all.
my $folder = File::Temp->newdir;

sub silent_server {
    my ($name) = @_;
    return IO::Socket::UNIX->new( Listen => 50, Local => "$folder/$name" ) || die $!;
}
my $server = silent_server('one');
my $hung   = "test+unix:///default?socket=$folder/one";

sub timed {
    my ($code) = @_;
    my $start  = time;
    my $lived  = eval { $code->(); 1 };
    return ( $lived ? undef : $@, time - $start );
}

subtest 'connecting' => sub {
    my ( $error, $seconds ) = timed( sub { Sys::Virt->new( uri => $hung, timeout => 0.3 ) } );
    isa_ok( $error, 'Sys::Virt::Error' );
    is( $error->code, Sys::Virt::Error::ERR_OPERATION_TIMEOUT(), 'has a time limit' );
    cmp_ok( $seconds, '>=', 0.3,       '... not too short' );
    cmp_ok( $seconds, '<',  2 * $slow, '... nor too long' );
    for my $bad ( 0, -5, 'NaN' ) {
        ok( !eval { Sys::Virt->new( uri => 'test:///default', timeout => $bad ); 1 }, "a limit of $bad" );
        like(
            $@,
            qr/\ASys::Virt::new: timeout is not a number of seconds above 0 at \Q$0\E line/,
            '... is refused'
        );
    }
    isa_ok( Sys::Virt->new( uri => 'test:///default', timeout => undef ), 'Sys::Virt', 'none' );
    {

        package My::Connection;
        our @ISA = ('Sys::Virt');
    }
    is( ref My::Connection->new( uri => 'test:///default', timeout => 5 * $slow ),
        'My::Connection', 'in a subclass' );
    ok( !eval { Sys::Virt->new( uri => 'nonsense:///', timeout => 5 * $slow ); 1 },
        'a connection that fails' );
    isa_ok( $@, 'Sys::Virt::Error' );
    isnt( $@->code, Sys::Virt::Error::ERR_OPERATION_TIMEOUT(), '... for its own reason' );
};

subtest 'signals' => sub {
    my $ticks = 0;
    local $SIG{ALRM} = sub { $ticks++ };
    setitimer( ITIMER_REAL, 0.05, 0.05 );
    my ($error) = timed( sub { Sys::Virt->new( uri => $hung, timeout => 1 ) } );
    setitimer( ITIMER_REAL, 0 );
    is( $error->code, Sys::Virt::Error::ERR_OPERATION_TIMEOUT(), 'a handler that returns' );
    cmp_ok( $ticks, '>=', 5, "... has run $ticks times during the call" );

    local $SIG{ALRM} = sub { die "enough\n" };
    setitimer( ITIMER_REAL, 0.2 );
    ( $error, my $seconds ) = timed( sub { Sys::Virt->new( uri => $hung, timeout => 20 * $slow ) } );
    is( $error, "enough\n", 'what a handler dies with leaves the call' );
    cmp_ok( $seconds, '<', 2 * $slow, '... at once' );

    # A signal handler that makes calls.
    my $inner;
    local $SIG{ALRM} =
        sub { $inner = Sys::Virt->new( uri => 'test:///default', timeout => 5 * $slow )->get_uri };
    setitimer( ITIMER_REAL, 0.1 );
    ($error) = timed( sub { Sys::Virt->new( uri => $hung, timeout => 0.5 ) } );
    is( $error->code, Sys::Virt::Error::ERR_OPERATION_TIMEOUT(), 'a handler that connects elsewhere' );
    is( $inner,       'test:///default',                         '... can' );

    for my $signal (qw(INT TERM)) {
        my $pid = fork // die $!;
        if ( !$pid ) {
            $SIG{$signal} = 'DEFAULT';
            eval { Sys::Virt->new( uri => $hung, timeout => 20 * $slow ) };
            require POSIX;
            POSIX::_exit(0);
        }
        Time::HiRes::sleep(0.3);
        kill $signal => $pid;
        my $start = time;
        waitpid $pid, 0;
        ok( $? & 127, "SIG$signal ends a script that hangs" );
        cmp_ok( time - $start, '<', 2 * $slow, '... at once' );
    }
};

subtest 'calls' => sub {
    my $plain = Sys::Virt->new( uri => 'test:///default' );
    my $c     = Sys::Virt->new( uri => 'test:///default', timeout => 10 * $slow );
    my ( $here, $there ) = map { $_->get_domain_by_name('test') } $plain, $c;
    is( $there->$_, $here->$_, $_ )
        for qw(get_name get_uuid get_uuid_string get_id get_os_type get_max_memory is_active is_persistent);
    is_deeply( [ sort keys %{ $there->$_ } ], [ sort keys %{ $here->$_ } ], $_ )
        for qw(get_info get_scheduler_parameters);
    is_deeply( [ $there->get_state ], [ $here->get_state ], 'a list' );
    is( scalar( $there->get_state ), scalar( $here->get_state ), '... in scalar context' );
    is_deeply( [ map { $_->get_name } $c->list_all_domains ], ['test'], 'objects' );

    no warnings qw(numeric uninitialized);
    for my $bad (
        sub { $_[0]->get_domain_by_name('nobody') },
        sub { $_[0]->get_domain_by_name },
        sub { $_[0]->get_sysinfo( 'x' x 2, 3 ) }
    ) {
        my ( $wanted, $got ) = map {
            my $con = $_;
            eval { $bad->($con); 1 } ? 'nothing' : "$@"
        } $plain, $c;
        is( $got, $wanted, 'an exception' );
    }
    is( $c->set_call_timeout(undef), undef,  'the limit is removed' );
    is( $there->get_name,            'test', '... and calls are made here again' );
    $c->set_call_timeout(2.5);
    is( $there->get_name, 'test', '... or there' );
    for my $bad ( 0, -1, 'NaN' ) {
        ok( !eval { $c->set_call_timeout($bad); 1 }, "a limit of $bad" );
        like(
            $@,
            qr/set_call_timeout: seconds is not a number of seconds above 0 at \Q$0\E line/,
            '... is refused'
        );
    }
    $c->close;
    ok( !eval { $c->set_call_timeout(1); 1 }, 'a closed connection' );
    like( $@, qr/con is not an open connection/, '... is refused' );
    is( $c->get_uri,      undef,  '... and its calls say so as ever' );
    is( $there->get_name, 'test', 'its objects stay usable' );
};

# Perl code that a call needs runs here, while another thread makes it.
subtest 'callbacks' => sub {
    Sys::Virt::Event::register_default();
    my $timer = Sys::Virt::Event::add_timeout( 20, sub { } );
    my $c     = Sys::Virt->new( uri => 'test:///default', timeout => 10 * $slow );
    my @events;
    my $id = $c->domain_event_register_any( undef, 0, sub { push @events, [@_] } );
    my $d  = $c->get_domain_by_name('test');
    for my $round ( 1 .. 10 ) {
        $round % 2 ? $d->suspend : $d->resume;
        for ( 1 .. 50 ) { last if @events >= $round; Sys::Virt::Event::run_default() }
    }
    is( @events,       10, 'events' );
    is( $events[0][0], $c, '... with their connection' );
    $c->domain_event_deregister_any($id);

    my $asked = 0;
    my ( $error, $seconds ) = timed(
        sub {
            my $volume = $c->get_storage_pool_by_name('default-pool');
            my $stream = $c->new_stream;
            $stream->recv_all( sub { $asked++; die "in a handler\n" } );
        }
    );
    ok( $error, 'a stream that is not open fails' );
    is( $asked, 0, '... without its handler' );
};

subtest 'credentials' => sub {
    my $auth = File::Temp->new( TEMPLATE => 'limit-XXXXXX', TMPDIR => 1, SUFFIX => '.xml' );
    print {$auth} "<node><auth><user password='123456'>bob</user></auth></node>";
    close $auth or die $!;
    my ( @asked, $here );
    my $connect = sub {
        my ( $password, $die ) = @_;
        return Sys::Virt->new(
            uri      => "test://$auth",
            auth     => 1,
            timeout  => 10,
            credlist => [ Sys::Virt::CRED_AUTHNAME(), Sys::Virt::CRED_PASSPHRASE() ],
            callback => sub {
                my ($creds) = @_;
                push @asked, map { $_->{type} } @$creds;
                die "no password\n" if $die;
                $_->{result} = $_->{type} == Sys::Virt::CRED_AUTHNAME() ? 'bob' : $password for @$creds;
                return 0;
            },
        );
    };
    my $c = eval { $connect->('123456') };
    isa_ok( $c, 'Sys::Virt', 'a callback for credentials' ) or diag $@;
    cmp_ok( @asked, '>=', 2, '... was asked' );
    ok( !eval { $connect->('wrong'); 1 }, 'a wrong password' );
    is( ref $@, 'Sys::Virt::Error', '... is an error' );
    ok( !eval { $connect->( 'x', 1 ); 1 }, 'a callback that dies' );
    is( $@, "no password\n", '... is delivered' );
};

done_testing;
