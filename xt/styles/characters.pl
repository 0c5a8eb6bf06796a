# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Names beyond ASCII.
use strict;
use warnings;
use utf8;
use Sys::Virt;
binmode STDOUT, ':utf8';
my $c = Sys::Virt->new( uri => $ARGV[0] );
my $d = $c->define_domain(
    "<domain type='test'><name>gr\x{fc}n\x{263a}</name><uuid>c7a5fdbd-edaf-9455-926a-d65c16db1800</uuid>
<memory>1024</memory><os><type>hvm</type></os></domain>"
);
my $n = $d->get_name;
print length $n, " ", utf8::is_utf8($n) ? 1 : 0, "\n";
utf8::decode($n);
print "$n\n";
print $c->get_domain_by_name("gr\x{fc}n\x{263a}")->get_id, "\n";
my $e = $d->get_name;
print $c->get_domain_by_name($e)->get_id, "\n";
$d->set_metadata( 0, "\x{e9}t\x{e9}\x{263a}", undef, undef, 2 ) if eval { 1 };
my $m = eval { $d->get_metadata( 0, undef, 2 ) };
utf8::decode($m);
print "$m\n";
print $d->get_xml_description =~ /\xc3\xbc/ ? 1 : 0, "\n";
$d->undefine;
