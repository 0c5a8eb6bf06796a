#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use File::Temp   ();
use FindBin      ();
use Getopt::Long ();
use List::Util   qw(sum);
use Pod::Usage   ();
use lib $FindBin::Bin, "$FindBin::Bin/../xt/lib";
use Bench;
use Stubs ();

my $LEAK   = 60;                                            # instructions: a scalar takes more to be freed
my %option = ( above => 1.03, times => 50, only => q{} );
Getopt::Long::GetOptions( \%option, qw(only=s above=f times=i all markdown profiles=s help) )
    or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage(0) if $option{help};

my %command = Bench::perls();
my $dir     = File::Temp->newdir;
my $stub    = Stubs::compile($dir);
system( qw(cc -O2 -shared -fPIC -o), "$dir/stats.so", "$Bench::ROOT/bench/stats.c", '-lvirt' ) == 0
    or die "bench/stats.c does not compile\n";

# libvirt's functions answered by stubs; every call of them refused; the test driver.
my %ways = (
    stubs   => { LD_PRELOAD => "$dir/stats.so $stub", STUB_URI => 'test:///stub' },
    refused => { LD_PRELOAD => $stub,                 STUB_URI => 'test:///stub' },
    driver  => {},
);
my ( @ratios, $compared );
for my $way ( @ARGV ? @ARGV : sort keys %ways ) {
    my %result = map { $_ => counted( $way, $_ ) } sort keys %command;
    my @rows;
    for my $name ( sort keys %{ $result{original} } ) {
        my ( $original, $ours ) = map { $result{$_}{$name} } qw(original ours);
        next if !$ours || $original->{end} ne $ours->{end};
        $compared++;
        my ( $ratio, $without ) = map { $ours->{$_} / $original->{$_} } qw(count rest);
        my $leaks = $ours->{freeing} - $original->{freeing} > $LEAK;
        push @rows,
            [ $name, $original->{count}, $ours->{count}, $ratio, $leaks ? sprintf '%.3f', $without : q{} ];
    }
    push @ratios, map { $_->[3] } @rows;
    my @differ = grep {
        my $theirs = $result{original}{$_}{end} // 'is not there';
        $theirs ne ( $result{ours}{$_}{end} // 'is not there' ) && $theirs ne 'is not there'
    } sort keys %{ $result{original} };
    print "\n", ucfirst $way, ": ", scalar @rows, " methods\n\n";
    my $print = Bench::table( $option{markdown}, 'method', qw(original ours ratio), 'without freeing' );
    for my $row ( sort { $b->[3] <=> $a->[3] || $a->[0] cmp $b->[0] } @rows ) {
        next if $row->[3] <= $option{above} && !$option{all};
        $print->( $row->[0], int $row->[1], int $row->[2], sprintf( '%.3f', $row->[3] ), $row->[4] );
    }
    print "\nNot compared, for only one of them returns: @differ\n" if @differ;
}
printf "\n%d methods compared, geometric mean %.3f; above %s: %d\n", $compared,
    exp( sum( map { log } @ratios ) / @ratios ), $option{above}, scalar grep { $_ > $option{above} } @ratios
    if @ratios;

# Instructions per call of each method: { name => { count, end } }.
sub counted {
    my ( $way, $which ) = @_;
    my ( %found, $after );
    while ( !defined $after || length $after ) {
        my $out = File::Temp->newdir;
        $out = $option{profiles} if $option{profiles};
        my @names;
        {
          # Nothing else in the environment: some of libvirt's functions and the stubs look through all of it.
            local %ENV = (
                PATH              => $ENV{PATH},
                HOME              => '/nonexistent',
                PERL_HASH_SEED    => 0,
                PERL_PERTURB_KEYS => 0,
                %{ $ways{$way} }
            );
            open my $pipe, '-|', 'valgrind', '--tool=callgrind', '--dump-before=getppid',
                qw(--trace-children=no --compress-strings=no --compress-pos=no),
                "--callgrind-out-file=$out/$which-$way", "--log-file=$out/log", @{ $command{$which} },
                "$Bench::ROOT/bench/method-worker.pl", $way, $option{times}, $after // q{}, $option{only}
                or die "valgrind: $!\n";
            @names = map { chomp; [ split /\t/ ] } <$pipe>;
            close $pipe;
        }
        my ( $part, $last ) = ( 0, q{} );
        for my $line (@names) {
            my ( $name, $what ) = @$line;
            if ( $what =~ /\A\d/ ) {
                $part += 2;
                $last = $name;
                $found{$name} = { end => 'crashes', times => $what, part => $part };
                next;
            }
            $last = q{};
            $found{$name}{end} = $what;
            @{ $found{$name} }{qw(count freeing rest)} =
                map { $_ / $found{$name}{times} } total("$out/$which-$way.$part");
        }
        die "$which, $way: no method was called, see ", do { local ( @ARGV, $/ ) = "$out/log"; <> }, "\n"
            if !@names;
        $after = $last;
    }
    return \%found;
}

# Instructions in all, of these in freeing what a statement leaves behind, and the rest.
sub total {
    my ($file) = @_;
    my ( $called, $freeing, $count ) = ( q{}, 0 );
    open my $profile, '<', $file or die "$file: $!\n";
    while ( my $line = <$profile> ) {
        $count  = $1 if $line =~ m{\Asummary: (\d+)};
        $called = $1 if $line =~ m{\Acfn=(\S+)};
        next if $line !~ m{\Acalls=};
        my ($cost) = <$profile> =~ m{ (\d+)\n\z};
        $freeing += $cost if $called eq 'Perl_free_tmps';
    }
    defined $count or die "$file: no count\n";
    return ( $count, $freeing, $count - $freeing );
}

__END__

=head1 NAME

methods.pl - instructions per call of every method: the original's and ours

=head1 SYNOPSIS

    bench/methods.pl [--only PATTERN] [--above RATIO | --all] [--times N] [--profiles DIRECTORY] [--markdown] [WAY...]

=head1 DESCRIPTION

Needs a built tree (C<make>), the original (Debian: C<libsys-virt-perl>), valgrind, C<libvirt-dev> and XML::LibXML. Prints the methods of
which a call takes more instructions than 1.03 times the original's, or than C<--above> says. If the original leaks results, the last
column is the ratio without the instructions that free what a statement leaves behind. The ways are

=over

=item stubs

Every method of F<xt/stub/methods.tsv> over the stubs of F<xt/stub>, which do next to nothing: what is counted is the binding.

=item refused

The same where libvirt refuses each call.

=item driver

What the test driver answers: every method without mandatory arguments that changes nothing, and some others.

=back

Each implementation runs all methods in one process, under callgrind, which begins a new count at each getppid(2). With C<--profiles> what
callgrind wrote stays in that directory, for L<callgrind_annotate(1)>: the methods are numbered in the order of the calls, two
files for each.

=cut
