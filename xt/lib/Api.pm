# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The symbols of libvirt's API, from its description in XML, and those that the Rust source names: for xt/api-coverage.t, which
# wants nothing missing, and tools/new-in-libvirt, which lists what is.
package Api;
use strict;
use warnings;

use File::Basename ();
use File::Find     ();

our $top = File::Basename::dirname(__FILE__) . '/../..';

my @functions_left_out = (
    [
        qr/\Avir(?:Conn)?(?:Copy|Get|Reset|Set|Save|Free|Default)\w*Error\w*\z/,
        'errors are read in one place, per thread'
    ],
    [ qr/\AvirConnectOpen(?:ReadOnly)?\z/,        'virConnectOpenAuth does all of it' ],
    [ qr/\AvirDomainMigrate(?:2|ToURI2?)?\z/,     'the newest functions take everything the older ones do' ],
    [ qr/\AvirTypedParams(?:Add|Clear|Get)\w*\z/, 'rust/virt/params.rs writes and reads the structures' ],
    [ qr/\AvirDomainCreateLinux\z/,               'an old name of virDomainCreateXML' ],
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

# The descriptions that come with the installed libvirt: of libvirt itself, and of its three smaller libraries.
sub files {
    my %variable =
        ( libvirt => 'libvirt_api', map { ( "libvirt-$_" => "libvirt_${_}_api" ) } qw(qemu lxc admin) );
    my @files;
    for my $library ( sort keys %variable ) {
        chomp( my $xml = qx{pkg-config --variable=$variable{$library} $library} );
        -r $xml or die "there is no API description of $library at '$xml' (Debian: libvirt-dev)\n";
        push @files, $xml;
    }
    return @files;
}

# All that the files describe, as hashes: kind (function, constant, text, event), name, since, info, type (of a constant: its
# enum), value; args (type and name) and result, result_info of a function. And the callbacks' types, by name.
sub read {    ## no critic (ProhibitBuiltinHomonyms)
    my (@files) = @_;
    require XML::LibXML;
    my ( @symbols, %callbacks );
    for my $name (@files) {
        my $api = XML::LibXML->load_xml( location => $name );
        for my $node ( $api->findnodes('/api/symbols/function | /api/symbols/functype') ) {
            my $function = function($node);
            if ( $node->nodeName eq 'functype' ) { $callbacks{ $function->{name} } = $function }
            else                                 { push @symbols, $function }
        }
        for my $node ( $api->findnodes('/api/symbols/enum | /api/symbols/macro') ) {
            my %of = map { $_->nodeName => $_->value } $node->attributes;
            next if $of{name} !~ /\AVIR_/;
            my $info = $of{info} // $node->findvalue('info');
            $of{kind} =
                  $of{name} =~ /_EVENT_ID_/ && ( $of{type} // q{} ) =~ /EventID\z/ ? 'event'
                : defined $of{string}                                              ? 'text'
                :                                                                    'constant';
            push @symbols, { %of, since => $of{version}, info => $info =~ s/\s+/ /gr };
        }
    }
    return ( \@symbols, \%callbacks );
}

sub function {
    my ($node)   = @_;
    my ($return) = $node->findnodes('return');
    return {
        kind        => 'function',
        name        => $node->getAttribute('name'),
        since       => $node->getAttribute('version'),
        info        => $node->findvalue('info') =~ s/\A\s+|\n\s*\n.*//gsr =~ s/\s+/ /gr,
        result      => $return ? $return->getAttribute('type')        : 'void',
        result_info => $return ? $return->getAttribute('info') // q{} : q{},
        args        => [
            map { { type => $_->getAttribute('type'), name => $_->getAttribute('name') } }
                $node->findnodes('arg')
        ],
    };
}

# The names in the Rust source: libvirt's names (keys of `named`), constants (name in C => file, Perl's name, section), and
# how many events each class has.
sub source {
    my ($rust) = @_;
    my %found  = ( named => {}, constants => {}, events => {} );
    my $look   = sub {
        return if !/[.]rs\z/;
        open my $file, '<', $_ or die "$_: $!\n";
        my $text = do { local $/ = undef; <$file> };
        $found{named}{$1} = 1 while $text =~ /\b(vir[A-Z]\w+|VIR_\w+)\b/g;
        while ( $text =~ /^( *)events! [{] (\w+),.*?\n(.*?)^\1[}]/msg ) {
            my ( $class, $rows ) = ( $2, $3 );
            $found{events}{$class} = () = $rows =~ /^\s+vir\w+Callback => \w+[(]/mg;
        }
        my $name = s/.*\/(?=rust\/)//r;
        return if $name !~ m{/constants/};
        while ( $text =~ /^ +(integers|texts) [{]\n(.*?)^ {4}[}]/msg ) {
            my ( $section, $rows ) = ( $1, $2 );
            $found{constants}{$2} = { perl => $1, file => $name, section => $section }
                while $rows =~ /^ +(\w+) = (VIR_\w+);/mg;
        }
    };
    File::Find::find( { no_chdir => 1, wanted => $look }, $rust // "$top/rust" );
    return \%found;
}

# The functions that are looked up at run time, by the tables in rust/: name => since, args (types in C) and result.
sub looked_up {
    my %found;
    for my $name (qw(virt/newer boundary/library)) {
        open my $file, '<', "$top/rust/$name.rs" or die "rust/$name.rs: $!\n";
        while (<$file>) {
            my ( $since, $function, $args, $result ) = /\A\s+"([\d.]+)" fn (\w+)\((.*)\) -> (.*);/ or next;
            my @args = map { /\A(?:r#)?(\w+): (.*)\z/ ? { name => $1, type => c_type($2) } : () } split /, /,
                $args;
            $found{$function} = {
                name   => $function,
                since  => $since,
                args   => \@args,
                result => c_type($result),
                file   => $name
            };
        }
    }
    return %found;
}

# A type of Rust's in C.
sub c_type {
    my ($type) = @_;
    my %plain = (
        c_char      => 'char',
        c_int       => 'int',
        c_uint      => 'unsigned int',
        c_longlong  => 'long long',
        c_ulonglong => 'unsigned long long',
        c_void      => 'void',
    );
    return c_type($1) . ( $1 =~ /\A[*]/ ? q{*} : q{ *} ) if $type =~ /\A[*]mut (.*)\z/;
    return 'const ' . c_type($1) . q{ *}                 if $type =~ /\A[*]const (.*)\z/;
    return $plain{$type} // $type;
}

# Why the source may go without it; nothing if it may not.
sub left_out {
    my ($symbol) = @_;
    my @list     = $symbol->{kind} eq 'function' ? @functions_left_out : @constants_left_out;
    my ($why)    = grep { $symbol->{name} =~ $_->[0] } @list;
    return $why ? $why->[1] : ();
}

# The Rust name of the class whose events these are.
sub event_class { my ($symbol) = @_; return $symbol->{type} =~ s/\Avir(\w+)EventID\z/$1/r }

# Those of the symbols that the source neither binds nor may go without. An event also needs its row.
sub missing {
    my ( $source, @symbols ) = @_;
    my @missing;
    for my $symbol (@symbols) {
        next if left_out($symbol);
        my $bound = $source->{named}{ $symbol->{name} };
        $bound &&= $symbol->{value} < ( $source->{events}{ event_class($symbol) } // 0 )
            if $symbol->{kind} eq 'event';
        push @missing, $symbol if !$bound;
    }
    return @missing;
}

1;
