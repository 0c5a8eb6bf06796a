# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A seeded fuzzer: calls any sub of any class with arguments that suit it, with others, and with such as run Perl code at the
# worst moment.
#
#   my $fuzz = Fuzz->new( make => sub { my ($class) = @_; ... }, calls => 500, exits => 1 );    # what makes an object
#   $fuzz->round($seed);                                   # one process' worth: what crashes or hangs ends it by a signal
#   my $bad = Fuzz::processes( $seed, [ 1 .. 40 ], sub { $fuzz->round(@_) } );    # each in a process; how many ended badly
package Fuzz;
use strict;
use warnings;

use B              ();
use File::Basename ();
use POSIX          ();
use Scalar::Util   ();
use lib __FILE__ =~ s{[^/]+\z}{../../t/lib}r;
use Patience;
use Sys::Virt;
use Sys::Virt::Admin;
use Sys::Virt::Event;
use Sys::Virt::LXC;
use Sys::Virt::QEMU;

# Functions that wait by their nature, that end every connection of the process, or that only loading calls.
my $left_out =
    qr/\A(?:run_default|wait_for_\w+|ensure_\w+|register|_register_impl|_loaded|import|bootstrap|dl_load_flags|CLONE|BEGIN)\z|\A\(/;
my @classes = (
    'Sys::Virt',
    map { "Sys::Virt::$_" }
        qw(Domain DomainSnapshot DomainCheckpoint Event EventImpl Interface Network NetworkPort NodeDevice NWFilter
        NWFilterBinding Secret StoragePool StorageVol Stream Error Admin Admin::Server Admin::Client QEMU LXC)
);

# The arguments of each sub: [ class, name, code, [ name of each argument, its type ], whether it is not written in Perl ].
sub subs {
    my ($table) = @_;
    my ( %args, @subs );
    open my $rows, '<', $table or die "$table: $!\n";
    while (<$rows>) {
        my ( $class, $name, $args, $types ) = split /\t/;
        next if /\A#/ || $args eq '-' || $args =~ /[%@]/;
        my %type = $types eq '-' ? () : map { split /:/, $_, 2 } split /,(?=\w+:)/, $types;
        $args{"${class}::$name"} = [
            map { /(\w+)(?:=.*)?\z/ ? "$1 " . ( $type{$1} // q{} ) : 'other' } split /,\s*/,
            ( split /\s+[|]\s+/, $args )[0]
        ];
    }

    for my $class (@classes) {
        no strict 'refs';
        for my $name ( sort keys %{"${class}::"} ) {
            next if $name =~ /$left_out|\A(?!DESTROY\z)[A-Z][A-Z_0-9]+\z/ || !defined &{"${class}::$name"};
            my $code = \&{"${class}::$name"};
            push @subs, [ $class, $name, $code, $args{"${class}::$name"}, B::svref_2object($code)->XSUB ];
        }
    }
    return @subs;
}

# Values that may be freed while they are in use: the arguments of the running call, and the containers among them.
our @args;
our @victims;

our $busy;

sub mischief {
    return if $busy;    # a loop over what it empties would be perl's own problem
    local $busy = 1;
    my $what = int rand 9;
    if    ( $what == 0 ) { @args = () }
    elsif ( $what == 1 ) { ref eq 'ARRAY' ? @$_ = () : ref eq 'HASH' ? %$_ = () : 0 for @victims }
    elsif ( $what == 2 ) { ref eq 'ARRAY' && @$_ < 1_000 && push @$_, @$_ for @victims }
    elsif ( $what == 3 ) { undef $args[$_]                                for 0 .. $#args }
    elsif ( $what == 4 ) {
        Scalar::Util::blessed($_) && $_->isa('Sys::Virt::Stream') && $_->DESTROY for @args;
    }
    elsif ( $what == 5 ) { ref $args[$_] or $args[$_] = 'y' x 9_000 for 0 .. $#args }
    elsif ( $what == 6 ) {
        my @filler = map { 'z' x 64 } 1 .. 200;
    }
    elsif ( $what == 7 ) { die "mischief\n" }
    return;
}

package Fuzz::Overloaded {
    use overload
        q{""}  => sub { Fuzz::mischief(); return 'test' },
        '0+'   => sub { Fuzz::mischief(); return 1 },
        'bool' => sub { return 1 },
        '&{}'  => sub {
        Fuzz::mischief();
        return sub { return 0 }
        },
        fallback => 0;
}

package Fuzz::Dies {
    use overload q{""} => sub { die "string\n" }, '0+' => sub { die "number\n" }, fallback => 0;
}

package Fuzz::Tied {
    sub TIESCALAR { return bless [], shift }
    sub TIEARRAY  { return bless [], shift }
    sub TIEHASH   { return bless [], shift }
    sub FETCH     { Fuzz::mischief(); return ( 'test', 1, undef, [], {} )[ rand 5 ] }
    sub FETCHSIZE { return int rand 4 }
    sub FIRSTKEY  { Fuzz::mischief(); return 'weight' }
    sub NEXTKEY   { return rand() < 0.5 ? undef : 'cap' }
    sub EXISTS    { return 1 }
    sub STORE     { Fuzz::mischief(); return }
    sub UNTIE     { return }
    sub DESTROY   { return }
}

# Subs for callbacks: each may do anything but wait.
sub handlers {
    my ($self) = @_;
    my $calls = 0;
    return (
        sub { return 0 },
        sub { return $_[2] },
        sub { return ( 1, 50 ) },
        sub { die "callback\n" },
        sub { die { a => 'reference' } },
        sub { die $_[0] },
        sub { no warnings 'exiting';       last },
        sub { no warnings 'exiting';       next },
        sub { @_ = ();                     return 1 },
        sub { undef $_[0];                 return 1 },
        sub { $_[0]->DESTROY if ref $_[0]; return 1 },
        sub { mischief();                  return $_[2] },
        sub { $_[1] = 'x' x ( 1 + rand 70_000 ); return length $_[1] },
        sub { $_[1] = "\x{263a}";                return 1 },
        sub { $_[1] = [];                        return 1 },
        sub { tie $_[1], 'Fuzz::Tied'; return 1 },
        sub { return ( bless [], 'Fuzz::Overloaded' ) },
        sub { return wantarray ? (1) x 1_000 : undef },
        sub { return if $calls++ > 9; $self->call; return 1 },
        sub {
            eval { $_[0]->abort };
            return $_[2];
        },
        sub {
            eval { $_[0]->remove_callback };
            return 0;
        },
        sub { $_->{result} = 's' x rand 100 for ref $_[0] eq 'ARRAY' ? @{ $_[0] } : (); return 0 },
        sub {
            local $@ = 'y';
            return sub { 1 }
        },
    );
}

sub new {
    my ( $class, %of ) = @_;
    my $table = File::Basename::dirname(__FILE__) . '/../stub/methods.tsv';
    return bless { subs => [ subs($table) ], objects => {}, %of }, $class;
}

sub one_of { my (@list) = @_; return $list[ rand @list ] }

# Values of every kind, created again for each call, so that none outlives what is done to it.
sub any {
    my ($self) = @_;
    my $forged = 4096;
    my @circle;
    @circle = ( \@circle );
    tie my $scalar, 'Fuzz::Tied';
    tie my @array,  'Fuzz::Tied';
    tie my %hash,   'Fuzz::Tied';
    return one_of(
        undef,      0,
        1,          -1,
        7,          16,
        2**31,      2**32,
        2**63,      1.5,
        9**9**9,    -9**9**9,
        '5',        'abc',
        q{},        "a\0b",
        "\x{263a}", "\xff",
        'x' x 16,   'x' x 5_000,
        'test',     '<domain/>',
        'uri',      'connection',
        'name',     'xml',
        [], {},
        [ 1, 2 ], [ 'a', undef ],
        [ [ 1, 2 ], [ 3, 4 ] ], { weight => 5 },
        { a => [ {} ] },                      \@circle,
        \1,                                   \'x',
        \$scalar,                             bless( \$forged, 'Sys::Virt::Domain' ),
        bless( [], 'Fuzz' ),                  bless( [], 'Fuzz::Dies' ),
        ( bless [], 'Fuzz::Overloaded' ) x 4, \@array,
        \%hash,                               \*STDOUT,
        *STDERR,                              qr/x/,
        [ ( bless [], 'Fuzz::Overloaded' ) x 3 ], { weight => bless [], 'Fuzz::Overloaded' },
        $self->{closed},           one_of( values %{ $self->{objects} } ),
        one_of( handlers($self) ), substr( 'abc', 1 ),
    );
}

# An argument that suits the parameter.
sub fitting {
    my ( $self, $parameter ) = @_;
    my $o = $self->{objects};
    return one_of( handlers($self) ) if $parameter =~ /cb\b|coderef|handler/;
    return int( rand() < 0.7 ? rand 4 : rand 2**33 )
        if $parameter =~ /int|size_t|ulong|\A(?:flags|id|start|count)\b/;
    return one_of( { weight => 5 }, { 'a.uint' => 7, 'a.string' => 'x' }, { bandwidth => 1 }, {} )
        if $parameter =~ /params|hashref|ident/;
    return $o->{'Sys::Virt::Stream'}          if $parameter =~ /\Ast\b/;
    return $o->{'Sys::Virt::Domain'}          if $parameter =~ /\Adom/;
    return [ map { int rand 9 } 1 .. rand 5 ] if $parameter =~ /keycodes|fds|files|pagesizes/;
    return [ 'vda', 'vdb' ]                   if $parameter =~ /keys|mountPoints/;
    return one_of( 'test', '<domain/>', 'x' x 16, 'default', 'vda' );
}

sub call {
    my ($self) = @_;
    my ( $class, $name, $sub, $parameters, $native ) = @{ one_of( @{ $self->{subs} } ) };
    return if $name =~ /DESTROY|close\z|_peek\z/ && rand() < 0.95;    # peeks of 4 GiB take half a minute
    local @args =
        map { rand() < 0.6 ? $self->fitting($_) : $self->any } @{ $parameters || [ ('other') x rand 5 ] };
    splice @args, rand @args, 1, $self->any if @args && rand() < 0.3;
    $#args = int rand @args if rand() < 0.1;
    my $object = $self->{objects}{
        $class =~ /::(?:QEMU|LXC)\z/
        ? one_of( 'Sys::Virt', 'Sys::Virt::Domain' )
        : $class
    };
    unshift @args, $name =~ /\A_/ ? one_of( $class, $self->{objects}{'Sys::Virt'}, $object ) : $object
        if rand() < 0.9;

    # perl itself uses freed memory if an argument's FETCH frees the others while a sub in Perl copies @_.
    local $busy    = $busy || !$native;
    local @victims = grep { ref eq 'ARRAY' || ref eq 'HASH' } @args;
    tie $args[ rand @args ], 'Fuzz::Tied' if @args && rand() < 0.05;
    print STDERR "${class}::$name\n" if $ENV{FUZZ_TRACE};
    no warnings;    ## no critic (ProhibitNoWarnings)
    my @result = eval { &$sub(@args) };
    $self->{done}++;
    return;
}

# Ends by itself what it does last: a callback that calls exit.
sub exits {
    my ($self) = @_;
    my $c = $self->{objects}{'Sys::Virt'};
    for my $way (
        sub {
            my $st = $c->new_stream;
            $self->{objects}{'Sys::Virt::Domain'}->screenshot( $st, 0 );
            $st->recv_all( $_[0] );
        },
        sub { Sys::Virt->new( uri => 'test:///default', auth => 1, credlist => [1], callback => $_[0] ) },
        sub { Sys::Virt::Event::add_timeout( 0, $_[0] ); Sys::Virt::Event::run_default() for 1 .. 3 },
    ) {
        my $pid = fork // die $!;
        if ( !$pid ) {
            eval {
                $way->( sub { exit 0 } );
            };
            POSIX::_exit(0);
        }
        waitpid $pid, 0;
        kill $? & 127, $$ if $?;
    }
    return;
}

sub round {
    my ( $self, $seed ) = @_;
    srand $seed;
    local $SIG{__WARN__} = sub { mischief() if rand() < 0.1 };
    local $SIG{ALRM}     = 'DEFAULT';
    my $objects = $self->{objects};
    for ( 1 .. $self->{calls} ) {
        alarm 300;

        # Objects that a call or a callback has closed are created again.
        for my $class (@classes) {
            next if $objects->{$class} && ${ $objects->{$class} };
            $self->{closed} = $objects->{$class} if $objects->{$class};
            my $made = eval { $self->{make}->( $class, $objects ) };
            $made ? ( $objects->{$class} = $made ) : delete $objects->{$class};
        }
        eval { $self->call };
        alarm 0;
    }
    $self->exits if $self->{exits};
    return;
}

# Runs the code in a process for each number; how many ended badly.
sub processes {
    my ( $seed, $numbers, $code ) = @_;
    my $bad = 0;
    for my $number (@$numbers) {
        my $pid = fork // die $!;
        if ( !$pid ) {
            open STDOUT, '>', '/dev/null' or die $!;
            open STDERR, '>', '/dev/null' or die $! if !$ENV{FUZZ_TRACE};
            $code->( $seed * 1_000_003 + $number );
            POSIX::_exit(0);
        }
        waitpid $pid, 0;
        next if !$?;
        $bad++;
        print STDERR "# round $number of seed $seed ends with status $?\n";
    }
    return $bad;
}

1;
