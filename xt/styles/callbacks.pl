# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# What stands for a callback: found out when it is called, so that it may come later, change, or never be needed.
# only ours warns: is not a CODE reference
# only ours may warn: ^in the callback$
use strict;
use warnings;

use Sys::Virt;
use Sys::Virt::Event;

package Callback;
use overload '&{}' => sub { $_[0]{sub} }, fallback => 1;

package Logger;    # an object of one's own, with methods for all
our $AUTOLOAD;
sub new { return bless {}, shift }
our %told;

sub AUTOLOAD {    ## no critic (RequireArgUnpacking)
    my $name = $AUTOLOAD =~ s/.*:://r;
    $told{$name} = $_[1] if $name ne 'DESTROY';
    return 17;
}

package main;
Sys::Virt::Event::register_default();
my $conn = Sys::Virt->new( uri => $ARGV[0] );
my $dom  = $conn->get_domain_by_name('test');

my $events = 0;

# Raises an event, and waits for what comes.
sub raise {
    my ($name) = @_;
    my $before = $events;
    my $timer  = Sys::Virt::Event::add_timeout( 300, sub { $events++ } );
    $dom->suspend;
    $dom->resume;
    my $lived = eval { Sys::Virt::Event::run_default() while $events == $before; 1 };
    print "$name: ", ( $lived ? 'ok' : $@ =~ s/ at .+? line .*//sr ), "\n";
    Sys::Virt::Event::remove_timeout($timer);
    eval { Sys::Virt::Event::run_default() } for 1;
    return;
}

sub named { $events++; return 'whatever' }
my $logger = Logger->new;
for my $callback (
    [ 'a name',        'named' ],
    [ 'a whole name',  'main::named' ],
    [ 'a glob',        *named ],
    [ 'a blessed sub', bless( sub { $events++; return },    'Sub' ) ],
    [ 'an object',     bless( { sub => sub { $events++ } }, 'Callback' ) ],
    [ 'AUTOLOAD',      sub { $events++; $logger->event( $_[1]->get_name ) } ],
    [ 'a dying one',   sub { $events++; die "in the callback\n" } ],
    [ 'a list',        sub { $events++; return ( 1, undef, [] ) } ],
) {
    my ( $name, $sub ) = @$callback;
    my $id = $conn->domain_event_register_any( $dom, Sys::Virt::Domain::EVENT_ID_LIFECYCLE, $sub );
    raise($name);
    $conn->domain_event_deregister_any($id);
}

print "told $_ of $Logger::told{$_}\n" for sort keys %Logger::told;

# A name whose sub comes later, and is replaced by another.
my $id = $conn->domain_event_register_any( undef, Sys::Virt::Domain::EVENT_ID_LIFECYCLE, 'plugin' );
my $version;
{
    no strict 'refs';
    no warnings 'redefine';
    *{'main::plugin'} = sub { $events++; $version = 'one' };
    raise('it came');
    print "version $version\n";
    *{'main::plugin'} = sub { $events++; $version = 'two' };
    raise('another');
    print "version $version\n";
}
$conn->domain_event_deregister_any($id);

# What nobody calls.
for my $nothing ( 'nowhere', [], {}, 5 ) {
    my $never = $conn->domain_event_register_any( undef, Sys::Virt::Domain::EVENT_ID_REBOOT, $nothing );
    $conn->domain_event_deregister_any($never);
    print "registered\n";
    my $far = Sys::Virt::Event::add_timeout( 100_000, $nothing );
    Sys::Virt::Event::remove_timeout($far);
}
print Sys::Virt->new( uri => $ARGV[0], auth => 1, credlist => [ 2, 5 ], callback => 'not_asked' )->is_alive,
    "\n"
    if $ARGV[0] !~ /test:/;
