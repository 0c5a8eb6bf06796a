# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Objects in objects: AUTOLOAD that passes methods on, subclasses with one, tied variables as arguments.
use strict;
use warnings;

use Sys::Virt;

package Traced;    # every method by AUTOLOAD and goto
our $AUTOLOAD;
sub new { my ( $class, @args ) = @_; return bless { conn => Sys::Virt->new(@args), calls => 0 }, $class }

sub AUTOLOAD {    ## no critic (RequireArgUnpacking)
    my $self = shift;
    my $name = $AUTOLOAD =~ s/.*:://r;
    return if $name eq 'DESTROY';
    my $code = $self->{conn}->can($name) or die "no method $name\n";
    $self->{calls}++;
    unshift @_, $self->{conn};
    goto &$code;
}

package Site;     # a subclass with what is missing
our @ISA = ('Sys::Virt');
our $AUTOLOAD;

sub AUTOLOAD {
    my ($self) = @_;
    my $name = $AUTOLOAD =~ s/.*:://r;
    return if $name eq 'DESTROY';
    return "no $name in " . ref $self;
}

package Counted;
sub TIESCALAR { my ( $class, $value ) = @_; return bless { value => $value, fetched => 0 }, $class }
sub FETCH     { my ($self) = @_; $self->{fetched}++; return $self->{value} }
sub STORE     { my ( $self, $value ) = @_; $self->{value} = $value; return }

package Sorted;
use Tie::Hash ();
our @ISA = ('Tie::StdHash');

sub FIRSTKEY {
    my ($self) = @_;
    $self->{q{}} = [ sort grep { $_ ne q{} } keys %$self ];
    return shift @{ $self->{q{}} };
}
sub NEXTKEY { my ($self) = @_; return shift @{ $self->{q{}} } }

package main;
my $traced = Traced->new( uri => $ARGV[0] );
print $traced->get_type, q{ }, $traced->get_domain_by_name('test')->get_name, "\n";
print scalar( my @all = $traced->list_all_domains ), " domains in $traced->{calls} calls\n";
eval { $traced->nothing };
print $@;
eval { $traced->get_domain_by_name('nope') };
print ref $@, ' at ', ( "$@" =~ /line (\d+)/ ? 'a line' : 'no line' ), "\n";

my $site = Site->new( uri => $ARGV[0] );
print $site->start_all, q{ }, $site->get_type, q{ }, ref $site, "\n";
print join( q{ }, map { ref . q{ } . $_->get_name } $site->list_all_networks ), "\n";
undef $site;

tie my $uri,    'Counted', $ARGV[0];
tie my $name,   'Counted', 'test';
tie my $number, 'Counted', 4_096;
tie my $text,   'Counted', '8192';
my $conn = Sys::Virt->new( uri => $uri );
my $dom  = $conn->get_domain_by_name($name);
$dom->set_memory($number);
print $dom->get_info->{memory}, "\n";
$dom->set_memory_parameters( { hard_limit => $text } );
print $dom->get_memory_parameters->{hard_limit},                          "\n";
print join( q{ }, map { tied($$_)->{fetched} } \$uri, \$name, \$number ), "\n";

tie my %limits, 'Sorted';
%limits = ( soft_limit => 5_000, hard_limit => 9_000 );
for my $key ( keys %limits ) {
    $dom->set_memory_parameters( { $key => $limits{$key} } );
    $dom->set_memory_parameters( \%limits );
    print "$key ", $dom->get_memory_parameters->{$key}, "\n";
}

# Arguments in place of others, results in the place of arguments.
my @args = ( 0, 100, [ 1, 2 ] );
print 'sent ', scalar( () = $dom->send_key(@args) ), "\n";
{
    no warnings;    ## no critic (ProhibitNoWarnings)
    for my $keys ( undef, 'KEY_A', 30 ) {
        my @list   = $dom->send_key( 0, 100, $keys );
        my $single = $dom->send_key( 0, 100, $keys );
        print 'no keys: ', join( q{ }, map { ref || $_ // 'undef' } @list ), ', ', $single // 'undef', "\n";
    }
}
print join( q{ }, sort map { $_->get_name } $conn->list_all_networks, $conn->list_all_domains ), "\n";
local $_ = 'mine';
for my $turn ( 1 .. 2 ) {
    my ($first) = $conn->list_all_domains;
    print "$turn $_ ", $first->get_name, "\n";
}
$@ = 'mine';    ## no critic (RequireLocalizedPunctuationVars)
$dom->get_name;
print "$@\n";
