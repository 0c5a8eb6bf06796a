# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The names of constants: name_of of every class, and of errors.
use strict;
use warnings;

use Test::More;
use Sys::Virt;
use Sys::Virt::Event;

my $conn = Sys::Virt->new( uri => 'test:///default' );
my $dom  = $conn->get_domain_by_name('test');

$dom->suspend;
my ( $state, $reason ) = $dom->get_state;
is( $dom->name_of( 'STATE', $state ),                 'PAUSED',    'a state, by an object' );
is( $dom->name_of( 'STATE_PAUSED', $reason ),         'USER',      'its reason' );
is( Sys::Virt::Domain->name_of( 'STATE', 1 ),         'RUNNING',   'a state, by the class' );
is( Sys::Virt::Domain->name_of( 'EVENT', 2 ),         'STARTED',   'an event, not its details or ids' );
is( Sys::Virt::Domain->name_of( 'EVENT_ID', 1 ),      'REBOOT',    'an id of an event' );
is( Sys::Virt::Domain->name_of( 'VCPU_STATE', 1 ),    'RUNNING',   'a state of a vCPU' );
is( Sys::Virt->name_of( 'CLOSE_REASON', 2 ),          'KEEPALIVE', 'of the connection' );
is( Sys::Virt::StoragePool->name_of( 'STATE', 2 ),    'RUNNING',   'of a pool' );
is( Sys::Virt::Event->name_of( 'HANDLE', 1 ),         'READABLE',  'of the event loop' );
is( Sys::Virt::Domain->name_of( 'STATE', 4711 ),      undef,       'an unknown value' );
is( Sys::Virt::Domain->name_of( 'STATE', undef ),     undef,       'undef' );
is( Sys::Virt::Domain->name_of( 'NO_SUCH_GROUP', 1 ), undef,       'an unknown group' );
is( scalar( () = Sys::Virt::Domain->name_of( 'STATE', 99 ) ), 1,   'one value in list context, too' );

{

    package My::Domain;
    our @ISA = ('Sys::Virt::Domain');
}
is( My::Domain->name_of( 'STATE', 5 ), 'SHUTOFF', 'a subclass has the constants of its parent' );

ok( !eval { $conn->get_domain_by_name('no such'); 1 }, 'an error' );
is( $@->code_name,   'ERR_NO_DOMAIN', '... has the name of its code' );
is( $@->domain_name, 'FROM_TEST',     '... and of its subsystem' );
my $newer = bless { code => 99_999, domain => 99_999, level => 2, message => 'm' }, 'Sys::Virt::Error';
is( $newer->code_name,   undef, 'a code that is not known' );
is( $newer->domain_name, undef, 'a subsystem that is not known' );

done_testing;
