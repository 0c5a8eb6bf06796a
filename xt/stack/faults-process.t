# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Connections and processes: fork, daemonizing, exec, signals, threads, and the end of the program.
use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes ();
use lib         qw(t/lib xt/lib);
use Patience;
use Stack;
use Faults;
use Sys::Virt::Event;
use Sys::Virt::EventImpl;

# Runs the code in a child process; its exit status, and what it wrote to the handle that it gets.
sub child {
    my ( $code, $end ) = @_;
    pipe my $read, my $write or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";
    if ( !$pid ) {
        close $read or die $!;
        $write->autoflush(1);
        my $done = eval { $code->($write); 1 };
        print {$write} "dies: $@" if !$done;
        close $write or die $!;
        $end ? $end->() : POSIX::_exit( $done ? 0 : 1 );
    }
    close $write or die $!;
    my $text = do { local $/ = undef; <$read> };
    waitpid $pid, 0;
    return ( $?, $text );
}

use constant O_CLOEXEC => oct '2000000';

sub sockets {
    return grep { /\Asocket:/ } map { readlink "/proc/self/fd/$_" // q{} } 0 .. 200;
}

# The descriptors that a new program gets. Linux shows their flags in octal.
sub inheritable {
    my @numbers = map { m{/(\d+)\z} } glob '/proc/self/fdinfo/*';
    return
        grep { Stack::slurp("/proc/self/fdinfo/$_") =~ /^flags:\s+(\d+)/m && !( oct($1) & O_CLOEXEC ) }
        @numbers;
}

Faults::case(
    'fork: a child that ends by exit',
    20,
    sub {
        Sys::Virt::Event::register_default();
        my $conn     = Stack::connect('a');
        my @networks = $conn->list_all_networks;
        my $stream   = $conn->new_stream;
        my $id = $conn->domain_event_register_any( undef, Sys::Virt::Domain::EVENT_ID_LIFECYCLE, sub { } );
        my ($status) = child( sub { undef @networks; undef $stream }, sub { exit 7 } );
        is( $status >> 8,            7,         'the child ends, its objects with it' );
        is( $conn->get_hostname,     'stack-a', 'the parent continues' );
        is( $networks[0]->is_active, 1,         '... with its objects' );
        $conn->domain_event_deregister_any($id);
    }
);

Faults::case(
    'fork: a child that connects',
    20,
    sub {
        Sys::Virt::Event::register_default();
        my $conn = Stack::connect('a');
        my ( $status, $text ) = child(
            sub {
                my ($out) = @_;
                my $own = Stack::connect('b');
                print {$out} $own->get_hostname;
                undef $conn;
            }
        );
        is( "$status $text",     '0 stack-b', 'has a connection of its own' );
        is( $conn->get_hostname, 'stack-a',   'the parent keeps its' );
        my @children = map {
            my $pid = fork // die $!;
            if ( !$pid ) {
                my $right = eval {
                    for ( 1 .. 5 ) { Stack::connect('a')->get_hostname eq 'stack-a' or die }
                    1;
                };
                POSIX::_exit( $right ? 0 : 1 );
            }
            $pid;
        } 1 .. 4;
        is( $conn->get_hostname, 'stack-a', '... while four children connect' ) for 1 .. 20;
        my @status = map { waitpid $_, 0; $? } @children;
        is( "@status", '0 0 0 0', 'all of them can' );
    }
);

Faults::case(
    'a script that becomes a daemon',
    20,
    sub {
        my $file = Stack::file('daemonized');
        unlink $file;
        Sys::Virt->new( uri => 'test:///default' )->get_hostname;    # the library is in use
        my $pid = fork // die $!;
        if ( !$pid ) {
            POSIX::setsid();
            my $second = fork // die $!;
            POSIX::_exit(0) if $second;
            chdir '/';
            my $result = eval {
                Sys::Virt::Event::register_default();
                my $conn   = Stack::connect('a');
                my $events = 0;
                $conn->domain_event_register_any(
                    undef,
                    Sys::Virt::Domain::EVENT_ID_LIFECYCLE,
                    sub { $events++ }
                );
                $conn->create_domain( Stack::xml( name => 'daemon' ), Sys::Virt::Domain::START_PAUSED )
                    ->destroy;
                Stack::wait_for( 'events', 10, sub { $events > 1 } ) ? 'events' : 'none';
            } // $@;
            open my $out, '>', "$file.part" or die $!;
            print {$out} $result;
            close $out or die $!;
            rename "$file.part", $file or die $!;
            POSIX::_exit(0);
        }
        waitpid $pid, 0;
        is( $?, 0, 'the first process ends' );
        my $end = time + 12;
        Time::HiRes::sleep(0.05) until -e $file || time > $end;
        is( Stack::slurp($file), 'events', 'the second one connects and gets events' );
    }
);

Faults::case(
    'exec with an open connection',
    20,
    sub {
        my %mine = map { $_ => 1 } inheritable();
        Sys::Virt::Event::register_default();
        my @before = sockets();
        my $conn   = Stack::connect('a');
        my $stream = $conn->new_stream;
        my @after  = sockets();
        cmp_ok( scalar @after, '>', scalar @before, 'a connection has a socket' );
        my $list = Stack::command( 'sh', '-c', 'ls -l /proc/self/fd' );
        my %old  = map  { $_ => 1 } @before;
        my @seen = grep { !$old{$_} && index( $list, $_ ) >= 0 } @after;
        is( "@seen", q{}, 'the new program does not see it' );
        my @open = grep { !$mine{$_} } inheritable();
        is( "@open", q{}, 'no descriptor is left to it' );
    }
);

Faults::case(
    'signals during a call',
    30,
    sub {
        my $conn  = Stack::connect('a');
        my %heard = ( ALRM => 0, USR1 => 0 );
        for my $name ( keys %heard ) {
            $SIG{$name} = sub { $heard{$name}++ };    ## no critic (RequireLocalizedPunctuationVars)
        }
        Faults::daemon( 'a', 'freeze' );
        Faults::later( 2, 'daemon', 'a', 'thaw' );
        my $pid = fork // die $!;
        if ( !$pid ) {
            for ( 1 .. 10 ) { Time::HiRes::sleep(0.1); kill 'USR1', getppid }
            POSIX::_exit(0);
        }
        alarm 1;
        my $name = eval { $conn->get_hostname };
        is( $name, 'stack-a', 'the call continues to its end' ) || diag $@;
        waitpid $pid, 0;
        is( $heard{ALRM}, 1, 'the handler of the alarm has run' );
        cmp_ok( $heard{USR1}, '>=', 1, 'the handler of the other signals, too' );
        $SIG{ALRM} = sub { die "too long\n" };    ## no critic (RequireLocalizedPunctuationVars)
        Faults::daemon( 'a', 'freeze' );
        Faults::later( 2, 'daemon', 'a', 'thaw' );
        alarm 1;
        my $lived = eval { $conn->get_hostname; 1 };
        is( "$@",                "too long\n", 'a handler that dies: when the call has returned' );
        is( $conn->get_hostname, 'stack-a',    '... which leaves the connection as it was' );
    }
);

Faults::case(
    'signals during an event loop',
    20,
    sub {
        Sys::Virt::Event::register_default();
        my $conn  = Stack::connect('a');
        my $heard = 0;
        local $SIG{USR1} = sub { $heard++ };
        my $pid = fork // die $!;
        if ( !$pid ) {
            for ( 1 .. 5 ) { Time::HiRes::sleep(0.1); kill 'USR1', getppid }
            POSIX::_exit(0);
        }
        ok( Stack::wait_for( 'signals', 5, sub { $heard >= 5 } ), 'the handler runs between its rounds' );
        waitpid $pid, 0;
        local $SIG{ALRM} = sub { die "enough\n" };
        alarm 1;
        my $timer = Sys::Virt::Event::add_timeout( 100, sub { } );
        my $lived = eval { Sys::Virt::Event::run_default() while 1; 1 };
        is( "$@",                "enough\n", 'one that dies ends the loop' );
        is( $conn->get_hostname, 'stack-a',  'the connection lives' );
        Sys::Virt::Event::remove_timeout($timer);
    }
);

# A loop that never runs, and whose connections go when it says so.
package Sulking::Loop {
    our @ISA     = ('Sys::Virt::EventImpl');
    our $sulking = 0;
    my $next = 1;
    sub add_handle     { return $next++ }
    sub add_timeout    { return $next++ }
    sub update_handle  { return 0 }
    sub update_timeout { return 0 }
    sub remove_timeout { return 0 }
    sub remove_handle  { die "no more handles\n" if $sulking; return 0 }
}

Faults::case(
    'an event loop in Perl that dies while a connection is freed',
    20,
    sub {
        Sys::Virt::Event::register( bless {}, 'Sulking::Loop' );
        my $conn = Stack::connect('a');
        is( $conn->get_hostname, 'stack-a', 'a call needs no round of the loop' );
        my @warnings;
        local $SIG{__WARN__} = sub { push @warnings, @_ };
        $Sulking::Loop::sulking = 1;
        undef $conn;
        is( $warnings[0], "\t(in cleanup) no more handles\n", 'DESTROY warns of it, as that of any object' );
        $Sulking::Loop::sulking = 0;
        is( eval { Stack::connect('a')->get_hostname } // $@,
            'stack-a', 'the next call has nothing to do with it' );
    }
);

# A program that ends with everything open: what it prints, and its status.
sub program {
    my ($text) = @_;
    my $file = Stack::file('program.pl');
    open my $out, '>', $file or die $!;
    print {$out} "use strict; use warnings; use Sys::Virt; use Sys::Virt::Event; \$| = 1; alarm 15;\n"
        . "Sys::Virt::Event::register_default();\nour \$conn = Sys::Virt->new( uri => '@{[ Stack::uri('a') ]}' );\n"
        . $text;
    close $out or die $!;
    open my $pipe, '-|', "$^X -Mblib $file 2>&1" or die $!;
    my $said = do { local $/ = undef; <$pipe> };
    close $pipe;
    return ( $said // q{} ) . $?;
}

Faults::case(
    'the end of the program',
    60,
    sub {
        my $listen =
              '$conn->domain_event_register_any( undef, 0, sub { print "event\n" } );'
            . '$conn->register_close_callback( sub { print "closed\n" } );'
            . 'our $timer = Sys::Virt::Event::add_timeout( 10, sub { print "" } );';
        my $stream =
              'our $stream = $conn->new_stream(1); our $dom = $conn->create_domain( q{'
            . Stack::xml( name => 'end' )
            . '}, 2 ); $dom->open_console( $stream, undef ); '
            . '$stream->add_callback( 1, sub { print "data\n" } ); Sys::Virt::Event::run_default() for 1 .. 3;';
        is( program("$listen print qq{end\\n};"),         "end\n0",   'callbacks are registered' );
        is( program("$listen print qq{end\\n}; exit 3;"), "end\n768", 'the same, with exit' );
        like(
            program("$listen $stream print qq{end\\n};"),
            qr/\A(?:event\n|data\n)*end\n0\z/,
            'and a stream is open'
        );
        is( program("$listen our \@ring; \@ring = ( \\\@ring, \$conn ); print qq{end\\n};"),
            "end\n0", 'and the connection is in a ring' );
        is(
            program(
                "$listen package Ends; sub new { bless {} } sub DESTROY { print \$main::conn ? qq{there\\n} : qq{gone\\n} }"
                    . ' package main; our $last = Ends->new; print qq{end\n};'
            ) =~ /\Aend\n(?:there|gone)\n0\z/,
            1,
            'and a destructor looks at it'
        );
        like( program("$listen die qq{dead\\n};"), qr/\Adead\n/, 'and it dies' );
        is( program("$listen kill 'TERM', \$\$; sleep 5;"), '15',      'and it is killed' );
        is( Stack::connect('a')->get_hostname,              'stack-a', 'the daemon does not mind' );
    }
);

Faults::case(
    'threads',
    60,
    sub {
        require threads;
        my $conn     = Stack::connect('a');
        my ($domain) = grep { $_->get_name eq 'default' } $conn->list_all_networks;
        my @shared   = map {
            threads->create(
                sub {
                    my $right = grep {
                               $conn->get_hostname eq 'stack-a'
                            && $domain->get_name eq 'default'
                            && $domain->is_active
                    } 1 .. 100;
                    return $right;
                }
            )
        } 1 .. 4;
        is( $_->join,           100, 'a shared handle works in a thread' ) for reverse @shared;
        is( $domain->is_active, 1,   '... and here, afterwards' );
        my @made = map {
            threads->create( sub { my $own = Stack::connect( $_[0] ); return $own->get_hostname }, $_ )
        } qw(a b a b);
        is(
            join( q{ }, map { $made[$_]->join } 2, 0, 3, 1 ),
            'stack-a stack-a stack-b stack-b',
            'connections made in threads'
        );
        my $keeper = threads->create( sub { Time::HiRes::sleep(1); return $domain->get_name } );
        undef $domain;
        undef $conn;
        is( $keeper->join, 'default', 'a thread keeps what its parent has dropped' );
        my $stopped = threads->create(
            sub {
                eval { Stack::connect('a')->get_domain_by_name('nobody') };
                return ref $@ && $@->code;
            }
        );
        is( $stopped->join, Sys::Virt::Error::ERR_NO_DOMAIN, 'errors of a thread' );
        my $parting = threads->create(
            sub { our $own = Stack::connect('a'); our @own = $own->list_all_networks; threads->exit } );
        $parting->join;
        pass('a thread that exits with objects');
        threads->create( sub { our $own = Stack::connect('a'); $own->get_hostname } )->detach;
        Time::HiRes::sleep(0.5);
        is( Stack::connect('a')->get_hostname, 'stack-a', 'after a detached thread' );
    }
);

Faults::case(
    'a storm of signals',
    60,
    sub {
        my $guest = Stack::connect('a')->create_domain( Stack::xml( name => 'storm' ) );
        my ( $signals, $same ) = ( 0, 0 );
        $SIG{ALRM} = sub { $signals++ };    ## no critic (RequireLocalizedPunctuationVars)
        Time::HiRes::setitimer( Time::HiRes::ITIMER_REAL(), 0.001, 0.001 );
        for ( 1 .. 300 ) { $same++ if $guest->get_xml_description =~ /<domain/ && $guest->get_info->{memory} }
        Time::HiRes::setitimer( Time::HiRes::ITIMER_REAL(), 0 );
        is( $same, 300, '600 calls about a running guest return what they should' );
        cmp_ok( $signals, '>', 50, '... while a thousand signals come in each second' );
        $guest->destroy;
    }
);

Faults::finish();
