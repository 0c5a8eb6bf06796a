# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Config;
use FindBin;
use lib "$FindBin::Bin/lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Child;
use Throws;
use Scalar::Util ();
use Sys::Virt;

my $uri = 'test:///default';
my $c   = Sys::Virt->new( uri => $uri );
my $d   = $c->get_domain_by_name('test');

is( Scalar::Util::reftype($d), 'SCALAR', 'a reference to a scalar' );
ok( $$d > 0,                              'which holds the pointer' );
ok( $d != $c->get_domain_by_name('test'), 'two lookups, two objects' );

my $number = 4096;
throws(
    'A10: a forged pointer',
    qr/\ASys::Virt::Domain::get_name\(\) -- dom is not a Sys::Virt::Domain object at/,
    sub { Sys::Virt::Domain::get_name( bless \$number, 'Sys::Virt::Domain' ) }
);
throws(
    'A10: an object of another class',
    qr/is not a Sys::Virt::Domain object/,
    sub { Sys::Virt::Domain::get_name($c) }
);

for my $bad ( undef, 'x', 0, [], {}, sub { }, \1, bless( [], 'Sys::Virt::Domain' ) ) {
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    my $what = defined $bad ? $bad : 'undef';
    is_deeply( [ Sys::Virt::Domain::get_name($bad) ], [undef], "B27: $what is no object: undef" );
    is( scalar Sys::Virt::Domain::get_state($bad), undef, '... in scalar context too' );
    like(
        "@warnings",
        qr/\ASys::Virt::Domain::get_name\(\) -- dom is not a blessed SV reference at \Q$0\E line \d+[.]\n.*get_state/,
        '... with warnings'
    );
    @warnings = ();
    { no warnings; Sys::Virt::Domain::get_info($bad) }    ## no critic (ProhibitNoWarnings)
    is( "@warnings", q{}, '... which can be switched off' );
    throws(
        "A9: destroy of $what",
        qr/is not a blessed SV reference/,
        sub { Sys::Virt::Domain::destroy($bad) }
    );
}

$$d = length( 'x' x 99 );    # no literal, which -Mbigint would make an object
is( $d->get_name, 'test', 'a changed integer is not followed' );
$d->DESTROY;
is( $$d, 0, 'DESTROY leaves 0' );
$d->DESTROY;
throws( 'a closed handle', Sys::Virt::Error::ERR_INVALID_DOMAIN(), sub { $d->get_name } );
throws(
    'also where libvirt does not look',
    Sys::Virt::Error::ERR_INVALID_DOMAIN(),
    sub { $d->get_launch_security_info }
);
Sys::Virt::DESTROY($_) for undef, 'x', [], bless( {}, 'Foo' );
pass('A9: DESTROY takes anything');

# Perl does not call our DESTROY by itself; a subclass's own has to see the object open, and ours close it.
{

    package Heir;
    our @ISA = ('Sys::Virt::Domain');
    our @seen;

    sub DESTROY {
        my ($self) = @_;
        push @seen, $self->get_name;
        $self->SUPER::DESTROY;
        push @seen, $$self;
        return;
    }
}
{
    my $heir = bless Sys::Virt->new( uri => $uri )->get_domain_by_name('test'), 'Heir';
    undef $heir;
    is_deeply( \@Heir::seen, [ 'test', 0 ], 'B38: DESTROY of a subclass, and SUPER::DESTROY' );
    my @mocked;
    no warnings 'redefine';    ## no critic (ProhibitNoWarnings)
    local *Sys::Virt::Network::DESTROY = sub { push @mocked, $_[0]->get_name };
    my $network = Sys::Virt->new( uri => $uri )->get_network_by_name('default');
    undef $network;
    is_deeply( \@mocked, ['default'], '... and one instead of ours' );
}

# CvCONST makes perl skip our DESTROY (perl/private.h). A perl that stops doing so is noticed here.
{
    my $script =
          q{use Sys::Virt; package Heir { our @ISA = 'Sys::Virt'; sub DESTROY { $_[0]->SUPER::DESTROY } }}
        . q{Sys::Virt->new(uri => $ARGV[0])->get_domain_by_name('test'); print "heir\n"; Heir->new(uri => $ARGV[0])};
    my @seen = do {
        open my $pipe, '-|', child_perl(), '-d:Subs', '-e', $script, $uri or die $!;
        <$pipe>;
    };
    chomp @seen;
    is( "@seen", 'heir Heir::DESTROY Sys::Virt::DESTROY', 'B38: perl calls only a DESTROY that is not ours' );
}
for my $class (qw(Sys::Virt Sys::Virt::Domain)) {
    my $name  = { 'Sys::Virt' => 'con_rv' }->{$class} // 'dom_rv';
    my $lived = eval "&${class}::DESTROY(); 1";                      ## no critic (ProhibitStringyEval)
    like( $@, qr/\AUsage: ${class}::DESTROY\Q($name) at\E/, "$class\::DESTROY without arguments" );
    ok( !$lived, '... is an exception' );
    $lived = eval "${class}::DESTROY(); 1";                          ## no critic (ProhibitStringyEval)
    like( $@, qr/\ANot enough arguments for ${class}::DESTROY at/, '... which the prototype finds first' );
}

my $other = Sys::Virt->new( uri => $uri );
my $child = $other->get_domain_by_name('test');
undef $other;
is( $child->get_name, 'test', 'a domain outlives its connection object' );

bless $child, 'Somewhere::Else';
is( Sys::Virt::Domain::get_name($child), 'test', 'what counts is the handle, not its package' );

subtest 'tied and overloaded arguments' => sub {
    {

        package Tied;
        sub TIESCALAR { my ( $class, $fetch ) = @_; return bless [$fetch], $class }
        sub FETCH     { return $_[0][0]->() }
        sub STORE     { return }

        package Text;
        use overload q{""} => sub { $_[0][0]->() }, fallback => 1;
    }
    tie my $name, 'Tied', sub { 'test' };
    is( $c->get_domain_by_name($name)->get_name, 'test', 'a tied name' );
    tie my $dies, 'Tied', sub { die "from FETCH\n" };
    throws( 'one that dies', qr/\Afrom FETCH\n\z/, sub { $c->get_domain_by_name($dies) } );
    is( $c->get_domain_by_name( bless [ sub { 'test' } ], 'Text' )->get_name, 'test', 'an overloaded name' );
    throws(
        'one that dies',
        qr/\Afrom string\n\z/,
        sub {
            $c->get_domain_by_name( bless [ sub { die "from string\n" } ], 'Text' );
        }
    );

    my $victim = 'x' x 20;
    tie my $evil, 'Tied', sub { $victim = 'y' x 100_000; undef $victim; return 0 };
    my $dom = $c->get_domain_by_name('test');
    throws( 'a FETCH that frees another argument is harmless',
        'INVALID_ARG', sub { $dom->get_metadata( 0, $victim, $evil ) } );
};

subtest 'ithreads' => sub {
    plan skip_all => 'this perl has no threads' if !$Config{useithreads};
    require threads;
    my $dom = $c->get_domain_by_name('test');
    is( threads->create( sub { $dom->get_name } )->join, 'test', 'A14: a handle works in a thread' );
    is( $dom->get_name,                                  'test', 'A14: and after the thread has gone' );
    my @threads = map {
        threads->create( sub { Sys::Virt->new( uri => $uri )->get_domain_by_name('test')->get_name } )
    } 1 .. 3;
    is( $_->join, 'test', 'A14: connections made in threads' ) for @threads;
    my $error = threads->create(
        sub {
            eval { $c->get_domain_by_name('nope') };
            ref $@;
        }
    )->join;
    is( $error, 'Sys::Virt::Error', 'A14: exceptions in a thread' );
};

subtest 'fork' => sub {
    my $dom = $c->get_domain_by_name('test');
    my $pid = fork // die $!;
    if ( !$pid ) {
        undef $dom;
        undef $c;
        require POSIX;
        POSIX::_exit(0);
    }
    waitpid $pid, 0;
    is( $?,             0,      'A15: the child drops its handles' );
    is( $dom->get_name, 'test', 'A15: the parent still has them' );
};

# Perl code that runs while arguments are decoded, and frees them.
package Thief {
    use overload
        '0+'     => sub { $_[0]->steal; return length q{} },
        q{""}    => sub { $_[0]->steal; return 'x' },
        fallback => 0;
    sub steal { my ($self) = @_; no overloading; $self->{code}->(); return }
}

sub thief { my ($code) = @_; return bless { code => $code }, 'Thief' }

# A scalar that does the same, and dies.
package Robber {
    sub TIESCALAR { my ( $class, $code ) = @_; return bless { code => $code }, $class }
    sub FETCH     { $_[0]{code}->();           die "robbed\n" }
}

subtest 'arguments that are freed while they are decoded' => sub {
    {
        my @names = map { "name$_" } 1 .. 50;
        tie my $class, 'Robber', sub { @names = () };
        throws( 'those of a class method',
            qr/\Arobbed\n\z/, sub { Sys::Virt::Domain::_new( $class, @names ) } );
    }
    my $dom = $c->get_domain_by_name('test');
    throws(
        'a closed object',
        Sys::Virt::Error::ERR_INVALID_DOMAIN,
        sub {
            $dom->get_xml_description( thief( sub { $dom->DESTROY } ) );
        }
    );

    throws(
        'one, and flags that contradict each other',
        Sys::Virt::Error::ERR_INVALID_DOMAIN,
        sub { $dom->managed_save_define_xml( 'x', 255 ) }
    );

    $dom = $c->get_domain_by_name('test');
    my @args;
    @args = ( $dom, thief( sub { @args = () } ), join( q{}, 'a', 'b' ), undef, undef, 0 );
    my $set = Sys::Virt::Domain->can('set_metadata');
    ok( !eval { &$set(@args); 0 }, 'arguments without a variable' );
    unlike( $@, qr/freed/, '... are still there' );

    my @models;
    @models = ( 'x', thief( sub { @models = () } ), 'y', [] );
    throws( 'an array that loses its elements', qr/xml\[3\]/, sub { $c->baseline_cpu( \@models ) } );
    @models = ( thief( sub { push @models, $models[0] } ), [] );
    throws( 'an array that grows without end', qr/xml\[1\]/, sub { $c->baseline_cpu( \@models ) } );
    my %params;
    %params = ( weight => thief( sub { %params = %params } ) );
    {
        local $SIG{__WARN__} = sub { };
        ok( eval { $dom->set_scheduler_parameters( \%params ); 1 }, 'a hash that is renewed without end' );
    }

    my $many = [];
    $many = [ ($many) x 40 ] for 1 .. 12;
    throws(
        'a structure of 40**12 elements',
        qr/baseline_cpu: xml\[0\] is a reference, not a string/,
        sub { $c->baseline_cpu($many) }
    );
    tie my @boastful, 'Boastful';
    throws(
        'a tied array that claims a billion',
        qr/baseline_cpu: xml has too many elements/,
        sub { $c->baseline_cpu( \@boastful ) }
    );
};

our $alias;

subtest 'local makes no second handle of one object' => sub {
    my $conn = Sys::Virt->new( uri => 'test:///default' );
    *alias = $conn;
    {
        local $alias;
        my $copy = bless \$alias, 'Sys::Virt';
        throws(
            'a method that any object has',
            qr/con is not a blessed SV reference/,
            sub { $copy->get_version }
        );
        throws(
            'the same, without blocking',
            qr/con is not a blessed SV reference/,
            sub { $copy->async->get_version->get }
        );
    }
    is( $conn->get_type, 'TEST', 'the handle is as before' );
};

package Boastful {
    sub TIEARRAY  { return bless [], shift }
    sub FETCHSIZE { return 1_000_000_000 }
    sub FETCH     { return 'x' }
}

done_testing;
