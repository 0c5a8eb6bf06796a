# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Calls every sub of every class with arguments of any kind, in child processes: none may crash or hang.
# FUZZ_ROUNDS and FUZZ_SEED in the environment make it longer, FUZZ_ROUND and FUZZ_TRACE show one round.
use strict;
use warnings;

use Cwd        ();
use File::Temp ();
use Test::More;
use Sys::Virt;
use Sys::Virt::Event;

my $rounds = $ENV{FUZZ_ROUNDS} || 40;
my $seed   = $ENV{FUZZ_SEED}   || 1;
my $calls  = 500;
@INC = map { ref || Cwd::abs_path($_) // $_ } @INC;
chdir( my $dir = File::Temp->newdir ) or die $!;

# What waits for events by its nature, or ends every connection of the process.
my $left_out =
    qr/\A(?:run_default|register|_register_impl|import|bootstrap|dl_load_flags|CLONE|BEGIN)\z|\A\(/;

my @subs;
for my $package (
    map { "Sys::Virt$_" } q{},
    map { "::$_" }
    qw(Domain DomainSnapshot DomainCheckpoint Event EventImpl
    Interface Network NetworkPort NodeDevice NWFilter NWFilterBinding Secret StoragePool StorageVol Stream)
) {
    no strict 'refs';
    push @subs, map { "${package}::$_" }
        grep { !/$left_out|\A[A-Z][A-Z_0-9]+\z/ && defined &{"${package}::$_"} } sort keys %{"${package}::"};
}

package Fuzz::Dies {
    use overload q{""} => sub { die "string\n" }, '0+' => sub { die "number\n" }, fallback => 0;
}

package Fuzz::Tied {
    sub TIESCALAR { return bless [], shift }
    sub FETCH     { return $_[0][0]++ % 3 ? 'test' : die "fetch\n" }
    sub STORE     { return }
}

sub round {
    my ($number) = @_;
    srand $seed * 1_000 + $number;
    Sys::Virt::Event::register_default();
    my $c       = Sys::Virt->new( uri => 'test:///default' );
    my @objects = (
        $c,                                           $c->get_domain_by_name('test'),
        $c->get_network_by_name('default'),           $c->new_stream,
        $c->get_storage_pool_by_name('default-pool'), $c->get_interface_by_name('eth1'),
        $c->get_node_device_by_name('computer')
    );
    push @objects, $objects[1]->create_snapshot('<domainsnapshot><name>s</name></domainsnapshot>');
    my $closed = $c->get_domain_by_name('test');
    $closed->DESTROY;
    my $forged = 4096;
    my @circle;
    @circle = ( \@circle );
    tie my $tied, 'Fuzz::Tied';
    my @plain = (
        undef,       0,
        1,           -1,
        7,           2**31,
        2**32,       2**63,
        1.5,         9**9**9,
        -9**9**9,    'test',
        q{},         "a\0b",
        "\x{263a}",  "\xff",
        'x' x 5_000, 16,
        32,          '5',
        'abc',       [],
        {},          [ 1, 2 ],
        [ 'a', undef ], { weight => 5 },
        { a => [ {} ] },     \@circle,
        sub { return 0 },    sub { die "callback\n" },
        \1,                  \'x',
        $closed,             bless( \$forged, 'Sys::Virt::Domain' ),
        bless( [], 'Fuzz' ), bless( [], 'Fuzz::Dies' ),
        \*STDOUT,            qr/x/,
        'x' x 16,            '<domain/>',
        'uri',               'connection',
        'name',              'xml',
    );

    for ( 1 .. $calls ) {
        my $name    = $subs[ rand @subs ];
        my ($class) = $name =~ /\A(.*)::/;
        my @args    = map { rand() < 0.2 ? $objects[ rand @objects ] : $plain[ rand @plain ] } 1 .. rand 6;
        my ($mine)  = grep { ref eq $class } @objects;
        unshift @args, $mine if $mine && rand() < 0.8;
        next if $name =~ /DESTROY|close\z/ && rand() < 0.9;
        print STDERR "$name\n" if $ENV{FUZZ_TRACE};
        no strict 'refs';
        no warnings;
        local $SIG{ALRM} = 'DEFAULT';
        alarm 20;
        my @result = eval { rand() < 0.05 ? &$name( shift @args, $tied, @args ) : &$name(@args) };
        alarm 0;
    }
    return;
}

local $SIG{__WARN__} = sub { };
my $bad = 0;
for my $number ( $ENV{FUZZ_ROUND} || 1 .. $rounds ) {
    my $pid = fork // die $!;
    if ( !$pid ) {
        open STDOUT, '>', '/dev/null' or die $!;
        open STDERR, '>', '/dev/null' or die $! if !$ENV{FUZZ_TRACE};
        round($number);
        require POSIX;
        POSIX::_exit(0);
    }
    waitpid $pid, 0;
    if ($?) {
        $bad++;
        diag "round $number of seed $seed ends with status $?";
    }
}
is( $bad, 0, $rounds * $calls . ' calls: no crash, no hang, no unexpected end' );
chdir q{/};

done_testing;
