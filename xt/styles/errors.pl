# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Exceptions as scripts handle them.
# only ours says: \s\(the name is an empty string\)
# only ours warns: uninitialized
# only the original warns: uninitialized
use strict;
use warnings;

use Carp         ();
use Scalar::Util qw(blessed reftype);
use Sys::Virt;
my $conn = Sys::Virt->new( uri => $ARGV[0] );

eval { $conn->get_domain_by_name('x'); };
if ($@) { print "1 $@" }
if ( ref $@ && $@->isa('Sys::Virt::Error') ) {
    print '2 ', $@->code, q{ }, $@->message, q{ }, $@->domain, "\n";
}
print '3 ', ( $@ =~ /not found/i ? 'matches' : 'no' ), q{ }, length("$@") > 10 ? 'long' : 'short', "\n";
my $error = $@;
print '4 ', join( q{ }, map { "$_=$error->{$_}" } sort keys %$error ), q{ }, blessed($error), q{ },
    reftype($error), "\n";
eval { die $error };
print '5 ', ref $@, "\n";
eval {
    eval { $conn->get_domain_by_name('x') } or die "wrapped: $@";
};
print "6 $@";
eval {
    local $@ = 'kept';
    eval { $conn->get_domain_by_name('x') };
    die;
};
print '7 ', $@ =~ s/ at .+? line.*//sr, "\n";
{
    my @seen;
    local $SIG{__DIE__} = sub { push @seen, ref $_[0] || $_[0] };
    eval { $conn->get_domain_by_name('x') };
    print "8 @seen\n";
}
print '9 ', eval { $conn->get_domain_by_name('test')->get_name } // 'undef', q{ <}, $@, ">\n";
$@ = 'before';    ## no critic (RequireLocalizedPunctuationVars)
$conn->get_domain_by_name('test');
print "10 $@\n";
for my $call (
    [ 'get_domain_by_id',    99 ],
    [ 'get_domain_by_uuid',  'x' ],
    [ 'get_network_by_name', 'x' ],
    [ 'define_domain',       '<domain/>' ],
    [ 'define_domain',       'text' ],
    [ 'create_domain',       q{} ]
) {
    my ( $method, @args ) = @$call;
    eval { $conn->$method(@args) };
    print "11 $method: ", ( ref $@ ? $@->code : $@ =~ s/ at .+? line.*//sr ), "\n";
}
eval { $conn->no_such_method };
print '12 ', $@ =~ s/ at .+? line.*//sr, "\n";
eval { $conn->get_domain_by_name };
print '13 ', $@ =~ s/ at .+? line.*//sr, "\n";
eval 'Sys::Virt::Domain::get_name(1, 2); 1' or print '13 ', $@ =~ s/ at \(eval.*//sr, "\n";
eval { Sys::Virt::Domain->can('get_name')->() };
print '14 ', $@ =~ s/ at .+? line.*//sr, "\n";
my $bare = bless { code => 1, message => 'm', level => 2, domain => 3 }, 'Sys::Virt::Error';
print "15 $bare";
print '16 ', ( $error ? 'true' : 'false' ), q{ }, sprintf( '%s', $error ) eq "$error" ? 'same' : 'differs',
    "\n";
print '17 ',
    join( q{ }, map { Sys::Virt::Error->can($_) ? $_ : "no $_" } qw(stringify code message domain level) ),
    "\n";
eval { Carp::croak($error) };
print '18 ', ref $@, "\n";

package My::Error;
our @ISA = ('Sys::Virt::Error');

package main;
print '19 ', bless( {%$error}, 'My::Error' ), q{};
print '20 ', ( $error->code == Sys::Virt::Error::ERR_NO_DOMAIN ? 'no domain' : 'else' ), "\n";
my $ok = eval { $conn->get_domain_by_name('test')->create; 1 } || 0;
print "21 $ok ", $@ ? $@->code : 'fine', "\n";
die $error;
