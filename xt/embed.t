# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A program that embeds perl, ends its interpreters and unloads their modules while libvirt stays.
use strict;
use warnings;

use Config;
use File::Temp ();
use FindBin    ();
use Test::More;
use lib 't/lib';
use Patience;

eval { require ExtUtils::Embed; 1 } or plan skip_all => 'needs ExtUtils::Embed (Debian: libperl-dev)';
my $dir = File::Temp->newdir;
my ( $cc, $ld ) = ( ExtUtils::Embed::ccopts(), ExtUtils::Embed::ldopts() );
s/\n//g for $cc, $ld;
system("$Config{cc} $cc -o '$dir/host' '$FindBin::Bin/stub/host.c' $ld -lvirt -ldl") == 0
    or plan skip_all => 'the host does not compile or link (Debian: libperl-dev, libvirt-dev)';

my $includes = join ', ', map { "'$_'" } grep { !ref } @INC;

my $prelude = <<'PERL';
use Sys::Virt;
use Sys::Virt::Event;
our $c;
sub connection { $c = Sys::Virt->new( uri => 'test:///default' ) }
sub loop       { Sys::Virt::Event::register_default() }
sub turn       { Sys::Virt::Event::run_default() }
PERL

# The output of the host after so many interpreters have run the script.
sub host {
    my ( $count, $script ) = @_;
    open my $pipe, '-|', "$dir/host", $count, "use lib $includes; alarm 60; $prelude $script"
        or die $!;
    my @lines = <$pipe>;
    close $pipe;
    return join q{}, @lines, $? ? "status $?\n" : ();
}

my $fine   = "interpreters: 0\nerror: yes\ndomains: 1\n";
my %script = (
    'only loads'             => '1;',
    'connects'               => 'connection; $c->list_all_domains; $c->get_node_info;',
    'has errors'             => 'connection; eval { $c->get_domain_by_name("none") };',
    'has circles'            => 'connection; our @x = ( $c, $c->list_all_domains ); push @x, \@x;',
    'has a timer'            => 'loop; Sys::Virt::Event::add_timeout( 0, sub { } );',
    'has a descriptor'       => 'loop; Sys::Virt::Event::add_handle( 0, 1, sub { } );',
    'has a stream'           => 'loop; connection; our $s = $c->new_stream;',
    'has died in a callback' => 'loop; Sys::Virt::Event::add_timeout( 0, sub { die "x\n" } ); eval { turn };',
    'has events to come'     => 'loop; connection; $c->register_close_callback( sub { } );'
        . '$c->domain_event_register_any( undef, 0, sub { } ); our $d = $c->get_domain_by_name("test"); $d->destroy; $d->create;',
    'calls us in its last DESTROY' => 'connection; our $e = bless [$c], "Last"; push @$e, $e;'
        . 'sub Last::DESTROY { Sys::Virt->new( uri => "test:///default" )->get_node_info }',
);
$script{'has a thread'} = 'connection; require threads; threads->create( sub { $c->get_node_info } )->join;'
    if $Config{useithreads};

for my $name ( sort keys %script ) {
    is( host( 1, $script{$name} ), $fine, "an interpreter $name" );
    is( host( 3, $script{$name} ), $fine, '... and three, one after the other' );
}

done_testing;
