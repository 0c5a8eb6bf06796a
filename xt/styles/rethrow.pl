# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# try and catch by hand, and an uncaught error.
use strict;
use warnings;
use Sys::Virt;

sub try(&;@) {
    my ( $t, @h ) = @_;
    my @r = eval { $t->() };
    if ( my $e = $@ ) { local $_ = $e; return $h[0]->($e) }
    return @r;
}
sub catch(&;@) { @_ }
my $c = Sys::Virt->new( uri => $ARGV[0] );
try { $c->get_domain_by_name('no') } catch { print "caught ", ref $_, " ", $_->code, "\n" };
my $r = do {
    local $@;
    eval { $c->get_domain_by_id(55) } || 'fallback';
};
print "$r\n";
print "[", defined $@ ? $@ : 'undef', "]\n";
for my $n ( 'test', 'nope', 'test' ) {
    my $d = eval { $c->get_domain_by_name($n) } or do { warn "skip $n: $@"; next };
    print $d->get_name, "\n";
}
END { print "end $?\n" }
local $SIG{__DIE__} = sub { my $e = shift; print "handler: ", ref $e ? "obj " . $e->message : $e, "\n" };
$c->get_network_by_name('absent');
print "not reached\n";
