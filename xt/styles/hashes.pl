# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Hashes as scripts have them: with keys that nobody knows, with undef, dualvars and strings as values, tied, being iterated
# over, with what a getter returned and a bit more.
# only ours warns: bogus
# only ours warns: uninitialized
# only the original warns: uninitialized
# only ours warns: isn't numeric
# only the original warns: isn't numeric
use strict;
use warnings;

use Scalar::Util qw(dualvar);
use Sys::Virt;

my $conn = Sys::Virt->new( uri => $ARGV[0] );
my $dom  = $conn->get_domain_by_name('test');

sub show {
    my ( $what, $code ) = @_;
    my @result = eval { $code->() };
    my $error  = "$@";
    $error =~ s/ at .+? line \d+.*//s;
    print "$what: ", ( $error ne q{} ? 'dies' : join q{ }, map { $_ // 'undef' } @result ), "\n";
    return;
}

sub pairs {
    my ($hash) = @_;
    return map { "$_=$hash->{$_}" } sort keys %$hash;
}

sub scheduler {
    my ($hash) = @_;
    $dom->set_scheduler_parameters($hash);
    return pairs( $dom->get_scheduler_parameters );
}

sub memory {
    my ($hash) = @_;
    $dom->set_memory_parameters($hash);
    return pairs( $dom->get_memory_parameters );
}
show( 'what was got', sub { scheduler( $dom->get_scheduler_parameters ) } );
show( 'and changed',  sub { scheduler( { %{ $dom->get_scheduler_parameters }, weight => 5 } ) } );
show( 'with more',                     sub { scheduler( { weight => 6, bogus => 1 } ) } );
show( 'with more that is no number',   sub { scheduler( { weight => 7, bogus => 'text' } ) } );
show( 'with more that is a reference', sub { scheduler( { weight => 8, bogus => [1] } ) } );
show( 'with a comment', sub { memory( { hard_limit => 1_000_000, bogus => 'for the web server' } ) } );
show( 'a dualvar',      sub { memory( { hard_limit => dualvar( 2_000_000, '2 GB' ) } ) } );
show( 'a string',       sub { memory( { hard_limit => '3000000', soft_limit => '1e6' } ) } );
show( 'undef',          sub { memory( { soft_limit => undef } ) } );
show( 'false',          sub { memory( { soft_limit => ( 1 == 0 ) } ) } );
show( 'empty',          sub { memory( { soft_limit => q{} } ) } );

my %shared = ( weight => 9, bogus => 2 );
my $seen   = 0;
while ( my ( $key, $value ) = each %shared ) {
    show( 'while each', sub { scheduler( \%shared ) } );
    last if ++$seen > 5;
}
print "seen $seen\n";
for my $key ( sort keys %shared ) {
    show( "for keys, $key", sub { scheduler( { weight => $shared{weight} } ) } );
}
my %copy = %shared;
delete $copy{bogus};
keys %copy;
my ($first) = each %copy;
show( 'after one each', sub { scheduler( \%copy ) } );
print 'the next is ', ( each %copy ) // 'none', "\n";

package Upper;    # a tied hash
use Tie::Hash ();
our @ISA = ('Tie::StdHash');
sub FETCH { my ( $self, $key ) = @_; return $self->{$key} * 2 }

package main;
tie my %tied, 'Upper';
%tied = ( weight => 10 );
show( 'tied', sub { scheduler( \%tied ) } );
my $object = bless { weight => 11 }, 'Some::Class';
show( 'a blessed hash', sub { scheduler($object) } );
show( 'nothing',        sub { scheduler( {} ) } );
show( 'no hash',        sub { scheduler('weight') } );
show( 'an array',       sub { scheduler( [ weight => 1 ] ) } );

# Arrays.
my @keys = ( 1, '2', '3 ', 4.0 );
show( 'keys', sub { $dom->send_key( 0, 10, \@keys ); "@keys" } );
my @doms = ($dom);
show(
    'stats',
    sub {
        map { $_->{dom}->get_name } $conn->get_all_domain_stats( 0, \@doms );
    }
);
show(
    'stats of none',
    sub {
        map { $_->{dom}->get_name } $conn->get_all_domain_stats(0);
    }
);
show(
    'stats of an empty list',
    sub {
        map { $_->{dom}->get_name } $conn->get_all_domain_stats( 0, [] );
    }
);
my $i = 0;
for my $element (@doms) {
    show( 'within for', sub { scalar $conn->get_all_domain_stats( 0, \@doms )->{dom}->get_name } );
    last if $i++ > 3;
}
