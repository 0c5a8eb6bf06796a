# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Runs under the stubs: xt/fuzz.t's second half. Arguments: the seed, calls of each round, the rounds.
use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/../lib";
use Calls qw(%object make_objects);
use Fuzz;

my ( $seed, $calls, @rounds ) = @ARGV;
Sys::Virt::Event::register_default();
my $make = sub { my ($class) = @_; my %new = make_objects(); return $new{$class} };
my $fuzz = Fuzz->new( make => $make, calls => $calls, objects => \%object );
my $bad  = Fuzz::processes(
    $seed,
    \@rounds,
    sub {
        # One of libvirt's functions fails every now and then.
        my ($mine) = @_;
        local $ENV{STUB_FAIL} = $mine % 3 ? q{} : '5 1';
        $fuzz->round($mine);
    }
);
exit( $bad ? 1 : 0 );
