# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Sys::Virt::Console;

# A guest's serial console for programs: type, and wait for the guest's output. It uses the file handle of a stream, so it needs no
# event loop.

use 5.016;
use strict;
use warnings;

use Carp         ();
use Errno        ();
use Scalar::Util ();
use Sys::Virt    ();
use Time::HiRes  ();

# The default and the longest time limit in seconds; the size of the buffer for the guest's output in bytes.
use constant { TIMEOUT => 30, LONGEST => 1_000_000, KEPT => 1 << 20 };

use constant { OPERATION_FAILED => 9, OPERATION_INVALID => 55, OPERATION_TIMEOUT => 68 };

my %option =
    map { $_ => 1 } qw(device channel force safe timeout log newline);

sub open {    ## no critic (ProhibitBuiltinHomonyms)
    my ( $class, $dom, @options ) = @_;
    Scalar::Util::blessed($dom) && $dom->isa('Sys::Virt::Domain')
        or Carp::croak("Usage: $class->open(\$dom, %options)");
    @options % 2 == 0 or Carp::croak('open takes options as pairs of a name and a value');
    my %o = @options;
    for my $name ( sort keys %o ) { Carp::croak("open has no option '$name'") if !$option{$name} }
    Carp::croak('open takes a device or a channel') if defined $o{device} && defined $o{channel};
    my $self = bless {
        timeout => seconds( 'open', $o{timeout}, TIMEOUT ),
        log     => $o{log},
        newline => $o{newline} // "\n",
        buffer  => q{},
    }, $class;
    my $stream = $self->{stream} = $dom->get_connect->new_stream;

    if ( defined $o{channel} ) {
        take(
            $o{force},
            Sys::Virt::Domain::OPEN_CHANNEL_FORCE(),
            sub { $dom->open_channel( $stream, $o{channel}, $_[0] ) }
        );
    }
    else {
        my $safe = $o{safe} ? Sys::Virt::Domain::OPEN_CONSOLE_SAFE() : 0;
        take(
            $o{force},
            Sys::Virt::Domain::OPEN_CONSOLE_FORCE(),
            sub { $dom->open_console( $stream, $o{device}, $safe | $_[0] ) }
        );
    }
    $self->{handle} = $stream->handle( timeout => $self->{timeout} );
    $self->{handle}->blocking(0);
    return $self;
}

# libvirtd 9.0.0 deadlocks when a console is taken over while its stream ends. A console that was just closed is such a one: so it has
# a second to become free before FORCE is used.
sub take {
    my ( $force, $flag, $open ) = @_;
    return $open->(0) if !$force;
    for ( 1 .. 10 ) {
        return if eval { $open->(0); 1 };
        die $@ if !ref $@ || $@->code != OPERATION_FAILED;    ## no critic (RequireCarping): libvirt's error
        Time::HiRes::sleep(0.1);
    }
    return $open->($flag);
}

sub seconds {
    my ( $name, $seconds, $default ) = @_;
    return $default if !defined $seconds;
    Scalar::Util::looks_like_number($seconds) && $seconds > 0
        or Carp::croak("$name: timeout must be a number of seconds greater than 0");
    return $seconds < LONGEST ? $seconds : LONGEST;
}

sub error {
    my ( $code, $message ) = @_;
    return bless { level => 2, code => $code, domain => 0, message => $message }, 'Sys::Virt::Error';
}

sub handle { return $_[0]{handle} }
sub stream { return $_[0]{stream} }
sub buffer { return $_[0]{buffer} }
sub is_eof { return !!$_[0]{eof} }

# Why there is no more output.
sub ended {
    my ( $self, $what ) = @_;
    return $self->{stream}->handle_error
        // error( OPERATION_INVALID, "$what: the console has ended" . $self->tail );
}

# The end of the guest's output, for messages.
sub tail {
    my ($self) = @_;
    my $text   = substr $self->{buffer}, -200 > -length $self->{buffer} ? -200 : 0;
    $text        =~ s/\e\[[\d;?]*[A-Za-z]//g;
    $text        =~ s/[^[:print:]\n]//g;
    return $text =~ /\S/ ? qq{; it wrote last: "$text"} : '; it wrote nothing';
}

# Waits until the handle can be read or written: false after the time limit. Signal handlers run, and their exceptions are thrown.
sub wait_for {
    my ( $self, $end, $write ) = @_;
    my $left = $end - Time::HiRes::time();
    return if $left <= 0;
    $self->open_handle;
    vec( my $read = q{}, fileno $self->{handle}, 1 ) = 1;
    my $other = $write ? $read : undef;
    select $read, $other, undef, $left;
    return 1;
}

# A callback or a signal handler may have closed it.
sub open_handle {
    my ($self) = @_;
    return $self->{handle} // die error( OPERATION_INVALID, 'the console was closed during the call' );
}

# Reads available output. False at the end.
sub fill {
    my ($self) = @_;
    return if $self->{eof};
    my $got = sysread $self->open_handle, my $text, 65_536;
    if ( !defined $got ) {
        return 1 if $!{EAGAIN} || $!{EINTR} || $!{EWOULDBLOCK};
        $got = 0;
    }
    if ( !$got ) {
        $self->{eof} = 1;
        return;
    }
    $self->{buffer} .= $text;
    substr $self->{buffer}, 0, -KEPT, q{} if length $self->{buffer} > KEPT;
    my $log = $self->{log} or return 1;
    if   ( ref $log eq 'CODE' ) { $log->($text) }
    else                        { print {$log} $text }
    return 1;
}

sub send {    ## no critic (ProhibitBuiltinHomonyms)
    my ( $self, $text, @options ) = @_;
    defined $text     or Carp::croak('Usage: $console->send($text)');
    @options % 2 == 0 or Carp::croak('send takes options as pairs of a name and a value');
    my %o = @options;
    for my $name ( sort keys %o ) { Carp::croak("send has no option '$name'") if $name ne 'timeout' }
    utf8::encode($text) if utf8::is_utf8($text) && !utf8::downgrade( $text, 1 );
    $self->{handle} or Carp::croak('send: the console is closed');
    my $end = Time::HiRes::time() + seconds( 'send', $o{timeout}, $self->{timeout} );
    my $at  = 0;

    while ( $at < length $text ) {
        die $self->ended('send') if $self->{eof};
        my $sent = syswrite $self->open_handle, $text, length($text) - $at, $at;
        if ( defined $sent ) { $at += $sent; next }
        $!{EAGAIN} || $!{EINTR} || $!{EWOULDBLOCK} or die $self->ended('send');

        # A guest that waits for its own output to be read takes nothing.
        $self->wait_for( $end, 1 ) or die error( OPERATION_TIMEOUT, 'send: the guest does not read' );
        $self->fill;
    }
    return $self;
}

sub send_line {
    my ( $self, $text, @more ) = @_;
    return $self->send( ( $text // q{} ) . $self->{newline}, @more );
}

# A string is matched literally.
sub patterns {
    my ( $name, $wanted ) = @_;
    my @patterns = ref $wanted eq 'ARRAY' ? @$wanted : ($wanted);
    @patterns && !grep { !defined } @patterns or Carp::croak("$name: there is nothing to wait for");
    my ($bad) = grep { ref && !Scalar::Util::blessed($_) } @patterns;
    Carp::croak("$name: $bad is no pattern") if defined $bad;
    return map { ref $_ ? $_ : qr/\Q$_\E/ } @patterns;
}

# The pattern that matches first; removes the match, and the output before it, from the buffer. undef after the time limit.
sub look {
    my ( $self, $end, @patterns ) = @_;
    while (1) {
        my ( $first, $from, $to, @groups );
        for my $index ( 0 .. $#patterns ) {
            $self->{buffer} =~ $patterns[$index] or next;
            next if defined $first && $-[0] >= $from;
            ( $first, $from, $to ) = ( $index, $-[0], $+[0] );
            @groups =
                map { defined $-[$_] ? substr $self->{buffer}, $-[$_], $+[$_] - $-[$_] : undef } 1 .. $#-;
        }
        if ( defined $first ) {
            @$self{qw(before match groups index)} = (
                substr( $self->{buffer}, 0,     $from ),
                substr( $self->{buffer}, $from, $to - $from ),
                \@groups, $first
            );
            substr $self->{buffer}, 0, $to, q{};
            return $first;
        }
        $self->{eof} and die $self->ended('expect');
        last if !$self->wait_for($end);
        $self->fill;
    }
    return;
}

sub expect {
    my ( $self, $wanted, $timeout ) = @_;
    my @patterns = patterns( expect => $wanted );
    $self->{handle} or Carp::croak('expect: the console is closed');
    my $seconds = seconds( 'expect', $timeout, $self->{timeout} );
    my $index   = $self->look( Time::HiRes::time() + $seconds, @patterns );
    defined $index
        or die error( OPERATION_TIMEOUT, "expect: nothing of that kind within $seconds s" . $self->tail );
    return $index;
}

sub before { return $_[0]{before} }
sub match  { return $_[0]{match} }
sub groups { return @{ $_[0]{groups} // [] } }

# The buffer, and the output of the next seconds.
sub read {    ## no critic (ProhibitBuiltinHomonyms)
    my ( $self, $seconds ) = @_;
    $self->{handle} or Carp::croak('read: the console is closed');
    my $end = Time::HiRes::time() + seconds( 'read', $seconds, 0.2 );
    while ( !$self->{eof} && $self->wait_for($end) ) { $self->fill }
    my $text = $self->{buffer};
    $self->{buffer} = q{};
    return $text;
}

# A shell command: its output and, in list context, its status. The markers are written so that their echo does not match.
my $commands = 0;

sub run {
    my ( $self, $command, $timeout ) = @_;
    defined $command && $command !~ /[\r\n]/ or Carp::croak('run takes one line of shell');
    my $mark = sprintf 'sv%d_%d', $$, ++$commands;
    $self->send_line("echo '<'$mark; $command; echo '>'$mark:\$?");
    my $end  = Time::HiRes::time() + seconds( 'run', $timeout, $self->{timeout} );
    my $late = sub { die error( OPERATION_TIMEOUT, "run: the command has not ended in time" . $self->tail ) };
    defined $self->look( $end, qr/^<$mark\r?\n/m )     or $late->();
    defined $self->look( $end, qr/>$mark:(\d+)\r?\n/ ) or $late->();
    my ($status) = $self->groups;
    my $output = $self->{before} =~ s/\r\n/\n/gr;
    return wantarray ? ( $output, $status ) : $output;
}

my %login = map { $_ => 1 } qw(user password prompt login_prompt password_prompt failure timeout);

sub login {
    my ( $self, @options ) = @_;
    @options % 2 == 0 or Carp::croak('login takes options as pairs of a name and a value');
    my %o = @options;
    for my $name ( sort keys %o ) { Carp::croak("login has no option '$name'") if !$login{$name} }
    defined $o{user} or Carp::croak('login: user is missing');
    my $end        = Time::HiRes::time() + seconds( 'login', $o{timeout}, $self->{timeout} );
    my $prompt     = $o{prompt} // qr/[\$#>%] (?:\e\[[\d;?]*[A-Za-z])*\z/;
    my ($ready)    = patterns( login => $prompt );
    my ($name)     = patterns( login => $o{login_prompt}    // qr/login: *\z/i );
    my ($password) = patterns( login => $o{password_prompt} // qr/password: *\z/i );
    my ($failure)  = patterns( login => $o{failure}         // qr/login incorrect|authentication failure/i );
    my $wait       = sub {
        my (@patterns) = @_;
        return $self->look( $end, @patterns )
            // die error( OPERATION_TIMEOUT, 'login: no prompt in time' . $self->tail );
    };

    # A guest that showed its prompt long ago shows it again.
    $self->send_line(q{});
    return $self if $wait->( $name, $ready ) == 1;
    $self->send_line( $o{user} );
    my $next = $wait->( $password, $ready, $failure );
    if ( $next == 0 ) {
        defined $o{password} or die error( OPERATION_INVALID, 'login: the guest asks for a password' );
        $self->send_line( $o{password} );
        $next = 1 + $wait->( $ready, $failure );
    }
    die error( OPERATION_INVALID, 'login: the guest refuses the user or the password' ) if $next == 2;
    return $self;
}

sub close {    ## no critic (ProhibitBuiltinHomonyms)
    my ($self) = @_;
    my $handle = delete $self->{handle} or return;
    CORE::close($handle)
        or die $self->{stream}->handle_error // error( OPERATION_TIMEOUT, "close: $!" );
    return;
}

1;
