# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Code that looks into packages: exporters by glob and by reference, tables of constants by name, browsers of symbols.
use strict;
use warnings;

use Sys::Virt;
use B ();

# Names for numbers, the way of the field.
my %state;
for my $name ( sort grep { /\ASTATE_[A-Z]+\z/ } keys %Sys::Virt::Domain:: ) {
    my $code = Sys::Virt::Domain->can($name);
    $state{ $code->() } = $name;
}
print join( q{ }, map { "$_=$state{$_}" } sort { $a <=> $b } keys %state ), "\n";

# The same by globs.
no strict 'refs';
my %by_glob;
while ( my ( $name, $glob ) = each %Sys::Virt::Domain:: ) {
    next if $name !~ /\AREBOOT_|\ASHUTDOWN_/;
    my $code = *{$glob}{CODE} or next;
    $by_glob{$name} = $code->();
}
print join( q{ },
    map { "$_=$by_glob{$_}" } grep { exists $by_glob{$_} } qw(REBOOT_ACPI_POWER_BTN SHUTDOWN_GUEST_AGENT) ),
    "\n";

# An exporter of old.
sub import_all {
    my ( $from, $into, $pattern ) = @_;
    my $count = 0;
    for my $name ( grep { /$pattern/ } keys %{"${from}::"} ) {
        *{"${into}::$name"} = ${"${from}::"}{$name};
        $count++;
    }
    return $count > 3;
}
print 'imported ', import_all( 'Sys::Virt::Domain', 'main', qr/\AUNDEFINE_/ ), q{ },
    eval('UNDEFINE_MANAGED_SAVE()') // $@, "\n";
*main::from_reference = \&Sys::Virt::Domain::STATE_RUNNING;
print 'by reference ', main::from_reference(), "\n";
*running = *{ $Sys::Virt::Domain::{STATE_RUNNING} }{CODE};
print 'by slot ', running(), "\n";
local *Other::PAUSED = $Sys::Virt::Domain::{STATE_PAUSED};
print 'by glob ', Other::PAUSED(), "\n";

# What a browser of symbols shows.
for my $name (qw(STATE_RUNNING get_name MEMORY_MINIMUM)) {
    my $glob = $Sys::Virt::Domain::{$name};
    next if !$glob;
    my $code = *$glob{CODE} // next;
    my $cv   = B::svref_2object($code);
    print "$name: ", ref( \$glob ), q{ }, *$glob{PACKAGE}, q{ }, *$glob{NAME}, q{ }, $cv->GV->NAME, q{ },
        $cv->GV->STASH->NAME, q{ }, prototype($code), q{ }, ( defined *$glob{HASH} ? 'hash' : 'no hash' ),
        "\n";
}
my @subs  = grep { defined &{"Sys::Virt::Network::$_"} } keys %Sys::Virt::Network::;
my @found = grep { ref( \$_ ) eq 'GLOB' && *{$_}{CODE} } values %Sys::Virt::Network::;
print 'all found: ', ( @subs == @found ? 'yes' : 'no' ), "\n";

# Constants in all the ways of calling.
print join( q{ },
    Sys::Virt::Domain::STATE_RUNNING,              Sys::Virt::Domain::STATE_RUNNING(),
    &Sys::Virt::Domain::STATE_RUNNING,             Sys::Virt::Domain->STATE_RUNNING,
    'Sys::Virt::Domain'->can('STATE_RUNNING')->(), &{'Sys::Virt::Domain::STATE_RUNNING'}(),
    Sys::Virt::Domain->STATE_RUNNING(5) ),
    "\n";
my $class = 'Sys::Virt::Domain';
print join( q{ }, map { $class->$_ } qw(STATE_BLOCKED STATE_CRASHED) ), "\n";
print exists &Sys::Virt::Domain::STATE_RUNNING ? 'exists' : 'does not', "\n";
print eval { my $x = \Sys::Virt::Domain::STATE_RUNNING(); $$x = 5; 1 } ? 'written' : 'read-only', q{ },
    Sys::Virt::Domain::STATE_RUNNING(), "\n";
{
    no warnings 'redefine';
    no strict 'refs';
    local *Sys::Virt::Domain::get_name = sub { return 'another' };
    print Sys::Virt->new( uri => $ARGV[0] )->get_domain_by_name('test')->get_name, "\n";
}
print Sys::Virt->new( uri => $ARGV[0] )->get_domain_by_name('test')->get_name, "\n";
