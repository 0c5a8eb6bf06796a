# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The manual is true where a machine can check it: signatures are those of the usage texts, every argument is
# explained, the C functions are those that are called, every constant has a meaning, every name and link leads somewhere.
use strict;
use warnings;

use Pod::Simple::SimpleTree ();
use Test::More;
use lib 'xt/lib';
use Api ();
use Sys::Virt;
use Sys::Virt::Async;    # %composed
use Sys::Virt::Admin;
use Sys::Virt::Event;
use Sys::Virt::LXC;
use Sys::Virt::QEMU;

my @short =
    qw(Domain DomainSnapshot DomainCheckpoint Error Event EventImpl Interface Network NetworkPort NodeDevice NWFilter
    NWFilterBinding Secret StoragePool StorageVol Stream QEMU LXC Admin Admin::Server Admin::Client);
my @classes = ( 'Sys::Virt', map { "Sys::Virt::$_" } @short );

sub slurp {
    my ($name) = @_;
    open my $file, '<:encoding(UTF-8)', $name or die "$name: $!";
    local $/ = undef;
    return scalar <$file>;
}

sub page { return 'lib/' . $_[0] =~ s{::}{/}gr . '.pod' }

my %text = map { $_ => slurp($_) } 'lib/Sys/Virt.pod', glob 'lib/Sys/Virt/*.pod lib/Sys/Virt/*/*.pod';

# The entries of a class: headings that are names of methods, the calls below them, and the text below these.
sub entries {
    my ($class) = @_;
    my @entries;
    return if $class eq 'Sys::Virt::EventImpl';    # methods that a script provides
    while ( $text{ page($class) } =~ /^=head2 (\w+)\n\n((?:    [^\n]*\n)+)\n(.*?)(?=^=head|^=cut)/msg ) {
        my ( $name, $calls, $body ) = ( $1, $2, $3 );
        push @entries, { name => $name, items => [ $calls =~ /^ +(\S.*)$/mg ], body => $body };
    }
    return @entries;
}

# Methods of ours alone, written in Perl: no function of libvirt, no usage text.
my %perl = map { $_ => 1 }
    qw(name_of handle handle_error send_from receive_to code_name domain_name file line str1 str2 str3 int1 int2),
    qw(async async_limits set_call_timeout),
    keys %Sys::Virt::Async::composed;

# --- Signatures. The usage text is what a sub says when it gets far too many arguments.

sub usage {
    my ( $class, $name ) = @_;
    my $sub = $class->can($name) or return;
    local $@ = undef;
    local $SIG{__WARN__} = sub { };
    eval { $sub->( (1) x 60 ) };
    my ($arguments) = $@ =~ /\AUsage: \Q$class\E::\Q$name\E\((.*?)\)/ or return;
    my @arguments   = split /, /, $arguments;
    unshift @arguments, q{} if $class =~ /::(?:Event|QEMU|LXC)\z/;    # functions
    return @arguments;
}

# The usage texts are those of the original, with its variables' names: newparams, mountPointsSV, doms_sv, &PL_sv_undef.
my %spelled = ( newparams => 'params', newident => 'ident', code => 'sub' );

sub plain {
    my ($argument) = @_;
    my ( $name, $default ) = split /\s*=\s*/, $argument =~ s/\A\\?[\$%@]//r;
    $name = lc $name =~ s/_?(?:sv|SV|Sv|ref)\z//r;
    $name = $spelled{$name} // $name;
    return $name if !defined $default;
    $default = 'undef' if $default eq '&PL_sv_undef';
    $default = -1      if $default =~ /\AVIR_NODE_(?:CPU_STATS_ALL_CPUS|MEMORY_STATS_ALL_CELLS)\z/;
    return "$name=$default";
}

sub listed {
    return join ', ', map { plain($_) } @_;
}

# Those that say nothing take what the original takes, or more: see ADDITIONS AND SPEED in Sys::Virt::Compat.
my ( %called, %takes, %returns );
for ( split /\n/, slurp('xt/stub/methods.tsv') ) {
    next if /\A#/;
    my ( $class, $name, $arguments, undef, $functions, $returns ) = split /\t/;
    $returns{$class}{$name} = $returns;
    $called{$class}{$name}  = [ $functions =~ /vir[A-Z]\w+/g ];
    $takes{$class}{$name}   = $arguments eq '-' ? [] : [ map { [ split /, / ] } split / *[|] */, $arguments ];
}
my %more = map { $_ => 1 }
    qw(create_storage_pool create_interface get_node_device_scsihost_by_wwn get_snapshot_by_name
    get_checkpoint_by_name create create_volume clone_volume migrate2 migrate_to_uri2 new);

my $compared = 0;
for my $class (@classes) {
    my @wrong;
    for my $entry ( entries($class) ) {
        my @usage = usage( $class, $entry->{name} );
        my $takes = $takes{$class}{ $entry->{name} };
        my @real =
            @usage
            ? listed( @usage[ 1 .. $#usage ] )
            : $takes ? map { listed(@$_) } @$takes
                ? @$takes
                : []
            : next;
        my @written =
            map { listed( split /, / ) } map { /\Q$entry->{name}\E\((.*)\)\z/ } @{ $entry->{items} };
        next if !@usage && $more{ $entry->{name} };
        $compared++;
        push @wrong, "$entry->{name}(@{[ join ' or ', @written ]}) is really (@{[ join ' or ', @real ]})"
            if join( ' or ', @written ) ne join ' or ', @real;
    }
    is( join( "\n", @wrong ), q{}, "$class: signatures are those of the usage texts" );
}
cmp_ok( $compared, '>=', 430, "$compared signatures were compared" );

# --- Each argument of an entry is explained in it; each entry says which libvirt has it.

for my $class (@classes) {
    my ( @silent, @nowhere );
    for my $entry ( grep { $_->{name} ne 'new' } entries($class) ) {
        my %argument =
            map { $_ => 1 } map { / *\\?[\$%@](\w+)(?=[,)=])/g } map { s/\A[^(]*//r } @{ $entry->{items} };
        my $body = $entry->{body} =~ s/^libvirt:.*//msr;
        push @silent, map { "$entry->{name}: $_" } grep { $body !~ /[\$%]\Q$_\E\b/ } sort keys %argument;
        push @nowhere, $entry->{name}
            if $entry->{body} !~ /C<vir[A-Z]\w+>/
            && $class !~ /Error|EventImpl/
            && $entry->{name} ne 'close'
            && !$perl{ $entry->{name} };
    }
    is( join( "\n", @silent ),  q{}, "$class: every argument is explained" );
    is( join( "\n", @nowhere ), q{}, "$class: every entry names libvirt's function" );
}

# --- The functions named are those that the original calls, which xt/stub.t holds ours to.

for my $class (@classes) {
    my ( @wrong, @missing );
    for my $entry ( entries($class) ) {
        my $called = $called{$class}{ $entry->{name} };
        if ( !$called ) {    # ours alone, or forgotten
            push @missing, $entry->{name}
                if !$perl{ $entry->{name} }
                && $entry->{name} !~
                /\A(?:close|detach|get_(?:connect|domain|network)|\w+_json(?:_with_files)?)\z/;
            next;
        }
        my %named = map { $_ => 1 } $entry->{body} =~ /C<(vir[A-Z]\w+)>/g;
        push @wrong, map { "$entry->{name}: $_" } grep { !$named{$_} } @$called;
    }
    is( join( "\n", @wrong ),   q{}, "$class: names the functions that xt/stub/methods.tsv has" );
    is( join( q{ }, @missing ), q{}, "$class: xt/stub/methods.tsv has a row for every method" );
}

# --- The version of each entry is that of one of its functions, as far as the libvirt that is installed knows it.

my $xml   = join q{}, map { slurp($_) } Api::files();
my %since = $xml =~ /<(?:function|functype|enum|macro) name='(\w+)'[^>]* version='([\d.]+)'/g;
cmp_ok( scalar keys %since, '>', 1_000, 'libvirt has versions' ) if Sys::Virt->get_version >= 9_000_000;
for my $class (@classes) {
    my @wrong;
    for my $entry ( entries($class) ) {
        my ( $functions, $version ) =
            $entry->{body} =~ /^libvirt:\s(.*?);\s+since\slibvirt\s(\d+[.]\d+[.]\d+)\b/ms;
        if ( !defined $version ) {
            push @wrong, $entry->{name}
                if $class !~ /Error|EventImpl/ && $entry->{name} ne 'close' && !$perl{ $entry->{name} };
            next;
        }
        my %real = map { $_ => 1 } map { $since{$_} // () } $functions =~ /C<(vir\w+)>/g;
        push @wrong, "$entry->{name}: $version" if %real && !$real{$version};
    }
    is( join( q{ }, @wrong ), q{}, "$class: versions of methods are the real ones" );
}

# --- Results: what the items assign.

for my $class (@classes) {
    my @wrong;
    for my $entry ( entries($class) ) {
        my $returns = $returns{$class}{ $entry->{name} } // next;
        my ($shown) = $entry->{items}[0] =~ /\Amy (\S+) = /;
        my $right =
              $entry->{name} =~ /\Afs_(?:freeze|thaw)\z/ ? qr/\A[\$]number\z/
            : $returns       =~ /\A(?:nothing|-)/        ? undef
            : $returns       =~ /\Alist/                 ? qr/\A@(?:list|values)\z/
            : $returns       =~ /\Ahashref/              ? qr/\A[\$]hash\z/
            : $returns       =~ /\Aarrayref/             ? qr/\A[\$]array\z/
            : $returns       =~ /\ASys::Virt\z/          ? qr/\A[\$]conn\z/
            : $returns       =~ /\ASys::Virt::Admin\z/   ? qr/\A[\$]admin\z/
            : $returns       =~ /\ASys::Virt::/          ? qr/\A[\$]object\z/
            : $returns       =~ /\Abytes|bytes\z/        ? qr/\A[\$]bytes\z/
            : $returns       =~ /\Astring/               ? qr/\A[\$]string\z/
            : $returns       =~ /\A(?:u?int|double)/     ? qr/\A[\$](?:number|watch|timer)\z/
            :                                              next;
        push @wrong, "$entry->{name} returns $returns, shown " . ( $shown // 'nothing' )
            if $right ? ( $shown // q{} ) !~ $right : defined $shown;
    }
    is( join( "\n", @wrong ), q{}, "$class: results are shown as they are" );
}

# --- Hashes: their keys are in the entry, or it names the constants that they are.

for my $class (@classes) {
    my @silent;
    for my $entry ( entries($class) ) {
        next if ( $returns{$class}{ $entry->{name} } // q{} ) !~ /hashref/;
        push @silent, $entry->{name}
            if $entry->{body} !~ /C<[A-Z][A-Z_]+_[*]>/ && ( () = $entry->{body} =~ /C<[a-z]\w+>/g ) < 2;
    }
    is( join( q{ }, @silent ), q{}, "$class: keys of hashes are named" );
}

{
    my $conn = Sys::Virt->new( uri => 'test:///default' );
    my $disk = "<disk type='file'><source file='/manual.img'/><target dev='vda'/></disk>";
    my $dom  = $conn->create_domain(
              "<domain type='test'><name>manual</name><memory>9999</memory><os><type>hvm</type></os>"
            . "<devices>$disk<interface type='network'><source network='default'/></interface></devices></domain>"
    );
    my $pool = $conn->get_storage_pool_by_name('default-pool');
    my $vol  = $pool->create_volume('<volume><name>manual</name><capacity>4096</capacity></volume>');
    my %call = (
        'Sys::Virt' => [
            $conn,                                ['get_node_info'],
            [ 'get_node_free_pages', [4], 0, 1 ], [ 'get_all_domain_stats', 0 ],
            ['get_node_security_model']
        ],
        'Sys::Virt::Domain' => [
            $dom,                              ['get_info'],
            ['get_control_info'],              ['get_vcpu_info'],
            [ 'interface_stats', 'testnet1' ], [ 'get_block_info', 'vda' ],
            [ 'block_stats', 'vda' ],          ['get_fs_info'],
            [ 'get_interface_addresses', 0 ],  ['get_disk_errors'],
            ['get_iothread_info'],             ['get_job_info'],
        ],
        'Sys::Virt::StoragePool' => [ $pool, ['get_info'] ],
        'Sys::Virt::StorageVol'  => [ $vol,  ['get_info'] ],
    );
    my $hashes = 0;
    for my $class ( sort keys %call ) {
        my ( $object, @calls ) = @{ $call{$class} };
        my %body = map { $_->{name} => $_->{body} } entries($class);
        for my $call (@calls) {
            my ( $name, @arguments ) = @$call;
            my @results = eval { $object->$name(@arguments) }
                or next;    # the test driver of this libvirt may lack it
            my %key = map { $_ => 1 } map { keys %$_ } @results;
            is( join( q{ }, grep { $body{$name} !~ /C<$_>/ } sort keys %key ),
                q{}, "$class\::$name: its keys are named" );
            $hashes++;
        }
    }
    cmp_ok( $hashes, '>=', 8, "$hashes hashes were looked at" );
}

# --- Events: the arguments of each are in the table.

{
    my ($table) = $text{'lib/Sys/Virt.pod'} =~ /^=head1 EVENTS\n(.*?)^=head1/ms;
    my ( $domains, @others ) = split /^    (?=(?:Network|StoragePool|NodeDevice|Secret):)/m, $table;
    my %about = ( Domain => $domains, map { /\A(\w+):(.*)/s } @others );
    for my $class ( sort keys %about ) {
        no strict 'refs';    ## no critic (ProhibitNoStrict)
        my @events = map { /\AEVENT_ID_(\w+)/ } sort keys %{"Sys::Virt::${class}::"};
        ok( scalar @events, "$class has events" );
        is( join( q{ }, grep { $about{$class} !~ /\b$_\b/ } @events ),
            q{}, '... and the manual has their arguments' );
    }
    is( scalar keys %about, 5, 'five classes have events' );
}

# --- Synopses: each class begins with lines to copy; xt/samples.t or xt/stack/cookbook.t runs them.

for my $class (@classes) {
    like( $text{ page($class) }, qr/^=head1 SYNOPSIS\n\n    \S/m, "$class has a synopsis" );
}

# --- Constants: an item each, with a meaning, libvirt's name, the value and the version.

my $constants = 0;
for my $class (@classes) {
    no strict 'refs';    ## no critic (ProhibitNoStrict)
    my $file = page($class);
    my $all  = $text{$file} . ( $text{ $file =~ s/[.]pod\z/\/Constants.pod/r } // q{} );
    my ( %item, @poor, @wrong );
    while ( $all =~ /^=item ([A-Z][A-Z0-9_]*)\n\n((?:.+\n)+)/mg ) {
        my ( $name, $item ) = ( $1, $2 );
        $item{$name} = $item =~ s/\s+/ /gr;
    }
    for my $name ( sort grep { /\A[A-Z][A-Z0-9_]+\z/ && defined &{"${class}::$_"} } keys %{"${class}::"} ) {
        next if $name =~ /\A(?:BEGIN|DESTROY|CLONE|ISA|VERSION)\z/;
        $constants++;
        my $item = $item{$name} // q{};
        my ( $meaning, $value ) =
            $item =~ /\A(.*?)\s*C<VIR_\w+>, (.*?)(?: \(\w+\))?(?:;| - ).*since libvirt \d+[.]\d+[.]\d+[.]/
            or do { push @poor, $name; next };
        push @poor, $name if ( () = $meaning =~ /\w+/g ) < 2 || $meaning !~ /[.]\z/;
        my $real = &{"${class}::$name"}();
        my ( $symbol, $version ) = $item =~ /C<(VIR_\w+)>,.*since libvirt (\d+[.]\d+[.]\d+)[.]/;
        push @wrong, "$name: $version, really $since{$symbol}" if ( $since{$symbol} // $version ) ne $version;
        push @wrong, "$name: $value, really $real"             if $value =~ s/\A"(.*)"\z/$1/r ne $real;
    }
    is( join( q{ }, @poor ),  q{}, "$class: every constant has a meaning, libvirt's name and version" );
    is( join( q{ }, @wrong ), q{}, "$class: values are the real ones" );
}
cmp_ok( $constants, '>=', 1_457, "$constants constants were looked at" );

# --- Names in C<...>: constants, also those with a star, and methods that the text sends the reader to.

for my $file ( sort keys %text ) {
    my ( %seen, @unknown );
    for my $name ( $text{$file} =~ /C<((?:Sys::Virt::)?(?:\w+::)*[A-Z][A-Z0-9]*_[A-Z0-9_]*[*]?)>/g ) {
        next if $name =~ /\A(?:VIR|LIBVIRT)_/ || $seen{$name}++;
        my ( $package, $pattern ) = $name =~ /\A(?:(.*)::)?(.*)\z/;
        $pattern = $pattern =~ /[*]\z/ ? qr/\A\Q${\ substr $pattern, 0, -1 }\E/ : qr/\A\Q$pattern\E\z/;
        no strict 'refs';    ## no critic (ProhibitNoStrict)
        push @unknown, $name
            if !grep {
            my $class = $_;
            grep { $_ =~ $pattern && defined &{"${class}::$_"} } keys %{"${class}::"}
            } $package ? $package : @classes;
    }
    is( join( q{ }, @unknown ), q{}, "$file: constants that are named exist" );
    @unknown = grep { my ( $class, $sub ) = /\A(.*)::(\w+)/; !$class->can($sub) }
        $text{$file} =~ /C<(Sys::Virt::(?:\w+::)?[a-z_]\w*)(?:\(\))?>/g;
    is( join( q{ }, @unknown ), q{}, "$file: subs that are named in full exist" );
}

# --- Differences: each entry of Sys::Virt::Compat names tests that exist, and its number is in the names of those tests.

my ($differences) = $text{'lib/Sys/Virt/Compat.pod'} =~ /^=head1 DIFFERENCES\n(.*?)^=head1 LICEN[CS]E/ms;
my $entries = 0;
while ( $differences =~ /^=item (.*?)\n(.*?)(?=^=(?:item|back)|\z)/msg ) {
    my ( $entry, $body ) = ( $1, $2 );
    $entries++;
    my @tests   = $body =~ m{F<(x?t/[^>]+)>}g;
    my @missing = grep { !-e } @tests;
    ok( @tests && !@missing, "Compat $entry: names tests that exist" ) or diag "@missing";
    my $said = join q{},
        map { slurp($_) } map { $_ eq 'xt/stub.t' ? 'xt/stub/calls.pl' : $_ } grep { -e } @tests;
    my ($numbers) = $entry =~ /\A([^:]+)/;
    my @silent = grep { $said !~ /['"\s({]\Q$_\E\b/ } grep { $_ ne 'F' } $numbers =~ /[A-G]\d*/g;
    is( join( q{ }, @silent ), q{}, '... which name its number' );
}
cmp_ok( $entries, '>=', 49, "$entries differences were looked at" );

# --- Links: pages and sections of ours exist, none other is linked.

sub nodes {
    my ( $tree, $wanted ) = @_;
    return if !ref $tree;
    my ( $name, $attributes, @children ) = @$tree;
    return ( ( $name =~ $wanted ? [ $attributes, _text(@children) ] : () ),
        map { nodes( $_, $wanted ) } @children );
}

sub _text {
    return join q{}, map { ref $_ ? _text( @$_[ 2 .. $#$_ ] ) : $_ } @_;
}

my %target;
for my $file ( keys %text ) {
    my $page = $file =~ s{\Alib/|[.]pod\z}{}gr =~ s{/}{::}gr;
    my $tree = Pod::Simple::SimpleTree->new->parse_file($file)->root;
    $target{$page} = { map { $_->[1] => 1, ( $_->[1] =~ /->(\w+)/ ? ( $1 => 1 ) : () ) }
            nodes( $tree, qr/\A(?:head\d|item-text)\z/ ) };
}

# The loops and futures that ours work with have manuals of their own.
my $elsewhere = qr/\A(?:AnyEvent|EV|Event|Future|Glib|IO::Async|Mojo|POE|Tk|UV)(?![^:])/;
for my $file ( sort keys %text ) {
    my $page  = $file =~ s{\Alib/|[.]pod\z}{}gr =~ s{/}{::}gr;
    my $tree  = Pod::Simple::SimpleTree->new->parse_file($file)->root;
    my @links = map { $_->[0] } nodes( $tree, qr/\AL\z/ );
    my @dead;
    for my $link (@links) {
        next if $link->{type} ne 'pod';
        next if defined $link->{to} && _text( @{ $link->{to} }[ 2 .. $#{ $link->{to} } ] ) =~ $elsewhere;
        my $to = defined $link->{to} ? _text( @{ $link->{to} }[ 2 .. $#{ $link->{to} } ] ) : $page;
        my $section =
            defined $link->{section} ? _text( @{ $link->{section} }[ 2 .. $#{ $link->{section} } ] ) : undef;
        push @dead, $to            if !$target{$to};
        push @dead, "$to/$section" if $target{$to} && defined $section && !$target{$to}{$section};
    }
    is( join( q{ }, @dead ), q{}, "$file: links lead somewhere" );
}

done_testing;
