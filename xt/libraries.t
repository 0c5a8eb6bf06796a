# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# E1: libvirt's smaller libraries: loaded when they are needed, missed in words; and what their functions return that xt/stub.t
# does not look at: events, file handles, JSON.
use strict;
use warnings;

use File::Temp ();
use FindBin    ();
use lib "$FindBin::Bin/lib";
use Stubs qw(compile);
use Test::More;

my @includes = map { "-I$_" } grep { !ref } @INC;

# The output of a script, with a preloaded library.
sub run {
    my ( $preload, $script ) = @_;
    local $ENV{LD_PRELOAD} = $preload;
    open my $pipe, '-|', $^X, @includes, '-e', $script or die $!;
    my $output = do { local $/ = undef; <$pipe> };
    close $pipe;
    is( $?, 0, '... ends well' );
    return $output // q{};
}

my $dir = File::Temp->newdir;
system( qw(cc -shared -fPIC -Wall -Werror), '-o', "$dir/missing.so", "$FindBin::Bin/stub/missing.c", '-ldl' )
    == 0
    or BAIL_OUT('missing.c does not compile');

subtest 'libraries that are not installed' => sub {
    my %function = (
        'libvirt-qemu'  => 'Sys::Virt::QEMU::monitor_command( $d, q{x} )',
        'libvirt-lxc'   => 'Sys::Virt::LXC::enter_cgroup($d)',
        'libvirt-admin' => 'Sys::Virt::Admin->new',
    );
    for my $library ( sort keys %function ) {
        my $output = run( "$dir/missing.so", <<'PERL' =~ s/CALL/$function{$library}/r );
use Sys::Virt; use Sys::Virt::QEMU; use Sys::Virt::LXC; use Sys::Virt::Admin;
my $d = Sys::Virt->new( uri => 'test:///default' )->get_domain_by_name('test');
eval { CALL };
print ref $@, ' ', $@->code, ' ', $@->message;
PERL
        like(
            $output,
            qr/\ASys::Virt::Error 3 vir\w+ needs \Q$library\E[.]so[.]0, of the package /,
            "$library: names it"
        );
        like( $output, qr/libvirt0 [(]Debian/, '... and its package' );
    }
};

subtest 'nothing is loaded before it is needed' => sub {
    my $output = run( q{}, <<'PERL');
use Sys::Virt; use Sys::Virt::QEMU; use Sys::Virt::LXC; use Sys::Virt::Admin;
sub maps {
    open my $maps, '<', '/proc/self/maps' or die $!;
    local $/ = undef;
    my %seen = map { $_ => 1 } <$maps> =~ m{(libvirt-\w+)[.]so}g;
    return join q{ }, sort keys %seen;
}
my $d = Sys::Virt->new( uri => 'test:///default' )->get_domain_by_name('test');
print maps(), ';';
eval { Sys::Virt::LXC::open_namespace($d) };
print ref $@, ';', maps(), ';';
eval { Sys::Virt::QEMU::monitor_command( $d, 'x' ) };
print ref $@, ';', maps(), ';', join q{ }, grep {/JSON/} keys %INC;
PERL
    is(
        $output,
        ';Sys::Virt::Error;libvirt-lxc;Sys::Virt::Error;libvirt-lxc libvirt-qemu;',
        'each when it is used'
    );
};

SKIP: {
    eval { require XML::LibXML; 1 } or skip( 'needs XML::LibXML (Debian: libxml-libxml-perl)', 1 );
    local $ENV{STUB_LOG}   = "$dir/log";
    local $ENV{LD_PRELOAD} = compile($dir);
    is(
        system(
            'sh', '-c', 'out=$1; shift; exec "$@" >"$out" 2>&1',
            'sh', "$dir/output", $^X, @includes, "$FindBin::Bin/stub/libraries.pl"
        ),
        0,
        'what the functions return'
    ) or diag do { local ( @ARGV, $/ ) = "$dir/output"; <> };
}

done_testing;
