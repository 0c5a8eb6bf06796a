# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Calls every sub of every class with arguments of any kind, in child processes: none may crash or hang. On the test driver, and
# against the stubs, which have objects of all classes. FUZZ_ROUNDS and FUZZ_SEED in the environment make it longer,
# FUZZ_ROUND and FUZZ_TRACE show one round.
use strict;
use warnings;

use Cwd        ();
use File::Temp ();
use FindBin    ();
use lib "$FindBin::Bin/lib";
use Fuzz;
use Stubs qw(compile);
use Test::More;

my $rounds = $ENV{FUZZ_ROUNDS} || 20;
my $seed   = $ENV{FUZZ_SEED}   || 1;
my $calls  = 500;
my @rounds = $ENV{FUZZ_ROUND} ? ( $ENV{FUZZ_ROUND} ) : ( 1 .. $rounds );
@INC = map { ref || Cwd::abs_path($_) // $_ } @INC;    ## no critic (RequireLocalizedPunctuationVars)
chdir( my $dir = File::Temp->newdir ) or die $!;

# An object of a class that the test driver has.
sub make {
    my ( $class, $of ) = @_;
    my $c    = $of->{'Sys::Virt'} || Sys::Virt->new( uri => 'test:///default' );
    my %made = (
        q{}            => sub { $c },
        Domain         => sub { $c->get_domain_by_name('test') },
        Network        => sub { $c->get_network_by_name('default') },
        Interface      => sub { $c->get_interface_by_name('eth1') },
        NodeDevice     => sub { $c->get_node_device_by_name('computer') },
        StoragePool    => sub { $c->get_storage_pool_by_name('default-pool') },
        Stream         => sub { $c->new_stream },
        DomainSnapshot => sub { make( 'Sys::Virt::Domain', $of )->create_snapshot('<domainsnapshot/>') },
        StorageVol     => sub {
            my $pool = make( 'Sys::Virt::StoragePool', $of );
            my $xml  = '<volume><name>v</name><capacity>1</capacity></volume>';
            return eval { $pool->get_volume_by_name('v') } || $pool->create_volume($xml);
        },
    );
    my $make = $made{ $class =~ s/\ASys::Virt(?:::)?//r } or return;
    return $make->();
}

Sys::Virt::Event::register_default();
my $fuzz = Fuzz->new( make => \&make, calls => $calls, exits => 1 );
my $bad  = Fuzz::processes( $seed, \@rounds, sub { $fuzz->round(@_) } );
is( $bad, 0, @rounds * $calls . ' calls: no crash, no hang, no unexpected end' );

SKIP: {
    eval { require XML::LibXML; 1 } or skip 'needs XML::LibXML (Debian: libxml-libxml-perl)', 1;
    local $ENV{STUB_LOG}   = '/dev/null';
    local $ENV{LD_PRELOAD} = join q{ }, $ENV{LD_PRELOAD} // (), compile($dir);    # after a sanitizer's
    my @includes = map { "-I$_" } grep { !ref } @INC;
    my $status   = system $^X, @includes, "$FindBin::Bin/stub/fuzz.pl", $seed, $calls, @rounds;
    is( $status, 0, @rounds * $calls . ' calls of stubs' );
}
chdir q{/};

done_testing;
