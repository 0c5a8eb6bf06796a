# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Every function and constant of the installed libvirt's API stands in rust/, or here with its reason.
use strict;
use warnings;

use FindBin    ();
use File::Find ();
use Test::More;

chomp( my $xml = qx{pkg-config --variable=libvirt_api libvirt} );
eval { require XML::LibXML; 1 } or plan skip_all => 'needs XML::LibXML (Debian: libxml-libxml-perl)';
-r $xml                         or die "there is no API description at '$xml' (Debian: libvirt-dev)\n";
my $api = XML::LibXML->load_xml( location => $xml );

my %named;
my %call_types;
File::Find::find(
    {
        no_chdir => 1,
        wanted   => sub {
            return if !/[.]rs\z/;
            open my $file, '<', $_ or die $!;
            my $text = do { local $/ = undef; <$file> };
            $named{$1} = 1 while $text =~ /\b(vir[A-Z]\w+|VIR_\w+)\b/g;
        },
    },
    "$FindBin::Bin/../rust"
);

my @functions_left_out = (
    [
        qr/\Avir(?:Conn)?(?:Copy|Get|Reset|Set|Save|Free|Default)\w*Error\w*\z/,
        'errors are read in one place, per thread'
    ],
    [ qr/\AvirConnectOpen(?:ReadOnly)?\z/,    'virConnectOpenAuth does all of it' ],
    [ qr/\AvirDomainMigrate(?:2|ToURI2?)?\z/, 'the newest functions take everything the older ones do' ],
    [ qr/\AvirTypedParams(?:Add|Clear|Get)\w*\z/,   'rust/virt/params.rs writes and reads the structures' ],
    [ qr/\AvirDomainCreateLinux\z/,           'an old name of virDomainCreateXML' ],
    [
        qr/\Avir(?:Domain|Network|StoragePool|NWFilter|Secret|NetworkPort)GetUUIDString\z/,
        'formatted from the raw UUID'
    ],
);
my @constants_left_out = (
    [ qr/_LAST\z/,                                                'the end of an enumeration' ],
    [ qr/\AVIR_TYPED_PARAM_/,                                     'types are not visible in Perl' ],
    [ qr/\AVIR_DOMAIN_(?:SCHED_FIELD|BLKIO_PARAM|MEMORY_PARAM)_/, 'older names of the types' ],
    [ qr/\ALIBVIR_/, 'the version that was compiled against; get_version is the one in use' ],
    [ qr/_(?:BUFLEN|FIELD_LENGTH|LENGTH)\z/,       'sizes of buffers in C' ],
    [ qr/\AVIR_CPU_COMPARE_ERROR\z/,               'thrown as an exception' ],
    [ qr/\AVIR_DOMAIN_MEMORY_STAT_NR\z/,           'the number of statistics in C' ],
    [ qr/_NONE\z|_NO_ERROR\z|\AVIR_DOMAIN_NONE\z/, 'no flags' ],
    [
        qr/\AVIR_(?:COPY_CPUMAP|CPU_MAPLEN|CPU_USABLE|CPU_USED|GET_CPUMAP|NODEINFO_MAXCPUS|UNUSE_CPU|USE_CPU)\z/,
        'macros of C'
    ],
    [ qr/\AVIR_\w+_EVENT_CALLBACK\z|\AVIR_EXPORT|\AVIR_DEPRECATED/, 'macros of C' ],
    [ qr/\AVIR_STREAM_RECV_STOP_AT_HOLE\z|\AVIR_KEYCODE_SET_RFB\z/, 'bound under another name' ],
    [ qr/\AVIR_SECURITY_|\AVIR_UUID_/,                              'sizes of buffers in C' ],
);

sub left_out {
    my ( $name, @list ) = @_;
    return grep { $name =~ $_->[0] } @list;
}

my $functions = 0;
my @missing;
for my $node ( $api->findnodes('/api/symbols/function') ) {
    my $name = $node->getAttribute('name');
    $functions++;
    push @missing, $name if !$named{$name} && !left_out( $name, @functions_left_out );
}
cmp_ok( $functions, '>', 450, 'the API description has functions' );
is( "@missing", q{}, 'every function is called, or stands in the list' );

@missing = ();
my $constants = 0;
for my $node ( $api->findnodes('/api/symbols/enum | /api/symbols/macro') ) {
    my $name = $node->getAttribute('name');
    next if $name !~ /\AVIR_/;
    $constants++;
    push @missing, $name if !$named{$name} && !left_out( $name, @constants_left_out );
}
cmp_ok( $constants, '>', 1_250, 'and constants' );
is( "@missing", q{}, 'every constant is bound, or stands in the list' );

subtest 'newer functions' => sub {
    open my $file, '<', "$FindBin::Bin/../rust/virt/newer.rs" or die $!;
    my %newer;
    while (<$file>) {
        my ( $since, $name, $args ) = /\A\s+"([\d.]+)" fn (\w+)\((.*)\) ->/ or next;
        $newer{$name} = { since => $since, args => scalar( () = $args =~ /: /g ) };
    }
    cmp_ok( scalar keys %newer, '>', 25, 'the table was read' );
    for my $name ( sort keys %newer ) {
        my ($node) = $api->findnodes("/api/symbols/function[\@name='$name']") or next;
        is( $newer{$name}{since}, $node->getAttribute('version'), "$name: version" )
            if $node->getAttribute('version');
        is( $newer{$name}{args}, scalar( () = $node->findnodes('arg') ), "$name: number of arguments" );
    }

    # What the shared object itself requires: nothing that the oldest libvirt lacks.
    my ($so)     = grep { -e } map { "$_/auto/Sys/Virt/Virt.so" } @INC, 'blib/arch';
    my @required = qx{objdump -T "$so"} =~ /LIBVIRT_(\d+[.]\d+[.]\d+)/g;
    cmp_ok( scalar @required, '>', 300, 'symbols of libvirt' );
    my @too_new = grep { my ($major) = split /[.]/; $major > 6 || $_ =~ /\A6[.][1-9]/ } @required;
    is( "@too_new", q{}, 'none is younger than 6.0.0' );
};

done_testing;
