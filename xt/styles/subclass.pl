# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A subclass with data of its own, and objects that are blessed anew.
# only ours warns: 'tag' is not an option
use strict;
use warnings;
use Sys::Virt;
{

    package App::Conn;
    use parent -norequire, 'Sys::Virt';
    my %extra;
    sub new { my ( $c, %a ) = @_; my $self = $c->SUPER::new(%a); $extra{$$self} = { tag => $a{tag} }; $self }
    sub tag { $extra{ ${ $_[0] } }{tag} }
    sub get_domain_by_name { my $s = shift; my $d = $s->SUPER::get_domain_by_name(@_); bless $d, 'App::Dom' }
    sub DESTROY            { my $s = shift; delete $extra{$$s}; print "gone\n"; $s->SUPER::DESTROY }
}
{

    package App::Dom;
    our @ISA = 'Sys::Virt::Domain';
    sub name { uc $_[0]->get_name }
    use overload
        '""'     => sub { "<" . $_[0]->name . ">" },
        '=='     => sub { $_[0]->get_uuid eq $_[1]->get_uuid },
        fallback => 1
}
my $c = App::Conn->new( uri => $ARGV[0], tag => 'x' );
print $c->tag, "\n";
my $d = $c->get_domain_by_name('test');
print "$d\n";
print $d== $c->get_domain_by_name('test') ? "eq\n" : "ne\n";
print ref( $c->list_all_domains ), "\n";
my @x = $c->list_domains;
print ref $x[0], "\n";
$c->get_all_domain_stats( 0, [$d] );
print "stats ok\n";
eval { $d->migrate( $c, {}, 0 ) };
print ref $@ ? $@->code : "m $@", "\n";
undef $c;
print $d->get_name, "\n";
