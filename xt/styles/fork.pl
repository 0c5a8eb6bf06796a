# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Children that open connections, and signals.
use strict;
use warnings;
use Sys::Virt;
my @k;
for my $n ( 1 .. 3 ) {
    my $pid = open( my $fh, '-|' ) // die;
    if ( !$pid ) {
        my $c = Sys::Virt->new( uri => $ARGV[0] );
        print join( ",", $n, map { $_->get_name } $c->list_domains );
        exit 0;
    }
    push @k, $fh;
}
print <$_>, "\n" for @k;
my $c = Sys::Virt->new( uri => $ARGV[0] );
my $o = qx{echo hi};
print $o;
print $c->list_domains + 0, "\n";
system("true");
print $c->is_alive, "\n";
local $SIG{CHLD} = 'IGNORE';
print `echo child`, $c->num_of_domains, "\n";
local $SIG{ALRM} = sub { print "alarm\n" };
alarm 1;
select undef, undef, undef, 1.2;
print $c->is_alive, "\n";
