# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Every public sub of every class has its entry in the manual; every piece of POD is well formed.
use strict;
use warnings;

use Pod::Checker ();
use Test::More;
use Sys::Virt;
use Sys::Virt::Admin;
use Sys::Virt::Event;
use Sys::Virt::LXC;
use Sys::Virt::QEMU;

my %class = (
    'Sys::Virt' => 'lib/Sys/Virt.pod',
    map { ( "Sys::Virt::$_" => 'lib/Sys/Virt/' . s{::}{/}r . '.pod' ) }
        qw(Domain DomainSnapshot DomainCheckpoint Error Event EventImpl Interface Network NetworkPort NodeDevice NWFilter
        NWFilterBinding Secret StoragePool StorageVol Stream QEMU LXC Admin Admin::Server Admin::Client)
);

for my $name ( glob('lib/Sys/*.pod lib/Sys/Virt/*.pod lib/Sys/Virt/*/*.pod'),
    glob('examples/*.pl'), grep { !/worker|operations/ } glob('bench/*.pl') ) {
    my $checker = Pod::Checker->new( -quiet => 1 );
    open my $null, '>', \my $messages or die $!;
    $checker->parse_from_file( $name, $null );
    is( $checker->num_errors,   0, "$name: no errors" )   or diag $messages;
    is( $checker->num_warnings, 0, "$name: no warnings" ) or diag $messages;
}

for my $class ( sort keys %class ) {
    open my $file, '<', $class{$class} or do { fail("$class has a manual"); next };
    my $text  = do { local $/ = undef; <$file> };
    my %entry = map { $_ => 1 } $text =~ /^=head2 (\w+)$/mg;
    no strict 'refs';
    my ( @subs, @constants );
    for my $name ( sort keys %{"${class}::"} ) {
        next
            if $name =~ /\A_|\A\(|\A(?:BEGIN|DESTROY|CLONE|bootstrap|import|dl_load_flags)\z/
            || !defined &{"${class}::$name"};
        next
            if $name =~ /\A[a-z]/
            && Sys::Virt::EventImpl->can($name)
            && $class eq 'Sys::Virt::Event'
            && !exists &{"${class}::$name"};
        next if $name =~ /\A(?:name_of|async)\z/ && $class ne 'Sys::Virt';    # one for all classes
        push @{ $name =~ /\A[A-Z]/ ? \@constants : \@subs }, $name;
    }
    is( join( q{ }, grep { !$entry{$_} } @subs ), q{}, "$class: every method is documented" );
    my $all = $text;
    if ( open my $constants, '<', $class{$class} =~ s/[.]pod\z/\/Constants.pod/r ) {
        local $/ = undef;
        $all .= <$constants>;
    }
    is( join( q{ }, grep { $all !~ /\b$_\b/ } @constants ), q{}, "$class: every constant is documented" );
}

done_testing;
