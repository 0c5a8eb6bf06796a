# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Calls every method with every kind of closed object, as the invocant and as the first argument: some of libvirt's
# functions follow the pointer without a look. Each method runs in a separate process, so that one may crash.
use strict;
use warnings;

use File::Temp ();
use POSIX      ();
use Test::More;
use lib 't/lib';
use Patience;
use Sys::Virt;
use Sys::Virt::LXC;
use Sys::Virt::QEMU;

my @classes = map { "Sys::Virt$_" } q{},
    map { "::$_" } qw(Domain DomainSnapshot Interface Network NodeDevice StoragePool StorageVol Stream);

my $c    = Sys::Virt->new( uri => 'test:///default' );
my $d    = $c->get_domain_by_name('test');
my $pool = $c->get_storage_pool_by_name('default-pool');
my $name = $pool->create_volume('<volume><name>v</name><capacity>1</capacity></volume>')->get_name;
$d->create_snapshot('<domainsnapshot><name>s</name></domainsnapshot>');

# One object of each class.
sub objects {
    return (
        Sys::Virt->new( uri => 'test:///default' ),   $c->get_domain_by_name('test'),
        $d->get_snapshot_by_name('s'),                $c->get_interface_by_name('eth1'),
        $c->get_network_by_name('default'),           $c->get_node_device_by_name('computer'),
        $c->get_storage_pool_by_name('default-pool'), $pool->get_volume_by_name($name),
        $c->new_stream
    );
}
my ( %open, %closed );
@open{@classes}   = objects();
@closed{@classes} = objects();
$_->DESTROY for values %closed;

# Further arguments; one of these fits nearly every method.
my @arguments = (
    [],
    [0],
    ['x'],
    [ 'x', 0 ],
    [ 'x', 255 ],
    [ 0,   0 ],
    [ 0,   'x' ],
    [ 'x', 'x' ],
    [ 'x', {} ],
    [ {},  0 ],
    [ [],  0 ],
    [ 'x', [] ],
    [ 0,   0,   [1] ],
    [ 'x', 0,   0 ],
    [ 'x', 'x', 0 ],
    [ 'x', 'x', {} ],
    [ 'x', 'x', 0, 0 ],
    [undef],
    [ undef, undef, 0 ],
    [ undef, 0,     sub { 0 } ],
    [ sub { 0 } ],
    [ ( sub { 0 } ) x 2 ],
    [ ( sub { 0 } ) x 3 ]
);

my $now  = File::Temp->new;
my $none = 0;
for my $class ( @classes, qw(Sys::Virt::LXC Sys::Virt::QEMU) ) {
    no strict 'refs';
    for my $method ( grep { !/\A(?:DESTROY|CLONE)\z|\A[A-Z][A-Z_0-9]+\z|\A\(/ } sort keys %{"${class}::"} ) {
        next if !defined &{"${class}::$method"};
        my $sub       = \&{"${class}::$method"};
        my $functions = !$open{$class} || $method =~ /\A_/;
        my @with      = $functions ? ( $c, $d ) : $open{$class};
        my @calls;
        for my $arguments (@arguments) {
            push @calls, [ $closed{$class}, @$arguments ],
                map { ( [ $closed{$_}, @$arguments ] ) } $functions ? @classes : ();
            push @calls, map {
                my $with = $_;
                map { [ $with, $closed{$_}, @$arguments ] } @classes
            } @with;
        }
        my $pid = fork // die $!;
        if ( !$pid ) {
            alarm 60;
            local $SIG{__WARN__} = sub { };
            open STDERR, '>', '/dev/null';
            for my $call (@calls) {
                sysseek $now, 0, 0;
                syswrite $now, sprintf "%-200s", join q{, }, map { defined() ? ref || $_ : 'undef' } @$call;
                eval { $sub->(@$call) };
            }
            POSIX::_exit(0);
        }
        waitpid $pid, 0;
        $none++;
        next if !$?;
        my $status = $?;
        sysseek $now, 0, 0;
        sysread $now, my $call, 200;
        fail("${class}::$method: status $status with ($call)");
    }
}
cmp_ok( $none, '>', 300, 'methods called' );

done_testing;
