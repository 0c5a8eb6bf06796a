# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# perl's scalars as arguments: one conversion of numbers everywhere, warnings that a script can turn off, and arguments
# that are not changed.
use strict;
use warnings;

BEGIN {
    $_->unimport for grep { $INC{"$_.pm"} } qw(bigint bignum);
}    # whose fractions are 0 for XS

use B ();
use FindBin;
use POSIX ();
use lib "$FindBin::Bin/../lib" =~ /(.*)/s;    # untainted, for -T
use Test::More;
use Scalar::Util ();
use Throws;
use Sys::Virt;

my $c = Sys::Virt->new( uri => 'test:///default' );
my $d = $c->get_domain_by_name('test');

# The warnings of the code.
sub warnings_of {
    my ($code) = @_;
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    $code->();
    return @warnings;
}

sub limit { return $d->get_memory_parameters->{hard_limit} }

my $infinite = POSIX::DBL_MAX() * POSIX::DBL_MAX();    # without literals, which are integers under -Mbigint

subtest 'numbers are what perl makes of them' => sub {
    my $set = sub { $d->set_memory_parameters( { hard_limit => $_[0] } ) };
    for my $case (
        [ '12abc',                             12, qr/\AArgument "12abc" isn't numeric in / ],
        [ q{},                                 0,  qr/\AArgument "" isn't numeric in / ],
        [ '0x10',                              0,  qr/isn't numeric/ ],
        [ '1_000',                             1,  qr/isn't numeric/ ],
        [ '0 but true',                        0 ],
        [ 1 == 0,                              0 ],
        [ Scalar::Util::dualvar( 7, 'seven' ), 7 ],
        [ ' 12 ',                              12 ],
        [ '15e1',                              150 ],
        [ 13.9,                                13 ],
        [ '13.9',                              13 ],
        [ undef,                               0, qr/\AUse of uninitialized value in / ],
    ) {
        my ( $value, $number, $warning ) = @$case;
        my $shown    = defined $value ? "'$value'" : 'undef';
        my @warnings = warnings_of( sub { $set->($value) } );
        is( limit(),          $number,          "$shown in a hash is $number" );
        is( scalar @warnings, $warning ? 1 : 0, '... with the warnings that perl has' );
        next if !$warning;
        like( $warnings[0], $warning, '... in its words' );
        like(
            $warnings[0],
            qr/ in Sys::Virt::Domain::set_memory_parameters \(hard_limit\) at \Q$0\E line \d+[.]$/,
            '... with the method, the key and the line'
        );
    }
    my @warnings = warnings_of(
        sub {
            no warnings;    ## no critic (ProhibitNoWarnings)
            $d->set_memory_parameters( { hard_limit => '12abc' } );
            $d->set_memory_parameters( { hard_limit => undef } );
        }
    );
    is( scalar @warnings, 0, 'no warnings where they are off' );
    throws(
        'C has no such number',
        qr/hard_limit is out of range: -1 is not within 0 to 18446744073709551615/,
        sub { $set->(-1) }
    );
    throws( 'nor such values', qr/hard_limit is not a finite number/, sub { $set->($infinite) } );
    my $text = '1.#INF';
    throws(
        "$_ time, a string that means one",
        qr/id is not a finite number/,
        sub { $c->get_domain_by_id($text) }
    ) for qw(first second);
    throws(
        'a reference is not a number',
        qr/hard_limit is a reference, not a number/,
        sub { $set->( \\1 ) }
    );
    is( Sys::Virt->new( uri => 'test:///default', flags => ( 1 == 0 ) )->get_type, 'TEST', 'flags of new' );
};

subtest 'numbers beyond a double' => sub {
    for my $text ( '9007199254740993', '9007199254740993.0', '9007199254740993.9' ) {
        throws(
            "the string $text",
            qr/capacity is out of range: -9007199254740993 /,
            sub {
                $c->get_storage_pool_by_name('default-pool')
                    ->create_volume('<volume><name>v</name><capacity>1</capacity></volume>')
                    ->resize("-$text");
            }
        );
        $c->get_storage_pool_by_name('default-pool')->get_volume_by_name('v')->delete;
    }
    throws(
        'the largest',
        qr/flags is out of range: 18446744073709551615 /,
        sub { $d->get_xml_description('18446744073709551615.5') }
    );
};

{

    package Number;
    use overload '0+' => sub { $_[0]{is} }, fallback => 1;
    sub new { my ( $class, $is ) = @_; return bless { is => $is }, $class }

    package Endless;
    use overload '0+' => sub { Endless->new }, fallback => 1;
    sub new { return bless [], 'Endless' }
}

subtest 'objects that are numbers' => sub {
    $d->set_memory_parameters( { hard_limit => Number->new(21) } );
    is( limit(), 21, 'one' );
    $d->set_memory_parameters( { hard_limit => Number->new( Number->new(22) ) } );
    is( limit(), 22, 'one that is another one, as bigint has them' );
    throws(
        'one that never is',
        qr/hard_limit is a reference, not a number/,
        sub { $d->set_memory_parameters( { hard_limit => Endless->new } ) }
    );
};

subtest 'keys' => sub {
    my @warnings = warnings_of( sub { $d->set_memory_parameters( { hard_limit => 31, bogus => 1 } ) } );
    is( limit(),          31, 'a key that the driver does not know, and the rest is set' );
    is( scalar @warnings, 1,  '... with a warning' );
    like(
        $warnings[0],
        qr/\ASys::Virt::Domain::set_memory_parameters: newparams has the unknown key 'bogus', which is ignored at \Q$0\E line/,
        '... that names it'
    );
    @warnings = warnings_of(
        sub {
            no warnings 'Sys::Virt';    ## no critic (ProhibitNoWarnings)
            $d->set_memory_parameters( { hard_limit => 32, bogus => 1 } );
        }
    );
    is( limit(),     32,  'the same' );
    is( "@warnings", q{}, '... with warnings of our category off' );
    throws(
        '... or fatal',
        qr/unknown key 'bogus'/,
        sub {
            use warnings FATAL => 'Sys::Virt';
            $d->set_memory_parameters( { hard_limit => 33, bogus => 1 } );
        }
    );
    throws(
        'no key that is known',
        qr/newparams has the unknown key 'bogus'/,
        sub { $d->set_memory_parameters( { bogus => 1 } ) }
    );
    is( $@->code, Sys::Virt::Error::ERR_INVALID_ARG(), '... is an error of libvirt\'s kind' );

    @warnings = warnings_of(
        sub {
            eval { $d->block_copy( 'vda', '<disk/>', { bandwidth => 1, bogus => 1 } ) };
        }
    );
    like(
        $warnings[0],
        qr/block_copy: newparams has the unknown key 'bogus', which is ignored at \Q$0/,
        'of a fixed set'
    );

    for my $options ( [ read_only => 1 ], [ url => 'x' ] ) {
        @warnings = warnings_of( sub { Sys::Virt->new( uri => 'test:///default', @$options ) } );
        like(
            "@warnings",
            qr/\ASys::Virt::new: '$options->[0]' is not an option, and is ignored at \Q$0/,
            "$options->[0] of new"
        );
    }
    @warnings = warnings_of(
        sub {
            eval { Sys::Virt->new('nope:///default') }
        }
    );
    like( "@warnings", qr/Sys::Virt::new: 'nope:\/\/\/default' is not an option, and is ignored at \Q$0/,
        'a URI alone' );
    @warnings = warnings_of(
        sub {
            eval { Sys::Virt->new( { uri => 'test:///default' } ) }
        }
    );
    like( "@warnings", qr/Sys::Virt::new: a reference is not an option, and is ignored at \Q$0/, 'a hash' );
};

subtest 'arguments stay as they are' => sub {
    my %params = ( hard_limit => 41 );
    my $turns  = 0;
    while ( my ($key) = each %params ) {
        $d->set_memory_parameters( \%params );
        last if ++$turns > 2;
    }
    is( $turns, 1, 'the iterator of a hash' );
    {
        my %all = map { $_ => 1 } 'a' .. 'z';
        my @seen;
        while ( my ($key) = each %all ) {
            push @seen, $key;
            no warnings 'Sys::Virt';    ## no critic (ProhibitNoWarnings)
            delete $all{$key};
            eval { $d->set_memory_parameters( \%all ) };
        }
        is( scalar @seen, 26, '... whose entry was just deleted' );
    }
    my ( $number, $text, $flags ) = ( 42, '43', 0 );
    $d->set_memory_parameters( { hard_limit => $number } );
    $d->set_memory_parameters( { hard_limit => $text }, $flags );
    eval { $c->get_domain_by_name($number) };
    eval { $d->migrate( $c, {}, $flags ) };
    my %flag = (
        number => [ $number, B::SVf_POK() ],
        flags  => [ $flags,  B::SVf_POK() ],
        text   => [ $text,   B::SVf_IOK() ]
    );
    for my $name ( sort keys %flag ) {
        ok( !( B::svref_2object( \$flag{$name}[0] )->FLAGS & $flag{$name}[1] ), "$name is what it was" );
    }
    is( $number ^ 1, 43, 'a number is not a string afterwards' );
};

subtest 'a domain that is a string' => sub {
    my $loop     = Sys::Virt::Event->can('register_default');
    my @warnings = warnings_of(
        sub {
            eval {
                $c->domain_event_register_any( 'test', 0, sub { } );
            }
        }
    );
    like(
        "@warnings",
        qr/\ASys::Virt::domain_event_register_any: domref is not an object, and is treated as undef at \Q$0/,
        'means any domain, with a warning'
    );
    @warnings = warnings_of(
        sub {
            eval {
                $c->domain_event_register_any( undef, 0, sub { } );
            }
        }
    );
    is( "@warnings", q{}, 'undef means any domain without a warning' );
};

subtest 'a key with a NUL is in the warning as it is' => sub {
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    $c->get_domain_by_name('test')->set_scheduler_parameters( { weight => 50, "we\0ird" => 1 } );
    like( "@warnings", qr/unknown key 'we\0ird', which is ignored at/, 'to its end' );
};

done_testing;
