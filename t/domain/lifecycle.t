# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Finding, defining, starting, stopping, saving and dumping domains.
use strict;
use warnings;

use File::Temp ();
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

sub xml {
    my ($name) = @_;
    return "<domain type='test'><name>$name</name><memory>8192</memory><os><type>hvm</type></os></domain>";
}

# State and reason of a domain, by the names of their constants.
sub state_is {
    my ( $dom, $state, $reason, $name ) = @_;
    my @want = map { Sys::Virt::Domain->can("STATE_$_")->() } $state, "${state}_$reason";
    return is_deeply( [ $dom->get_state ], \@want, $name );
}

my ( $internal, $failed, $invalid_argument, $no_domain, $not_now, $unsupported ) =
    map { Sys::Virt::Error->can("ERR_$_")->() }
    qw(INTERNAL_ERROR OPERATION_FAILED INVALID_ARG NO_DOMAIN OPERATION_INVALID NO_SUPPORT);

subtest 'constructors' => sub {
    my $new = sub { Sys::Virt::Domain->_new(@_) };
    my @con = ( connection => $c );
    is( $new->( @con, name => 'test' )->get_id,                       1,      'by name' );
    is( $new->( @con, id => 1 )->get_name,                            'test', 'by number' );
    is( $new->( @con, uuid => $d->get_uuid )->get_name,               'test', 'by UUID' );
    is( $new->( @con, uuid => $d->get_uuid_string )->get_name,        'test', 'by its string' );
    is( $new->( @con, name => 'test', id => 77, xml => 'x' )->get_id, 1,      'the name has precedence' );
    is( $new->( @con, name => 'nobody', name => 'test' )->get_id,     1, 'the last of two pairs counts' );
    my $transient = $new->( @con, xml => xml('transient') );
    is_deeply( [ $transient->is_active, $transient->is_persistent ], [ 1, 0 ], 'from XML, started' );
    $transient->destroy;
    my $defined = $new->( @con, xml => xml('defined'), nocreate => 1 );
    is_deeply( [ $defined->is_active, $defined->is_persistent ], [ 0, 1 ], 'from XML, defined' );
    $defined->undefine;
    my $files = $new->( @con, xml => xml('files'), fds => [] );
    is( $files->is_active, 1, 'from XML, with files' );
    $files->destroy;

    @Local::Domain::ISA = ('Sys::Virt::Domain');
    my $sub = Local::Domain->_new( @con, name => 'test' );
    is( ref $sub,                        'Local::Domain', 'in a subclass' );
    is( ref $sub->_new( @con, id => 1 ), 'Local::Domain', '... and from its objects' );

    throws( 'no connection',   qr/\Aconnection parameter is required at/, sub { $new->( name => 'test' ) } );
    throws( 'nothing to find', qr/\Aaddress, id or uuid parameters are required at/, sub { $new->(@con) } );
    throws(
        'a domain as connection',
        qr/connection is not a Sys::Virt object/,
        sub { $new->( connection => $d, name => 'test' ) }
    );
    throws(
        'B27: undef as connection',
        qr/connection is not a blessed SV reference/,
        sub { $new->( connection => undef, name => 'test' ) }
    );
    throws(
        'a short UUID',
        qr/\AUUID must be either 16 unsigned bytes, or 32\/36 hex characters long at/,
        sub { $new->( @con, uuid => 'short' ) }
    );
    throws( 'no UUID',        $invalid_argument, sub { $new->( @con, uuid => 'z' x 36 ) } );
    throws( 'an unknown one', $no_domain,        sub { $new->( @con, uuid => "\1" x 16 ) } );
    {
        local $SIG{__WARN__} = sub { };
        throws( 'undef as name', $no_domain, sub { $new->( @con, name => undef ) } );
    }
    throws(
        'B26: files',
        qr/fds is not an ARRAY reference/,
        sub { $new->( @con, xml => xml('x'), fds => {} ) }
    );
    throws( 'no such name', $no_domain, sub { $c->get_domain_by_name('x') } );
};

subtest 'the functions below them' => sub {
    is( Sys::Virt::Domain::_lookup_by_id( $c, 1 )->get_name,                          'test', 'number' );
    is( Sys::Virt::Domain::_lookup_by_name( $c, 'test' )->get_id,                     1,      'name' );
    is( Sys::Virt::Domain::_lookup_by_uuid( $c, $d->get_uuid )->get_id,               1,      'UUID' );
    is( Sys::Virt::Domain::_lookup_by_uuid_string( $c, $d->get_uuid_string )->get_id, 1,      'its string' );
    my $one   = Sys::Virt::Domain::_define_xml( $c, xml('one') );
    my $two   = Sys::Virt::Domain::_create( $c, xml('two') );
    my $three = Sys::Virt::Domain::_create_with_files( $c, xml('three'), [] );
    is_deeply( [ map { $_->is_active } $one, $two, $three ], [ 0, 1, 1 ], 'making domains' );
    $one->undefine;
    $_->destroy for $two, $three;
    throws( 'an unknown id',  $no_domain,        sub { Sys::Virt::Domain::_lookup_by_id( $c, 99 ) } );
    throws( 'a negative one', $invalid_argument, sub { Sys::Virt::Domain::_lookup_by_id( $c, -1 ) } );
    throws(
        'one byte is no UUID',
        qr/uuid has 1 bytes, not 16/,
        sub { Sys::Virt::Domain::_lookup_by_uuid( $c, 'x' ) }
    );
    throws(
        'B26: files',
        qr/_create_with_files: fds is not an ARRAY reference/,
        sub { Sys::Virt::Domain::_create_with_files( $c, xml('x'), {} ) }
    );
};

subtest 'start and stop' => sub {
    my $dom = $c->define_domain( xml('cycle') );
    throws( "$_ needs one that runs", qr/code: (?:$internal|$not_now),/, sub { $dom->$_ } )
        for qw(suspend resume shutdown destroy reboot reset inject_nmi);
    is( $dom->create, undef, 'create' );
    state_is( $dom, 'RUNNING', 'BOOTED', '... runs' );
    throws( 'not twice', $internal, sub { $dom->create } );
    is( $dom->suspend, undef, 'suspend' );
    state_is( $dom, 'PAUSED', 'USER', '... paused' );
    is( $dom->resume, undef, 'resume' );
    state_is( $dom, 'RUNNING', 'UNPAUSED', '... runs' );
    is( $dom->$_,        undef, $_ ) for qw(reboot reset inject_nmi);
    is( $dom->is_active, 1,     '... it still runs' );
    is( $dom->shutdown,  undef, 'shutdown' );
    state_is( $dom, 'SHUTOFF', 'SHUTDOWN', '... off' );
    my $number = $dom->get_id;
    is( $number, -1, '... without number' );
    $dom->create;
    is( $c->get_domain_by_id( $dom->get_id )->get_name,         'cycle', 'the next one finds it' );
    is( $dom->destroy( Sys::Virt::Domain::DESTROY_GRACEFUL() ), undef,   'destroy with a flag' );
    state_is( $dom, 'SHUTOFF', 'DESTROYED', '... off' );
    is( $dom->create_with_files( [] ), undef, 'create_with_files' );
    is( $dom->is_active,               1,     '... runs' );
    is( $dom->undefine,                undef, 'undefine of one that runs' );
    is_deeply( [ $dom->is_active, $dom->is_persistent ], [ 1, 0 ], '... makes it transient' );
    $dom->destroy;
    throws( '... so that it no longer exists', $no_domain,        sub { $dom->get_state } );
    throws( "$_ refuses foreign flags",        $invalid_argument, sub { $d->$_( 1 << 30 ) } )
        for qw(create destroy undefine shutdown reset inject_nmi);
    throws( "$_: flags are 32 bits", qr/$_: flags is out of range/, sub { $d->$_( 2**32 ) } )
        for qw(create destroy undefine shutdown reboot reset inject_nmi pm_wakeup);
    is( $d->is_active, 1, '... and do nothing' );
};

subtest 'rename' => sub {
    my $dom = $c->define_domain( xml('before') );
    is( $dom->rename('after'),                     undef,          'rename' );
    is( $c->get_domain_by_name('after')->get_uuid, $dom->get_uuid, 'the same domain' );
    throws( 'the old name is free',       $no_domain,              sub { $c->get_domain_by_name('before') } );
    throws( 'not to the name of another', $not_now,                sub { $dom->rename('test') } );
    throws( 'not to one with a slash',    'XML_ERROR',             sub { $dom->rename('a/b') } );
    throws( 'not to an empty name',       $invalid_argument,       sub { $dom->rename(q{}) } );
    throws( 'B20: nor to a NUL',          qr/newname holds a NUL/, sub { $dom->rename("x\0y") } );
    throws( 'not while it runs',          $not_now,                sub { $d->rename('x') } );
    $c->get_domain_by_name('after')->undefine;
};

subtest 'making domains fails' => sub {
    my $old = $c->define_domain( xml('old') );
    throws( 'a name twice',     $failed,           sub { $c->define_domain( xml('old') ) } );
    throws( 'foreign flags',    $invalid_argument, sub { $c->create_domain( xml('x'), 1 << 30 ) } );
    throws( 'the same, define', $invalid_argument, sub { $c->define_domain( xml('x'), 1 << 30 ) } );
    throws( 'no XML',           qr/libvirt error/, sub { $c->define_domain($_) } )
        for q{}, '<domain', '<network/>', 'x' x 1e6;
    throws( 'B20: a NUL',  qr/xml holds a NUL/,    sub { $c->define_domain( xml('x') . "\0" ) } );
    throws( 'a reference', qr/xml is a reference/, sub { $c->create_domain( [] ) } );
    is( scalar( grep { $_->get_name eq 'x' } $c->list_all_domains ), 0, '... and leaves nothing behind' );
    $old->undefine;
};

subtest 'keys and signals' => sub {
    my $linux = Sys::Virt::Domain::KEYCODE_SET_LINUX();
    is( $d->send_key( $linux, 10, [ 1, 2 ] ),    undef, 'send_key' );
    is( $d->send_key( $linux, 10, [ 1 .. 16 ] ), undef, 'sixteen keys' );
    is_deeply( [ $d->send_key( $linux, 0, ['30'] ) ], [], 'numbers as strings' );
    throws( 'none',           $invalid_argument, sub { $d->send_key( $linux, 10,  [] ) } );
    throws( 'seventeen',      $invalid_argument, sub { $d->send_key( $linux, 10,  [ 1 .. 17 ] ) } );
    throws( 'a million',      $invalid_argument, sub { $d->send_key( $linux, 10,  [ (1) x 1e6 ] ) } );
    throws( 'two million',    $invalid_argument, sub { $d->send_key( $linux, '0', [ ('1') x 2e6 ] ) } );
    throws( 'an unknown set', $invalid_argument, sub { $d->send_key( 99,     10,  [1] ) } );
    throws( 'an unknown key', $internal,         sub { $d->send_key( $linux, 10,  [ 2**32 - 1 ] ) } );
    throws( 'B26: no array',  qr/keycodes is not an ARRAY reference/, sub { $d->send_key( $linux, 0, {} ) } );
    throws(
        'B23: a negative key',
        qr/keycodes\[1\] is out of range: -1/,
        sub { $d->send_key( $linux, 0, [ 1, -1 ] ) }
    );
    {
        my @warnings;
        local $SIG{__WARN__} = sub { push @warnings, @_ };
        $d->send_key( $linux, 0, [ undef, '12abc', q{}, '0 but true', 1 == 0 ] );
        my $in = qr/in Sys::Virt::Domain::send_key/;
        is( scalar @warnings, 3, 'A8: elements are numbers as perl converts them' );
        like(
            $warnings[0],
            qr/\AUse of uninitialized value $in \(keycodes\[0\]\) at \Q$0/,
            '... with its warnings'
        );
        like(
            $warnings[1],
            qr/\AArgument "12abc" isn't numeric $in \(keycodes\[1\]\) at \Q$0/,
            '... that name'
        );
        like( $warnings[2], qr/\AArgument "" isn't numeric $in \(keycodes\[2\]\) at \Q$0/,
            '... the element' );
    }
    my @keys = ( 1, 2 );
    $d->send_key( $linux, 0, \@keys );
    is_deeply( \@keys, [ 1, 2 ], 'the array is the caller\'s' );

    my $term = Sys::Virt::Domain::PROCESS_SIGNAL_TERM();
    my $dom  = $c->define_domain( xml('signals') );
    $dom->create;
    is( $dom->send_process_signal( 1, $term ), undef, 'send_process_signal' );
    throws( 'to an unknown process', $invalid_argument, sub { $dom->send_process_signal( -1, $term ) } );
    throws( 'B23: too large', qr/pid is out of range/,  sub { $dom->send_process_signal( 2**64, $term ) } );
    eval { $dom->destroy };
    $dom->undefine;
};

subtest 'lifecycle actions' => sub {
    my ( $poweroff, $preserve ) =
        ( Sys::Virt::Domain::LIFECYCLE_POWEROFF(), Sys::Virt::Domain::LIFECYCLE_ACTION_PRESERVE() );
    is( $d->set_lifecycle_action( $poweroff, $preserve ), undef, 'set_lifecycle_action' );
    like( $d->get_xml_description, qr/<on_poweroff>preserve</, '... is in the XML' );
    throws( 'no event',      $invalid_argument, sub { $d->set_lifecycle_action( 9,         $preserve ) } );
    throws( 'no action',     $invalid_argument, sub { $d->set_lifecycle_action( $poweroff, 9 ) } );
    throws( 'B23: negative', qr/type is out of range/, sub { $d->set_lifecycle_action( -1, 0 ) } );
};

subtest 'managed save' => sub {
    my $dom = $c->define_domain( xml('managed') );
    is( $dom->has_managed_save_image, 0, 'no image' );
    throws( 'none of one that is off', $not_now, sub { $dom->managed_save } );
    $dom->create;
    is( $dom->managed_save,           undef, 'managed_save' );
    is( $dom->has_managed_save_image, 1,     '... an image' );
    state_is( $dom, 'SHUTOFF', 'SAVED', '... and it is off' );
    throws( 'undefine wants a flag', $not_now, sub { $dom->undefine } );
    is( $dom->managed_save_remove,    undef, 'managed_save_remove' );
    is( $dom->has_managed_save_image, 0,     '... no image' );
    $dom->create;
    $dom->managed_save;
    $dom->create;
    is( $dom->is_active,              1, 'a start from the image' );
    is( $dom->has_managed_save_image, 0, '... uses it up' );
    $dom->managed_save;
    is( $dom->undefine( Sys::Virt::Domain::UNDEFINE_MANAGED_SAVE() ), undef, 'undefine with the flag' );
    throws( '... it no longer exists', $no_domain, sub { $c->get_domain_by_name('managed') } );
};

subtest 'save to a file' => sub {
    my $dir  = File::Temp->newdir;
    my $file = "$dir/s\x{e4}ved";
    my $dom  = $c->define_domain( xml('saved') );
    throws( 'not one that is off', $not_now, sub { $dom->save($file) } );
    ok( !-e $file, '... and no file' );
    $dom->create;
    is( $dom->save($file), undef, 'save' );
    is( $dom->is_active,   0,     '... and it is off' );
    ok( -s $file, 'the bytes of the name are the file\'s' );
    is( $c->restore_domain($file), undef, 'restore_domain' );
    is( $dom->is_active,           1,     '... and it runs' );
    throws( 'to nowhere', qr/libvirt error/, sub { $dom->save("$dir/none/file") } );
    is( $dom->is_active, 1, '... and it still runs' );
    throws( 'A6: invalid flags', qr/flags is out of range/, sub { $dom->save( $file, undef, -1 ) } );
    throws(
        'A6: an empty string',
        qr/params is not a HASH reference/,
        sub { $dom->save( $file, undef, q{} ) }
    );
    throws(
        'A6: code',
        qr/params is not a HASH reference/,
        sub {
            $dom->save( $file, undef, sub { } );
        }
    );
    throws( 'B20: a NUL', qr/to holds a NUL/, sub { $dom->save("$file\0x") } );
    my %params = ( file => "$dir/second" );
    if ( eval { $dom->save( undef, undef, \%params ); 1 } ) {
        ok( -s "$dir/second", 'save to the file of the hash' );
        $c->restore_domain( undef, undef, \%params );
    }
    else {
        is( $@->code, $unsupported, 'save to the file of the hash needs libvirt 8.4.0' );
    }
    is_deeply( \%params, { file => "$dir/second" }, 'A5: the hash is the caller\'s' );
    is( $dom->is_active, 1, 'it runs' );
    $dom->destroy;
    $dom->undefine;
};

subtest 'dump' => sub {
    my $dir = File::Temp->newdir;
    my $raw = Sys::Virt::Domain::CORE_DUMP_FORMAT_RAW();
    is( $d->core_dump("$dir/one"), undef, 'core_dump' );
    ok( -e "$dir/one", '... a file' );
    is( $d->core_dump_format( "$dir/two", $raw ), undef, 'core_dump_format' );
    ok( -e "$dir/two", '... a file' );
    throws( 'no directory', qr/libvirt error/,  sub { $d->core_dump("$dir/none/file") } );
    throws( 'no format',    $invalid_argument,  sub { $d->core_dump_format( "$dir/three", 99 ) } );
    throws( 'no file',      $invalid_argument,  sub { $d->core_dump(undef) } );
    throws( 'B20: a NUL',   qr/to holds a NUL/, sub { $d->core_dump("$dir/one\0") } );
    my $dom = $c->define_domain( xml('crashed') );
    throws( 'none of one that is off', $not_now, sub { $dom->core_dump("$dir/four") } );
    $dom->create;
    is( $dom->core_dump( "$dir/four", Sys::Virt::Domain::DUMP_CRASH() ), undef, 'with a flag' );
    state_is( $dom, 'SHUTOFF', 'CRASHED', '... it crashed' );
    $dom->undefine;
};

subtest 'what the test driver lacks' => sub {
    my $disk = Sys::Virt::NODE_SUSPEND_TARGET_DISK();
    my %call = (
        pm_suspend_for_duration          => [ $disk, 0 ],
        pm_wakeup                        => [],
        managed_save_get_xml_description => [],
        managed_save_define_xml          => ['<domain/>'],
    );
    for my $method ( sort keys %call ) {
        my $lived = eval { $d->$method( @{ $call{$method} } ); 1 };
        ok( $lived || ref $@ eq 'Sys::Virt::Error', "$method: libvirt decides" );
    }
    throws(
        'B23: a duration',
        qr/duration is out of range/,
        sub { $d->pm_suspend_for_duration( $disk, -1 ) }
    );
};

done_testing;
