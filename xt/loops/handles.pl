# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Scenarios for xt/loops/hostile.t: streams as file handles, whole transfers, and consoles of a real guest that sends back what it
# receives.
use 5.016;
use strict;
use warnings;

use File::Temp ();
use Patience;
use Scenario;
use Sys::Virt;
use Sys::Virt::Async;
use Sys::Virt::Console;
use Time::HiRes qw(time);

sub picture {
    my ($dom) = @_;
    my $stream = $dom->get_connect->new_stream;
    $dom->screenshot( $stream, 0 );
    return $stream;
}

# Reads what there is; false at the end.
sub take {
    my ( $handle, $into ) = @_;
    my $got = sysread $handle, my $text, 65_536;
    return 1        if !defined $got && $!{EAGAIN};
    $$into .= $text if $got;
    return $got;
}

# Watches the handle until the pattern matches.
sub expect {
    my ( $handle, $pattern ) = @_;
    my $text = q{};
    my $stop = reader( $handle, sub { take( $handle, \$text ); finish() if $text =~ $pattern } );
    print spin();
    $stop->();
    return $text;
}

scenario '200 handles at once' => "200 whole, 200 closed\n" => sub {
    my $dom = domain_of( Sys::Virt->new( uri => uri() ) );
    my ( $whole, $closed, @open, %length ) = ( 0, 0 );
    for my $number ( 1 .. 200 ) {
        my $stream = picture($dom);
        my $handle = $stream->handle;
        $handle->blocking(0);
        my $text = q{};
        my $stop;
        $stop = reader(
            $handle,
            sub {
                return if take( $handle, \$text );
                $stop->();
                $whole++ if length $text > 10_000 && !defined $stream->handle_error;
                $length{ length $text }++;
                $closed++ if close $handle;
                finish()  if $closed == 200;
            }
        );
        push @open, $handle;
    }
    print spin(25);
    say "$whole whole, $closed closed";
    say "of different lengths: @{[ %length ]}" if keys %length != 1;
};

scenario 'a handle is closed in its callback, and another gets its number' => "1 echo, 2 echo, 3 echo\n" =>
    sub {
    my ( $dom, @seen ) = open_console();
    my ( $number, $stop, $handle, $next );
    my $reused = 0;
    $next = sub {
        my ($round) = @_;
        my $stream = $dom->get_connect->new_stream;
        my $opened;
        for ( 1 .. 50 ) {
            last if $opened = eval { $dom->open_console( $stream, undef, 0 ); 1 };
            Time::HiRes::sleep(0.05);
        }
        die $@ if !$opened;
        $handle = $stream->handle( timeout => 10 );
        $handle->blocking(0);
        $reused++ if defined $number && $number == fileno $handle;
        $number = fileno $handle;
        my $text = q{};
        syswrite $handle, "round $round;";
        $stop = reader(
            $handle,
            sub {
                take( $handle, \$text );
                return if $text !~ /round $round;/;
                push @seen, "$round echo";
                $stop->();
                close $handle or die "close: $!";
                return $next->( $round + 1 ) if $round < 3;
                finish();
            }
        );
    };
    $next->(1);
    print spin();
    say join q{, }, @seen;
    };

scenario 'the daemon is killed with a console open' => "echo\nend: an error\nagain\n" => sub {
    my $dom     = open_console();
    my $console = Sys::Virt::Console->open( $dom, timeout => 10, force => 1 );
    $console->send('one;');
    say 'echo' if expect( $console->handle, qr/one;/ ) =~ /one;/;
    my $text = q{};
    my $stop;
    $stop =
        reader( $console->handle, sub { return if take( $console->handle, \$text ); $stop->(); finish() } );
    after( 0.1, sub { guest_dies() } );
    print spin();
    say 'end: ', defined $console->stream->handle_error ? 'an error' : 'nothing';
    eval { $console->expect('x') };
    eval { $console->close };
    $dom     = open_console();
    $console = Sys::Virt::Console->open( $dom, timeout => 10, force => 1 );
    $console->send('two;');
    say 'again' if expect( $console->handle, qr/two;/ ) =~ /two;/;
    $console->close;
};

# How the code ends, and within how many seconds at most.
sub within {
    my ( $seconds, $code ) = @_;
    my $start  = time;
    my $how    = eval { $code->(); 1 } ? 'done' : failed($@);
    my $passed = time - $start;
    return $passed < $seconds * Patience::factor() ? $how : sprintf '%s after %.1f s', $how, $passed;
}

scenario 'the daemon hangs with a console open, and goes on' => <<'END' => sub {
echo
typed: done
expected: OPERATION_TIMEOUT
opened: OPERATION_TIMEOUT
a signal: in a handler
the loop: nothing came, timers go on
it goes on: echo
closed: done
END
    my $dom     = open_console();
    my $console = Sys::Virt::Console->open( $dom, timeout => 10, force => 1 );
    $console->send('one;');
    say 'echo' if expect( $console->handle, qr/one;/ ) =~ /one;/;
    guest_hangs();
    say 'typed: ',    within( 1, sub { $console->send('two;') } );
    say 'expected: ', within( 2, sub { $console->expect( 'two;', 0.5 ) } );
    $dom->get_connect->set_call_timeout(0.3);
    say 'opened: ', within( 2, sub { Sys::Virt::Console->open( $dom, timeout => 10 ) } );
    $dom->get_connect->set_call_timeout(undef);
    {
        local $SIG{ALRM} = sub { die "in a handler\n" };
        Time::HiRes::alarm(0.3);
        say 'a signal: ', within( 2, sub { $console->expect( 'two;', 20 ) } ) =~ s/\n//r;
        alarm 30;
    }
    my $text = q{};
    my $stop =
        reader( $console->handle, sub { take( $console->handle, \$text ); finish() if $text =~ /three;/ } );
    $console->send('three;');
    my $start = time;
    after( 0.5, \&finish );
    print spin();
    my ( $number, $longest ) = ticks($start);
    say 'the loop: ', $text eq q{} ? 'nothing came' : $text, ', ',
        $number > 5 && $longest < 0.3 * Patience::factor() ? 'timers go on' : "$number ticks, $longest s";
    guest_goes_on();
    print spin();
    say 'it goes on: ', $text eq 'two;three;' ? 'echo' : $text;
    $stop->();
    say 'closed: ', within( 5, sub { $console->close } );
};

scenario 'the daemon hangs while a console is closed, and while it is dropped' =>
    "closed: OPERATION_TIMEOUT\nanother: echo\ndropped: done\nanother: echo\n" => sub {
    for my $how (qw(closed dropped)) {
        my $dom     = open_console();
        my $console = Sys::Virt::Console->open( $dom, timeout => 1, force => 1 );
        $console->send('one;')->expect( 'one;', 10 );
        guest_hangs();
        $console->send('two;');
        say "$how: ", within( 4, sub { $how eq 'closed' ? $console->close : undef $console } );
        guest_goes_on();
        $console = Sys::Virt::Console->open( open_console(), timeout => 10, force => 1 );
        $console->send('three;');
        say 'another: echo' if expect( $console->handle, qr/three;/ ) =~ /three;/;
        $console->close;
    }
    };

scenario 'a script ends with a console open while the daemon hangs' => [ "at the end\n", 4 ] => sub {
    our $dom     = open_console();
    our $console = Sys::Virt::Console->open( $dom, timeout => 1, force => 1 );
    $console->send('one;')->expect( 'one;', 10 );
    guest_hangs();
    $console->send('two;');
    say 'at the end';
    alarm 5;
    exit 4;
};

scenario 'a console within callbacks' =>
    "timer: echo\nfuture: echo\ndies: told 1\ntimeout: OPERATION_TIMEOUT\ngoes on: echo\n" => sub {
    my $dom     = open_console();
    my $console = Sys::Virt::Console->open( $dom, timeout => 10, force => 1 );
    after( 0.01, sub { $console->send('t;')->expect('t;'); say 'timer: echo'; finish() } );
    print spin();
    $dom->async->get_name->on_done( sub { $console->send('f;')->expect('f;'); say 'future: echo'; finish() }
    );
    print spin();
    my $reads = 0;
    my $stop  = reader(
        $console->handle,
        sub {
            take( $console->handle, \my $text );
            return if $reads++;
            after( 0.05, \&finish );
            die "in a reader\n";
        }
    );
    $console->send('d;');
    my @told = spin();

    say 'dies: ', told( qr/in a reader/, @told );
    eval { $stop->() };
    eval { $console->expect( 'nothing', 0.2 ); 1 } or say 'timeout: ', failed($@);
    $console->send('g;');
    say 'goes on: echo' if expect( $console->handle, qr/g;/ );
    $console->close;
    };

scenario 'a console is closed and dropped in its callbacks' => "closed\ndropped\nanother: echo\n" => sub {
    my $dom = open_console();
    for my $how (qw(closed dropped)) {
        my $console = Sys::Virt::Console->open( $dom, timeout => 10, force => 1 );
        my $stop;
        $stop = reader(
            $console->handle,
            sub {
                $stop->();
                $console->close if $how eq 'closed';
                undef $console;
                say $how;
                finish();
            }
        );
        $console->send('x;');
        print spin();
    }
    my $console = Sys::Virt::Console->open( $dom, timeout => 10, force => 1 );
    $console->send('a;');
    say 'another: echo' if expect( $console->handle, qr/a;/ ) =~ /a;/;
    $console->close;
};

scenario 'a script ends with a console open' => [ "echo\n", 4 ] => sub {
    my $dom = open_console();
    our $console = Sys::Virt::Console->open( $dom, timeout => 10, force => 1 );
    $console->send('e;');
    our $stop = reader( $console->handle, sub { take( $console->handle, \my $text ); say 'echo'; exit 4 } );
    print spin();
};

scenario 'transfers: done, canceled, in time, and a report that dies' =>
    "whole\ncanceled: OPERATION_ABORTED\nprogress: told\ntimeout: OPERATION_TIMEOUT\n" => sub {
    my $daemon = own_daemon();
    my $dom    = domain_of( Sys::Virt->new( uri => $daemon->uri ) );
    my $file   = File::Temp->new;
    my $future = picture($dom)->async->receive_to($file);
    $future->on_ready( sub { finish() } );
    print spin();
    say 'whole' if $future->is_done && -s $file > 10_000;

    # To a full pipe, so that it is not over before it is canceled.
    pipe my $unread, my $full or die $!;
    $full->blocking(0);
    1 while syswrite $full, 'x' x 4096;
    $full->blocking(1);
    $future = picture($dom)->async->receive_to($full);
    my $error;
    $future->on_fail( sub { $error = $_[0]; finish() } );
    after( 0, sub { $future->cancel } );
    print spin();
    say 'canceled: ', failed($error);
    my @told;
    $future = picture($dom)->async->receive_to( $file, on_progress => sub { die "in progress\n" } );
    $future->on_ready( sub { after( 0.05, \&finish ) } );
    @told = spin();
    say 'progress: ',
        "@told" =~ /in progress/ || $future->is_failed && $future->failure =~ /in progress/ ? 'told' : 'lost';
    my $stream = picture($dom);
    pipe my $read, my $write or die $!;
    $future = $stream->async( timeout => 0.3 )->receive_to($write);

    # More than the pipe holds would not fit; a picture fits, so the daemon is stopped first.
    $future->on_ready( sub { finish() } );
    print spin();
    $daemon->signal('STOP');
    my $hangs = $dom->async( timeout => 0.3 )->screenshot( $dom->get_connect->new_stream, 0 );
    $hangs->on_ready( sub { finish() } );
    print spin();
    say 'timeout: ', failed( $hangs->failure );
    };

1;
