# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Subclasses, wrappers, objects kept in hashes and closures, pointers read as libguestfs' module does.
use strict;
use warnings;

use Scalar::Util qw(blessed reftype looks_like_number refaddr weaken);
use Sys::Virt;
use Sys::Virt::Domain;

package My::Virt;
our @ISA = ('Sys::Virt');
sub new { my ( $class, %o ) = @_; my $self = $class->SUPER::new( uri => $o{host} ); return $self }
sub test { my ($self) = @_; return $self->get_domain_by_name('test') }

package My::Wrapper;
our $AUTOLOAD;
sub new { my ( $class, $inner ) = @_; return bless { inner => $inner, calls => 0 }, $class }

sub AUTOLOAD {    ## no critic (ProhibitAutoloading RequireArgUnpacking)
    my $self = shift;
    my ($name) = $AUTOLOAD =~ /(\w+)\z/;
    return if $name eq 'DESTROY';
    $self->{calls}++;
    return $self->{inner}->$name(@_);
}

package My::Domain;
our @ISA  = ('Sys::Virt::Domain');
our $gone = 0;
sub get_name { my ($self) = @_; return 'my ' . $self->SUPER::get_name }
sub DESTROY { my ($self) = @_; $gone++; $self->SUPER::DESTROY; return }

package main;
my $conn = My::Virt->new( host => $ARGV[0] );
print ref $conn, q{ }, ref $conn->test, q{ }, $conn->isa('Sys::Virt') ? 'isa' : 'not', q{ },
    $conn->can('test') ? 'can' : 'cannot', "\n";
my $wrapper = My::Wrapper->new( $conn->test );
print $wrapper->get_name, q{ }, $wrapper->get_id, q{ }, $wrapper->{calls}, "\n";
{
    my $dom = bless $conn->test, 'My::Domain';
    print $dom->get_name, "\n";
    my $made = My::Domain->_new( connection => $conn, name => 'test' );
    print ref $made, q{ }, $made->get_name, "\n";
}
print "gone $My::Domain::gone\n";

# As libguestfs reads them.
my $dom = $conn->test;
for my $object ( $conn, $dom ) {
    print reftype($object), q{ }, ( $$object > 0 ? 'positive' : 'not' ), q{ },
        ( $$object == int $$object ? 'whole' : 'not' ), q{ },
        ( ${$object} =~ /\A\d+\z/ ? 'digits' : 'no digits' ), q{ }, length( pack 'J', $$object ), "\n";
}
my $copy = $dom;
print refaddr($copy) == refaddr($dom) ? 'same' : 'another', q{ }, $copy == $dom ? 'equal' : 'different', q{ },
    "$dom" =~ /\ASys::Virt::Domain=SCALAR\(0x[0-9a-f]+\)\z/ ? 'text' : "$dom", "\n";
print $conn->test == $conn->test ? 'equal' : 'different', "\n";
my %by = ( $dom => 1, map { $_->get_uuid_string => $_ } $conn->list_domains );
print scalar( keys %by ), "\n";
weaken( my $weak = $conn->test );
print defined $weak ? 'lives' : 'gone', "\n";
undef $conn;
print $dom->get_name, ' without the connection', "\n";
$dom->DESTROY;
print $$dom, q{ }, eval { $dom->get_name } // 'error ' . $@->code, "\n";
$dom->DESTROY;
undef $dom;

# Functions, not methods.
$conn = Sys::Virt->new( uri => $ARGV[0] );
$dom  = Sys::Virt::get_domain_by_name( $conn, 'test' );
print Sys::Virt::Domain::get_name($dom), q{ }, &Sys::Virt::Domain::get_id($dom), "\n";
my $method = Sys::Virt::Domain->can('get_info');
print join( q{ }, sort keys %{ $dom->$method } ), "\n";
my @list = map { $_->get_name } sort { $a->get_name cmp $b->get_name } $conn->list_all_domains;
print "@list\n";
my ($first) = $conn->list_domains;
print $first->get_name, "\n";
print
    join( q{,}, map { ref } $conn, $dom, $conn->list_networks, $conn->list_storage_pools, $conn->new_stream ),
    "\n";
local $_ = 'kept';
$conn->list_domains;
print "$_\n";
my $string = sprintf '%s %d', $dom->get_name, $dom->get_id;
print "$string\n";
my ( $state, $reason ) = $dom->get_state();
my $only = ( $dom->get_state() )[0];
print "$state $reason $only\n";

if ( $ARGV[0] =~ /\Atest:/ ) {    # a child of the original closes the session with a daemon
    my $pid = fork // die;
    if ( !$pid ) { exit 0 }
    waitpid $pid, 0;
    print $dom->get_name, " after fork\n";
}
