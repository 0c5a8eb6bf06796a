# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Snapshots and checkpoints: trees of them.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Patience;
use Throws;
use Sys::Virt;

local $SIG{ALRM} = sub { die "stuck\n" };
alarm 60;

my $c = Sys::Virt->new( uri => 'test:///default' );
my $d = $c->get_domain_by_name('test');

my ( $no_snapshot, $no_checkpoint, $invalid_argument, $failed ) =
    map { Sys::Virt::Error->can("ERR_$_")->() }
    qw(NO_DOMAIN_SNAPSHOT NO_DOMAIN_CHECKPOINT INVALID_ARG OPERATION_FAILED);

sub snapshot {
    my ( $name, @flags ) = @_;
    return $d->create_snapshot( "<domainsnapshot><name>$name</name></domainsnapshot>", @flags );
}

sub checkpoint {
    my ( $name, @flags ) = @_;
    return $d->create_checkpoint( "<domaincheckpoint><name>$name</name></domaincheckpoint>", @flags );
}

# Names in order: libvirt has none.
sub names {
    return join q{ }, sort map { ref() ? $_->get_name : $_ } @_;
}

subtest 'no snapshots' => sub {
    is( $d->num_of_snapshots,     0, 'num_of_snapshots' );
    is( $d->has_current_snapshot, 0, 'has_current_snapshot' );
    is_deeply( [ $d->$_ ], [], $_ ) for qw(list_snapshots list_all_snapshots list_all_checkpoints);
    is_deeply( [ $d->list_snapshot_names($_) ], [], "list_snapshot_names($_)" ) for 0, 1, 1000;
    is( scalar $d->list_snapshots, 0, 'list_snapshots counts' );
    is( scalar $d->list_all_snapshots, undef,
        'B31: list_all_snapshots gives the last, which does not exist' );
    throws( 'current_snapshot',       $no_snapshot,   sub { $d->current_snapshot } );
    throws( 'get_snapshot_by_name',   $no_snapshot,   sub { $d->get_snapshot_by_name('x') } );
    throws( 'get_checkpoint_by_name', $no_checkpoint, sub { $d->get_checkpoint_by_name('x') } );
};

subtest 'a tree of snapshots' => sub {
    my $descendants = Sys::Virt::DomainSnapshot::LIST_DESCENDANTS();
    my $root        = snapshot('root');
    my $child       = snapshot('child');
    my $grand       = snapshot('grand');
    is( names( $d->list_snapshots ),     'child grand root', 'list_snapshots' );
    is( names( $d->list_all_snapshots ), 'child grand root', 'list_all_snapshots' );
    is( names( $d->list_all_snapshots( Sys::Virt::DomainSnapshot::LIST_ROOTS() ) ), 'root', '... the roots' );
    is( names( $d->list_all_snapshots( Sys::Virt::DomainSnapshot::LIST_LEAVES() ) ),
        'grand', '... the leaves' );
    is( $d->num_of_snapshots,                                            3,  'num_of_snapshots' );
    is( $d->num_of_snapshots( Sys::Virt::DomainSnapshot::LIST_ROOTS() ), 1,  '... of the roots' );
    is( names( $d->list_snapshot_names(9) ),             'child grand root', 'list_snapshot_names' );
    is( scalar( my @two = $d->list_snapshot_names(2) ),  2,                  '... at most two' );
    is( scalar( my @none = $d->list_snapshot_names(0) ), 0,                  '... none' );
    my @objects = $d->list_all_snapshots;
    is( ref $_, 'Sys::Virt::DomainSnapshot', ref ) for @objects;

    is( names( $root->list_child_snapshots ),            'child',       'B9: list_child_snapshots' );
    is( scalar $root->list_child_snapshots,              1,             'B9: it counts' );
    is( scalar $grand->list_child_snapshots,             0,             'B9: a leaf has none' );
    is( names( $root->list_all_children ),               'child',       'list_all_children' );
    is( names( $root->list_all_children($descendants) ), 'child grand', '... and theirs' );
    is( $root->num_of_child_snapshots,                   1,             'num_of_child_snapshots' );
    is( $root->num_of_child_snapshots($descendants),     2,             '... and theirs' );
    is( names( $root->list_child_snapshot_names(9) ),    'child',       'list_child_snapshot_names' );
    is( names( $root->list_child_snapshot_names( 9, $descendants ) ), 'child grand', '... and theirs' );
    is( scalar( my @one = $root->list_child_snapshot_names( 1, $descendants ) ), 1,  '... at most one' );
    throws(
        'A11: a negative count',
        qr/maxnames is out of range: -1/,
        sub { $root->list_child_snapshot_names(-1) }
    );
    throws(
        'a count is needed',
        qr/\AUsage: Sys::Virt::DomainSnapshot::list_child_snapshot_names\(domss, maxnames, /,
        sub { $root->list_child_snapshot_names }
    );

    is( $grand->get_parent->get_name, 'child', 'get_parent' );
    throws( 'the root has none', $no_snapshot, sub { $root->get_parent } );
    is( $grand->get_domain->get_uuid, $d->get_uuid, 'get_domain' );
    is( $grand->get_connect->get_uri, $c->get_uri,  'get_connect' );
    is( $root->has_metadata,          1,            'has_metadata' );
    is_deeply( [ map { $_->is_current } $root, $child, $grand ], [ 0, 0, 1 ], 'is_current' );
    is( $d->current_snapshot->get_name, 'grand', 'current_snapshot' );
    like( $child->get_xml_description, qr{<parent>\s*<name>root</name>}, 'XML' );

    is( $root->revert_to,               undef,  'revert_to' );
    is( $root->is_current,              1,      '... makes it the current one' );
    is( $d->current_snapshot->get_name, 'root', '... of the domain' );
    snapshot('branch');
    is( names( $root->list_child_snapshots ), 'branch child', 'and the next one its child' );
    is( $child->delete,                       undef,          'delete' );
    is( names( $root->list_child_snapshots ), 'branch grand', '... hands the children over' );
    is( $child->get_name,                     'child',        '... and the object keeps its name' );
    throws( "... but has no $_", $no_snapshot, sub { $child->$_ } )
        for qw(get_xml_description get_parent revert_to delete is_current);
    is( $root->delete( Sys::Virt::DomainSnapshot::DELETE_CHILDREN() ), undef, 'delete with children' );
    is( $d->num_of_snapshots,                                          0,     '... leaves no snapshots' );
};

subtest 'snapshots that fail' => sub {
    my $one = snapshot('one');
    throws( 'a name twice',  $failed,           sub { snapshot('one') } );
    throws( 'foreign flags', $invalid_argument, sub { snapshot( 'two', 1 << 30 ) } );
    throws( '... to find',   $invalid_argument, sub { $d->get_snapshot_by_name( 'one', 1 << 30 ) } );
    throws( "... $_",        $invalid_argument, sub { $d->$_( 1 << 30 ) } )
        for qw(list_all_snapshots num_of_snapshots has_current_snapshot current_snapshot);
    throws( "... $_", $invalid_argument, sub { $one->$_( 1 << 30 ) } )
        for qw(list_all_children num_of_child_snapshots revert_to delete is_current has_metadata get_parent
        get_xml_description);
    throws( 'no XML', qr/libvirt error/, sub { $d->create_snapshot($_) } )
        for q{}, '<domain/>', '<domainsnapshot';
    throws( 'B20: a NUL', qr/name holds a NUL/,      sub { $d->get_snapshot_by_name("one\0") } );
    throws( 'B23: flags', qr/flags is out of range/, sub { $one->delete(-1) } );
    throws(
        'A10: a domain is no snapshot',
        qr/domss is not a Sys::Virt::DomainSnapshot object/,
        sub { Sys::Virt::DomainSnapshot::get_name($d) }
    );
    throws(
        'A10: nor the reverse',
        qr/dom is not a Sys::Virt::Domain object/,
        sub { Sys::Virt::Domain::get_name($one) }
    );
    is( $d->num_of_snapshots, 1, 'nothing changed' );
    my $closed = $d->get_snapshot_by_name('one');
    $closed->DESTROY;
    throws( "closed: $_", 'INVALID_DOMAIN_SNAPSHOT', sub { $closed->$_ } )
        for
        qw(get_name get_domain get_connect get_parent is_current delete list_child_snapshots list_all_children);
    $one->delete;
};

subtest 'the domain below a snapshot' => sub {
    my $snapshot = do {
        my $other = Sys::Virt->new( uri => 'test:///default' );
        my $dom   = $other->get_domain_by_name('test');
        $dom->create_snapshot('<domainsnapshot><name>alone</name></domainsnapshot>');
    };
    is( $snapshot->get_name,             'alone', 'outlives the objects that it came from' );
    is( $snapshot->get_domain->get_name, 'test',  '... and hands them out again' );
    my $dom = $snapshot->get_domain;
    undef $snapshot;
    is( $dom->num_of_snapshots, 1, '... as objects of their own' );
    my @kept = map { $dom->get_snapshot_by_name('alone')->get_domain } 1 .. 3;
    undef $dom;
    is( names(@kept), 'test test test', '... as often as asked' );

    # The test driver's default host is one for all its connections.
    $d->get_snapshot_by_name('alone')->delete;
};

subtest 'constructors' => sub {
    my @cases = (
        [ 'Sys::Virt::DomainSnapshot',   'domainsnapshot' ],
        [ 'Sys::Virt::DomainCheckpoint', 'domaincheckpoint' ],
    );
    for my $case (@cases) {
        my ( $class, $root ) = @$case;
        my $new  = sub { $class->_new(@_) };
        my $xml  = "<$root><name>made</name></$root>";
        my $made = $new->( domain => $d, xml => $xml );
        is( ref $made,                                                    $class, "$class from XML" );
        is( $new->( domain => $d, name => 'made', flags => 0 )->get_name, 'made', '... by name' );
        is( $class->can('_lookup_by_name')->( $d, 'made' )->get_name,     'made', '... the function' );
        my $pack = "Local::$root";
        { no strict 'refs'; @{"${pack}::ISA"} = ($class) }
        is( ref $pack->_new( domain => $d, name => 'made' ), $pack, '... in a subclass' );
        $made->delete;
        is( $class->can('_create_xml')->( $d, $xml )->delete, undef, '... the function' );
        throws( 'no domain', qr/\Adomain parameter is required at/,        sub { $new->( name => 'made' ) } );
        throws( 'no name',   qr/\Aname or xml parameters are required at/, sub { $new->( domain => $d ) } );
        throws( 'gone',      qr/not found/, sub { $new->( domain => $d, name => 'made' ) } );
        throws(
            'a connection',
            qr/domain is not a Sys::Virt::Domain object/,
            sub { $new->( domain => $c, name => 'x' ) }
        );
        throws( 'flags', qr/flags is out of range/,
            sub { $new->( domain => $d, xml => $xml, flags => -1 ) } );
    }
};

subtest 'a chain of checkpoints' => sub {
    my ( $one, $two, $three ) = map { checkpoint($_) } qw(one two three);
    my $flag = sub { Sys::Virt::DomainCheckpoint->can("LIST_$_[0]")->() };
    is( names( $d->list_all_checkpoints ),                      'one three two', 'list_all_checkpoints' );
    is( names( $d->list_all_checkpoints( $flag->('ROOTS') ) ),  'one',           '... the roots' );
    is( names( $d->list_all_checkpoints( $flag->('LEAVES') ) ), 'three',         '... the leaves' );
    is(
        join( q{ }, map { $_->get_name } $d->list_all_checkpoints( $flag->('TOPOLOGICAL') ) ),
        'one two three',
        '... in order'
    );
    is( ref scalar $d->list_all_checkpoints, 'Sys::Virt::DomainCheckpoint',      'B31: the last one' );
    is( names( $one->list_all_children ),    'two',                              'list_all_children' );
    is( names( $one->list_all_children( $flag->('DESCENDANTS') ) ), 'three two', '... and theirs' );
    is( $three->get_parent->get_name,                               'two',       'get_parent' );
    throws( 'the first has no parent', $no_checkpoint, sub { $one->get_parent } );
    is( $d->get_checkpoint_by_name('two')->get_name, 'two',        'get_checkpoint_by_name' );
    is( $two->get_domain->get_uuid,                  $d->get_uuid, 'get_domain' );
    is( $two->get_connect->get_uri,                  $c->get_uri,  'get_connect' );
    like( $two->get_xml_description, qr{<name>two</name>}, 'XML' );

    throws( 'a name twice',  $failed,           sub { checkpoint('one') } );
    throws( 'foreign flags', $invalid_argument, sub { checkpoint( 'four', 1 << 30 ) } );
    throws( '... to find',   $invalid_argument, sub { $d->get_checkpoint_by_name( 'one', 1 << 30 ) } );
    throws( '... to list',   $invalid_argument, sub { $d->list_all_checkpoints( 1 << 30 ) } );
    throws( "... $_",        $invalid_argument, sub { $one->$_( 1 << 30 ) } )
        for qw(list_all_children get_parent get_xml_description delete);
    throws( 'no XML', qr/libvirt error/, sub { $d->create_checkpoint($_) } ) for q{}, '<domainsnapshot/>';
    throws( 'no snapshot beside it', qr/libvirt error/, sub { snapshot('x') } );
    throws(
        'A10: it is no snapshot',
        qr/domss is not a Sys::Virt::DomainSnapshot object/,
        sub { Sys::Virt::DomainSnapshot::get_name($one) }
    );

    is( $two->delete,                     undef,   'delete' );
    is( names( $one->list_all_children ), 'three', '... hands the children over' );
    throws( '... once', $no_checkpoint, sub { $two->delete } );
    is( $one->delete( Sys::Virt::DomainCheckpoint::DELETE_CHILDREN() ), undef, 'delete with children' );
    is_deeply( [ $d->list_all_checkpoints ], [], '... leaves no snapshots' );
    $one->DESTROY;
    throws( "closed: $_", 'INVALID_DOMAIN_CHECKPOINT', sub { $one->$_ } )
        for qw(get_name get_domain get_connect get_parent delete list_all_children);
};

done_testing;
