# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The same probes under the original (Debian: libsys-virt-perl) and under ours: what differs must be meant.
use strict;
use warnings;

use Config;
use File::Temp ();
use FindBin    ();
use Test::More;

# prove -b shows our build to every process it starts: the original's must not see it.
my @ours = grep { defined && m{\bblib\b} } split /:/, $ENV{PERL5LIB} || q{};
@ours = ( 'blib/lib', 'blib/arch' ) if !@ours;
delete local $ENV{PERL5LIB};
my @mine = map { "-I$_" } @ours;

my $original = qx{$^X -e 'require Sys::Virt; print \$Sys::Virt::VERSION, " ", \$INC{"Sys/Virt.pm"}' 2>&1};
if ( $? || $original =~ /blib|12[.]8[.]0/ ) {
    plan skip_all =>
        'the original Sys::Virt is not installed (Debian: libsys-virt-perl), nothing is compared';
}
diag "comparing with Sys::Virt $original";

my @intended;
open my $list, '<', "$FindBin::Bin/oracle/differences.txt" or die $!;
while (<$list>) {
    next if /\A#/ || !/\S/;
    my ( $kind, $pattern, $entry ) = split;
    push @intended, [ qr/\A$kind\t$pattern(?:\t|\z)/, $entry, 0 ];
}
close $list or die $!;

sub intended {
    my ($line) = @_;
    for my $difference (@intended) {
        return $difference->[2]++ || 1 if $line =~ $difference->[0];
    }
    return 0;
}

sub probe {
    my ( $script, @options ) = @_;
    my $options = join q{ }, map { qq{"$_"} } @options;

    # Separate: when libvirt is slow it writes log lines there, which are not results.
    my $said  = File::Temp->new;
    my @lines = qx{$^X $options "$FindBin::Bin/oracle/$script" 2>"$said"};
    is( $?, 0, "$script " . ( @options ? 'of ours' : 'of the original' ) ) or diag @lines, <$said>;
    chomp @lines;
    return @lines;
}

subtest 'interface' => sub {
    my %theirs = map { $_ => 1 } probe('interface.pl');
    my %ours   = map { $_ => 1 } probe( 'interface.pl', @mine );
    cmp_ok( scalar keys %theirs, '>', 1_500, 'the original was compared' );
    my @lost = grep { !$ours{$_} && !intended($_) } sort keys %theirs;
    is( "@lost", q{}, 'every function, prototype, usage message and constant of the original exists' );
};

# B40: where C's long has 32 bits, the original returns wider numbers as strings, and cuts off what it is passed (B23).
my $narrow   = $Config{longsize} < 8;
my $too_wide = qr/set_memory\('1099511627776'\)/;

sub comparable {
    my ($line) = @_;
    return $narrow ? $line =~ s/(["'])(\d{10,})\1/$2/gr : $line;
}

subtest 'calls' => sub {
    my @theirs = probe('calls.pl');
    my @ours   = probe( 'calls.pl', @mine );
    is( scalar @ours, scalar @theirs, 'as many calls' );
    for my $index ( 0 .. $#theirs ) {
        my ($name) = split /\t/, $theirs[$index];
        next if intended( $theirs[$index] ) || $narrow && $name =~ $too_wide;
        is( comparable( $ours[$index] ), comparable( $theirs[$index] ), $name );
    }
};

is( $_->[2] > 0, 1, "the difference $_->[0] ($_->[1]) still exists" )
    for grep { $_->[1] =~ /\AB4/ } @intended;

done_testing;
