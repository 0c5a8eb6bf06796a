# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Domains of a connection: looking them up, making them, restoring them, their statistics.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib" =~ /(.*)/s;    # untainted, for -T

use Test::More;
use Patience;
use Throws;
use File::Temp   ();
use Scalar::Util ();
use Sys::Virt;

local $SIG{ALRM} = sub { die "stuck\n" };
alarm 120;

my $c = Sys::Virt->new( uri => 'test:///default' );

# The test driver of an older libvirt has not all the functions; 9.0.0 is the oldest that has them for certain.
my $old  = $c->get_library_version < 9_000_000;
my $test = '6695eb01-f6a4-8304-79aa-97f2502e193f';

sub xml {
    my ($name) = @_;
    return "<domain type='test'><name>$name</name><memory>2048</memory><os><type>hvm</type></os></domain>";
}

# A string in the other of the two forms that perl may keep it in.
sub upgraded {
    my ($string) = @_;
    utf8::upgrade($string);
    return $string;
}

subtest 'lookups' => sub {
    my $d = $c->get_domain_by_name('test');
    isa_ok( $d, 'Sys::Virt::Domain' );
    is( $d->get_uuid_string,                                  $test,  'by name' );
    is( $c->get_domain_by_id(1)->get_name,                    'test', 'by id' );
    is( $c->get_domain_by_id('1')->get_name,                  'test', 'by id, a string' );
    is( $c->get_domain_by_uuid($test)->get_name,              'test', 'by UUID, 36 characters' );
    is( $c->get_domain_by_uuid( $test =~ s/-//gr )->get_name, 'test', '... 32 characters' );
    is( $c->get_domain_by_uuid( $d->get_uuid )->get_name,     'test', '... 16 bytes' );
    is( $c->get_domain_by_name( 'test', 'more' )->get_name, 'test', 'a function with one argument too many' );

    throws 'no such name',  42, sub { $c->get_domain_by_name('nope') };
    throws 'an empty name', 42, sub { $c->get_domain_by_name(q{}) };
    throws 'no such id',    42, sub { $c->get_domain_by_id(99) };
    throws 'a negative id', 8,  sub { $c->get_domain_by_id(-1) };
    {
        my $line = __LINE__ + 1;
        eval { $c->get_domain_by_uuid('1234') };
        like( $@, qr/\AUUID must be .* at \Q$0\E line $line\b/, q{B35: the caller's line} );
        my $warning = q{};
        local $SIG{__WARN__} = sub { $warning = shift };
        $line = __LINE__ + 1;
        eval { $c->get_domain_by_name(undef) };
        like( $warning, qr/\AUse of uninitialized value .* at \Q$0\E line $line\b/, 'B35: of warnings too' );
    }
    throws 'no such UUID',   42, sub { $c->get_domain_by_uuid( "\0" x 16 ) };
    throws 'no UUID at all', 8,  sub { $c->get_domain_by_uuid( 'x' x 36 ) };
    throws 'UUID of bad length',
        qr/\AUUID must be either 16 unsigned bytes, or 32\/36 hex characters long at \Q$0/,
        sub { $c->get_domain_by_uuid('1234') };
    throws 'a name that is a reference', qr/name is a reference/, sub { $c->get_domain_by_name( [] ) };
    throws 'a name that is a handle',    qr/name is a reference/, sub { $c->get_domain_by_name($c) };
    throws 'an invalid invocant', qr/con is not a blessed SV reference/,
        sub { Sys::Virt::get_domain_by_name( 'x', 'test' ) };

    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    throws 'an undefined name', 42, sub { $c->get_domain_by_name(undef) };
    throws 'no name',           42, sub { $c->get_domain_by_name };
    is(
        scalar(
            grep { /\AUse of uninitialized value in Sys::Virt::get_domain_by_name \(name\) at \Q$0/ }
                @warnings
        ),
        2,
        '... are warned about where they were written'
    );
    @warnings = ();

    for my $method (qw(get_domain_by_name get_network_by_name get_storage_pool_by_name)) {
        throws "B39: $method without a name", qr/not found.* \(the name is an empty string\)\n/,
            sub { $c->$method() };
    }
    @warnings = ();
    throws 'an id that is not a number', 42, sub { $c->get_domain_by_id('abc') };
    like(
        $warnings[0],
        qr/\AArgument "abc" isn't numeric in Sys::Virt::get_domain_by_id \(id\) at \Q$0/,
        '... is warned about'
    );
};

subtest 'closed connection' => sub {
    my $closed = Sys::Virt->new( uri => 'test:///default' );
    $closed->DESTROY;
    for my $method (qw(list_domains list_defined_domains num_of_domains list_all_domains)) {
        throws $method, 6, sub { $closed->$method };
    }
    throws 'get_all_domain_stats', 6, sub { $closed->get_all_domain_stats(0) };
    throws 'get_domain_by_name',   6, sub { $closed->get_domain_by_name('test') };
};

throws 'B20: a NUL in a name', qr/get_domain_by_name: name holds a NUL character at \Q$0/,
    sub { $c->get_domain_by_name("test\0junk") };
throws 'B20: a NUL in a file name', qr/from holds a NUL character/, sub { $c->restore_domain("/a\0b") };

subtest 'B21: UUIDs in either form' => sub {
    my $uuid = $c->get_domain_by_name('test')->get_uuid;
    is( $c->get_domain_by_uuid( upgraded($uuid) )->get_name, 'test', 'upgraded bytes' );
    throws 'a wide character', qr/uuid holds a wide character/,
        sub { $c->get_domain_by_uuid( "\x{263a}" . 'x' x 15 ) };
};

subtest 'B22: characters 128 to 255' => sub {
    my $name = "gr\xfcn";
    for my $xml ( xml($name), upgraded( xml($name) ) ) {
        my $d = $c->define_domain($xml);
        is( $d->get_name,                                    "gr\xc3\xbcn", 'libvirt gets UTF-8' );
        is( $c->get_domain_by_name($name)->get_name,         "gr\xc3\xbcn", 'found by its characters' );
        is( $c->get_domain_by_name("gr\xc3\xbcn")->get_name, "gr\xc3\xbcn", 'and by its bytes' );
        $d->undefine;
    }
};

subtest 'B23: integers out of range' => sub {
    throws 'flags too large',
        qr/define_domain: flags is out of range: 4294967296 is not within 0 to 4294967295/,
        sub { $c->define_domain( xml('x'), 2**32 ) };
    throws 'negative flags', qr/flags is out of range: -1/, sub { $c->create_domain( xml('x'), -1 ) };
    throws 'id too large',   qr/id is out of range/,        sub { $c->get_domain_by_id( 2**31 ) };
    throws 'id too small',   qr/id is out of range/,        sub { $c->get_domain_by_id( -2**31 - 1 ) };
    throws 'id not a number', qr/id is not a finite number/,
        sub { $c->get_domain_by_id( 'inf' * length('x') ) };
    throws 'id a reference',   qr/id is a reference, not a number/, sub { $c->get_domain_by_id( [] ) };
    throws 'stats too large',  qr/stats is out of range/,           sub { $c->get_all_domain_stats( 2**32 ) };
    throws 'maxids too large', qr/maxids is out of range/,          sub { $c->list_domain_ids( 2**31 ) };
};

subtest 'making domains' => sub {
    my $d = $c->define_domain( xml('defined') );
    isa_ok( $d, 'Sys::Virt::Domain' );
    is( $d->is_active,     0, 'define_domain does not start it' );
    is( $d->is_persistent, 1, '... and it stays' );
    $d->undefine;
    throws 'flags that the driver refuses', 8, sub { $c->define_domain( xml('x'), 64 ) };

    $d = $c->create_domain( xml('created') );
    is( $d->is_active,     1, 'create_domain starts it' );
    is( $d->is_persistent, 0, '... and it disappears when it stops' );
    $d->destroy;
    throws 'flags that the driver refuses', 8,  sub { $c->create_domain( xml('x'), 4096 ) };
    throws 'XML of something else',         27, sub { $c->create_domain('<x/>') };
    throws 'XML of something else',         27, sub { $c->define_domain('<x/>') };
    throws 'no XML',                        35, sub { $c->define_domain(q{}) };
    open my $fh, '<', $0 or die "$0: $!";
    $d = eval { $c->create_domain_with_files( xml('files'), [ fileno $fh ] ) };
    ok( $d ? $d->get_name eq 'files' : $@->code == 3, 'with files, if the driver can' );
    $d->destroy if $d;
    throws 'B26: files that are a hash', qr/create_domain_with_files: fds is not an ARRAY reference/,
        sub { $c->create_domain_with_files( xml('x'), {} ) };
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };

    for my $files ( '3', undef, ['x'], [ 0, undef ] ) {
        $d = eval { $c->create_domain_with_files( xml('x'), $files ) };
        ok( $d ? $d->get_name eq 'x' : $@->code == 3,
            'what is not an array is none, and elements are numbers' );
        $d->destroy if $d;
    }
    my $method = qr/Sys::Virt::create_domain_with_files/;
    like(
        "@warnings",
        qr/\A$method: fds is not an ARRAY reference, and is ignored at .*
 Argument "x" isn't numeric in $method \(fds\[0\]\) at .*
 Use of uninitialized value in $method \(fds\[1\]\) at /, 'A8: ... with warnings'
    );
};

subtest 'save and restore' => sub {
    my $dir  = File::Temp->newdir;
    my $file = "$dir/im\xe4ge";
    $c->create_domain( xml('saved') )->save($file);
    ok( -s $file, 'the file has the given name, byte for byte' );
    like( $c->get_save_image_xml_description($file), qr/<name>saved</, 'get_save_image_xml_description' );
    $c->define_save_image_xml( $file, $c->get_save_image_xml_description($file) );
    is_deeply( [ $c->restore_domain($file) ], [], 'restore_domain returns nothing' );
    is( $c->get_domain_by_name('saved')->is_active, 1, '... and starts the domain' );
    $c->get_domain_by_name('saved')->destroy;

    throws 'no such file',         38, sub { $c->restore_domain('/nonexistent/image') };
    throws 'no such file',         38, sub { $c->get_save_image_xml_description('/nonexistent/image') };
    throws 'no such file',         38, sub { $c->define_save_image_xml( '/nonexistent/image', '<x/>' ) };
    throws 'new XML, unsupported', 74, sub { $c->restore_domain( $file, '<x/>' ) };
    my $neither = qr/\AEither \$from or \$params parameter must be supplied at \Q$0/;
    throws 'nothing to restore from', $neither, sub { $c->restore_domain };
    throws 'nothing to restore from', $neither, sub { $c->restore_domain( undef, '<x/>' ) };

    subtest 'A5: the hash of parameters is only read' => sub {
        my %params = ( image_format => 'raw' );
        throws 'unsupported here', 3, sub { $c->restore_domain( $file, '<x/>', \%params ) };
        is_deeply( \%params, { image_format => 'raw' }, 'unchanged' );
        %params = ();
        is( $file, "$dir/im\xe4ge", 'nor does emptying it touch the other arguments' );
        throws 'a file among the parameters', 3,
            sub { $c->restore_domain( undef, undef, { file => $file } ) };
    };
    subtest 'A6: flags as the third argument' => sub {
        throws 'flags', 8, sub { $c->restore_domain( $file, undef, 64 ) };
        like( $@, qr/0x40/, '... reach libvirt' );
        throws 'flags as a string', 8, sub { $c->restore_domain( $file, undef, '64' ) };
        $c->restore_domain( $file, undef, 0 );
        is( $c->get_domain_by_name('saved')->is_active, 1, 'flags 0' );
        throws 'a word', qr/params is not a HASH reference/, sub { $c->restore_domain( $file, undef, 'x' ) };
        throws 'an array', qr/params is not a HASH reference/, sub { $c->restore_domain( $file, undef, [] ) };
        throws 'too large', qr/flags is out of range/, sub { $c->restore_domain( $file, undef, 2**32 ) };
        $c->get_domain_by_name('saved')->destroy;
    };
    throws 'B24: an unknown parameter', 8,
        sub { $c->restore_domain( $file, undef, { image_fromat => 'raw' } ) };
    like( $@, qr/image_fromat/, '... is named' );
    throws 'a blessed hash is a hash', 8,
        sub { $c->restore_domain( $file, undef, bless { a => 1 }, 'Some::Class' ) };
};

subtest 'get_all_domain_stats' => sub {
    plan skip_all => 'the test driver of this libvirt lacks virConnectGetAllDomainStats' if $old;
    my $d       = $c->get_domain_by_name('test');
    my $stopped = $c->define_domain( xml('stopped') );
    my %all     = map { $_->{dom}->get_name => $_->{data} } $c->get_all_domain_stats(0);
    is_deeply(
        \%all,
        {
            test    => { 'state.state' => 1, 'state.reason' => 0 },
            stopped => { 'state.state' => 5, 'state.reason' => 0 },
        },
        'a record for each domain'
    );
    my @all = $c->get_all_domain_stats( Sys::Virt::Domain::STATS_STATE(), undef );
    is( @all, 2, 'no array' );
    is_deeply( [ sort keys %{ $all[0] } ], [qw(data dom)], 'two keys' );
    isa_ok( $all[0]{dom}, 'Sys::Virt::Domain' );
    is( @all = $c->get_all_domain_stats( 0, [] ),   2, 'an empty array' );
    is( @all = $c->get_all_domain_stats( 0, [$d] ), 1, 'one domain' );
    is( $all[0]{dom}->get_name,                                 'test', '... the given domain' );
    is( @all = $c->get_all_domain_stats( 0, [ $stopped, $d ] ), 2,      'two domains' );
    is_deeply( [ map { $_->{dom}->get_name } @all ], [qw(stopped test)], '... in that order' );
    is( @all = $c->get_all_domain_stats( 0, undef, Sys::Virt::Domain::GET_ALL_STATS_ACTIVE() ), 1, 'flags' );
    is( ref scalar( $c->get_all_domain_stats( 0, [$d] ) ), 'HASH', 'B31: the last record in scalar context' );
    is_deeply( [ map { $_->{data} } $c->get_all_domain_stats( 1 << 30, [$d] ) ],
        [ {} ], 'unknown statistics' );
    throws 'unknown statistics, enforced', 74,
        sub { $c->get_all_domain_stats( 1 << 30, undef, Sys::Virt::Domain::GET_ALL_STATS_ENFORCE_STATS() ) };
    throws 'unknown flags', 8, sub { $c->get_all_domain_stats( 0, undef, 1 << 20 ) };

    throws 'A7: domains that are no array', qr/doms is not an ARRAY reference/,
        sub { $c->get_all_domain_stats( 0, $_ ) }
        for 'x', {}, $d;
    my $number = 4096;
    my $closed = $c->get_domain_by_name('test');
    $closed->DESTROY;
    throws 'A8: an element that is no domain',
        qr/doms\[1\] is not (?:an open Sys::Virt::Domain|a blessed SV reference|a Sys::Virt::Domain)/,
        sub { $c->get_all_domain_stats( 0, [ $d, $_ ] ) }

        for undef, 1, 'test', {}, $c, $closed, bless( \$number, 'Sys::Virt::Domain' );
    my @holes;
    $#holes = 3;
    throws 'A8: a hole', qr/doms\[0\] is not a blessed SV reference/,
        sub { $c->get_all_domain_stats( 0, \@holes ) };

    my ($record) = $c->get_all_domain_stats( 0, [$d] );
    my @weak = ( $record, $record->{data}, $record->{dom} );
    Scalar::Util::weaken($_) for @weak;
    undef $record;
    is_deeply( \@weak, [ undef, undef, undef ], 'C2: a record goes with its last reference' );
    $stopped->undefine;
};

throws 'conversion, unsupported', 3, sub { $c->domain_xml_from_native( 'qemu-argv', 'qemu' ) };
throws 'conversion, unsupported', 3, sub { $c->domain_xml_to_native( 'qemu-argv', xml('x') ) };
my $capabilities = eval { $c->get_domain_capabilities( undef, undef, undef, undef ) };
like(
    $capabilities // $@->message,
    qr/<domainCapabilities>|not supported/,
    'domain capabilities, from libvirt 9.9 on'
);
throws 'domain capabilities, usage',
    qr/\AUsage: \S+::get_domain_capabilities\(con, emulatorsv, archsv, machinesv, virttypesv, flags=0\) at/,
    sub { $c->get_domain_capabilities };

done_testing;
