# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# tools/new-in-libvirt lists exactly the additions of a release, and the rows that it writes are those of the source.
use strict;
use warnings;

use File::Copy ();
use File::Find ();
use File::Path ();
use File::Temp ();
use FindBin    ();
use lib "$FindBin::Bin/lib";
use Api  ();
use Rows ();
use Test::More;

eval { require XML::LibXML; 1 } or plan skip_all => 'needs XML::LibXML (Debian: libxml-libxml-perl)';

my $scratch = File::Temp->newdir;

sub output {
    my (@arguments) = @_;
    open my $pipe, '-|', $^X, "$FindBin::Bin/../tools/new-in-libvirt", @arguments or die "$!";
    my $text = do { local $/ = undef; <$pipe> };
    ok( close $pipe, "tools/new-in-libvirt @arguments" );
    return $text;
}

sub spew {
    my ( $name, $text ) = @_;
    open my $file, '>', $name or die "$name: $!";
    print {$file} $text;
    close $file or die "$name: $!";
    return;
}

sub slurp {
    my ($name) = @_;
    open my $file, '<', $name or die "$name: $!";
    local $/ = undef;
    return scalar <$file>;
}

# A release that never was: of each kind something known, something left out, and something new.
spew( "$scratch/api.xml", <<'XML' );
<api name='libvirt'><symbols>
<macro name='VIR_MIGRATE_PARAM_URI' string='migrate_uri' version='1.1.0'/>
<macro name='VIR_MIGRATE_PARAM_COLOUR' string='colour' version='99.1.0'><info>the colour to move in</info></macro>
<macro name='VIR_USE_CPU' params='cpumap,cpu' version='0.1.4'/>
<enum name='VIR_DOMAIN_RUNNING' value='1' type='virDomainState' version='0.0.1'/>
<enum name='VIR_DOMAIN_DREAMING' value='8' type='virDomainState' version='99.2.0' info='the domain dreams'/>
<enum name='VIR_DOMAIN_LAST' value='9' type='virDomainState' version='0.0.1'/>
<enum name='VIR_SECRET_EVENT_ID_VALUE_CHANGED' value='1' type='virSecretEventID' version='3.0.0'/>
<enum name='VIR_SECRET_EVENT_ID_WHISPERED' value='2' type='virSecretEventID' version='99.3.0' info='virSecretWhisperedCallback'/>
<function name='virDomainReboot' version='0.1.0'><return type='int'/></function>
<function name='virDomainCreateLinux' version='0.0.3'><return type='virDomainPtr'/></function>
<function name='virStoragePoolDredge' version='99.4.0'>
  <info><![CDATA[Dredges
the pool.

At length.]]></info>
  <return type='int' info='0 in case of success and -1 in case of failure.'/>
  <arg name='pool' type='virStoragePoolPtr'/><arg name='type' type='const char *'/>
  <arg name='flags' type='unsigned int'/>
</function>
<functype name='virSecretWhisperedCallback'>
  <return type='void'/><arg name='conn' type='virConnectPtr'/><arg name='secret' type='virSecretPtr'/>
  <arg name='toWhom' type='const char *'/><arg name='loud' type='int'/><arg name='opaque' type='void *'/>
</functype>
</symbols></api>
XML
spew( "$scratch/qemu.xml", <<'XML' );
<api name='libvirt-qemu'><symbols><function name='virDomainQemuAttach' version='0.9.4'><return type='virDomainPtr'/></function>
<function name='virDomainQemuDetach' version='99.5.0'><return type='virDomainPtr'/>
<arg name='domain' type='virDomainPtr'/></function></symbols></api>
XML

is( output( "$scratch/api.xml", "$scratch/qemu.xml" ), <<'TEXT', 'a made-up release: exactly its news' );
Sys::Virt::Domain

  text VIR_MIGRATE_PARAM_COLOUR, 99.1.0
  # the colour to move in
    in rust/constants/domain_jobs.rs, texts:
        MIGRATE_PARAM_COLOUR = VIR_MIGRATE_PARAM_COLOUR;

  constant VIR_DOMAIN_DREAMING, 99.2.0
  # the domain dreams
    in rust/constants/domain.rs, integers:
        STATE_DREAMING = VIR_DOMAIN_DREAMING;

Sys::Virt::QEMU

  function virDomainQemuDetach, 99.5.0
    in rust/boundary/library.rs:
        "99.5.0" fn virDomainQemuDetach(domain: virDomainPtr) -> virDomainPtr;
    in rust/class/qemu.rs:
        detach(dom: Domain) => object(library::virDomainQemuDetach()?(dom));

Sys::Virt::Secret

  event VIR_SECRET_EVENT_ID_WHISPERED, 99.3.0
  # virSecretWhisperedCallback
    in rust/constants/secret.rs, integers:
        EVENT_ID_WHISPERED = VIR_SECRET_EVENT_ID_WHISPERED;
    in rust/event/:
        virSecretWhisperedCallback => whispered(to_whom: *const c_char, loud: c_int) [copied(to_whom), loud];

Sys::Virt::StoragePool

  function virStoragePoolDredge, 99.4.0
  # Dredges the pool.
    in rust/virt/newer.rs:
        "99.4.0" fn virStoragePoolDredge(pool: virStoragePoolPtr, r#type: *const c_char, flags: c_uint) -> c_int;
    in rust/class/storage_pool.rs:
        dredge(pool: StoragePool, r#type: Text, flags: u32 = 0) => status(newer::virStoragePoolDredge()?(pool, r#type, flags));

not bound yet: 1 of kind constant, 1 of kind event, 2 of kind function, 1 of kind text
TEXT
like( output(), qr/\Aall \d{4} functions and constants are bound/, 'the installed libvirt: nothing' );
like(
    output('--left-out'),
    qr/^virDomainCreateLinux +an old name of virDomainCreateXML$/m,
    'what is left out, and why'
);

# From here on: the installed libvirt, and the source with something hidden.
my ( $symbols, $callbacks ) = Api::read( Api::files() );
my %api = map { $_->{name} => $_ } @$symbols;

subtest 'what is taken from a copy of the source is missed' => sub {
    my %hidden = (
        virDomainGetTime                => 0,
        virStorageVolGetPath            => 0,
        VIR_DOMAIN_SHUTOFF_CRASHED      => 0,
        VIR_DOMAIN_EVENT_ID_TRAY_CHANGE => 0,
        value_changed                   => 0,
    );
    my $pattern = join q{|}, keys %hidden;
    my $copy    = sub {
        my ($to) = ( $_ =~ s/\A\Q$Api::top\E/$scratch/r );
        if (-d) { File::Path::make_path($to); return }
        my @lines = split /^/, slurp($_);
        for my $line (@lines) { $line =~ s/^.*\b($pattern)\b.*\n// and $hidden{$1}++ }
        spew( $to, join q{}, @lines );
    };
    File::Find::find( { no_chdir => 1, wanted => $copy }, "$Api::top/rust" );
    ok( $hidden{$_}, "$_ was there" ) for sort keys %hidden;
    my @missing = map { $_->{name} } Api::missing( Api::source("$scratch/rust"), @$symbols );
    my @want    = (
        qw(VIR_DOMAIN_EVENT_ID_TRAY_CHANGE VIR_DOMAIN_SHUTOFF_CRASHED VIR_SECRET_EVENT_ID_VALUE_CHANGED),
        qw(virDomainGetTime virStorageVolGetPath)
    );
    is( join( q{ }, sort @missing ), "@want", 'it and nothing else; an event also for want of its row' );
};

subtest 'lines of rust/virt/newer.rs' => sub {
    my $types = sub { return $_[0] =~ s/[\w#]+: //gr };
    my $seen  = 0;
    for my $line ( grep { /\A +"\d/ } split /^/, slurp("$Api::top/rust/virt/newer.rs") ) {
        my ( $want, $name ) = $line =~ /\A\s+(.* fn (\w+)[(].*;)$/;
        my $function = $api{$name} or next;
        $seen++;
        is( $types->( Rows::newer($function) ), $types->($want), $name );
    }
    cmp_ok( $seen, '>', 15, 'functions of this libvirt' );
};

subtest 'rows of constants' => sub {
    my $source = Api::source();
    my ( $all, @wrong ) = (0);
    for my $symbol ( grep { $source->{constants}{ $_->{name} } } @$symbols ) {
        my $bound = delete local $source->{constants}{ $symbol->{name} };
        my ( undef, $section, $row ) = Rows::constant( $symbol, $source, $symbols );
        push @wrong, $row if "$section $row" ne "$bound->{section} $bound->{perl} = $symbol->{name};";
        $all++;
    }
    cmp_ok( $all,          '>', 1_000,       "$all constants" );
    cmp_ok( scalar @wrong, '<', 0.02 * $all, 'nearly all would get the name that they have' )
        or diag "@wrong";
};

subtest 'rows of methods and events compile' => sub {
    my $cargo = $ENV{CARGO} || 'cargo';
    my $tree  = "$scratch/tree";
    for my $name ( keys %{ maniread() } ) {
        next if $name !~ m{\A(?:rust|perl)/|\ACargo};
        my $to = "$tree/$name";
        File::Path::make_path( $to =~ s{/[^/]+\z}{}r );
        File::Copy::copy( "$Api::top/$name", $to ) or die "$name: $!";
    }

    # All functions of libvirt, as if each were new.
    my $newer     = slurp("$tree/rust/virt/newer.rs");
    my @functions = grep { $_->{kind} eq 'function' && !Api::left_out($_) && $_->{since} } @$symbols;
    my @rows      = grep { !/=> todo/ } map { Rows::method($_) } @functions;
    my $lines     = join q{}, map { q{    } . Rows::newer($_) . "\n" }
        grep { Rows::table_of($_) eq q{newer} && $newer !~ /fn $_->{name}\(/ } @functions;
    $newer =~ s/^(newer! [{]\n)/$1$lines/m                                 or die 'no table in newer.rs';
    $newer =~ s/^use virt_sys::[{].*?[}];/use libc::*; use virt_sys::*;/ms or die 'no types in newer.rs';
    spew( "$tree/rust/virt/newer.rs",         $newer );
    spew( "$tree/rust/class/domain/trial.rs", <<"RUST" );
use crate::class::prelude::*;
use crate::boundary::library;
schema! {
    /// None.
    NAMES {}
}
methods! { "Sys::Virt::Domain";
@{[ join "\n", @rows ]}
}
RUST
    spew( "$tree/rust/class/domain/mod.rs", slurp("$tree/rust/class/domain/mod.rs") . "pub mod trial;\n" );

    # Of the events, all but graphics, whose structures take a function each.
    my $events = slurp("$tree/rust/event/domain.rs");
    my @events =
        grep { $_->{kind} eq 'event' && $_->{type} eq 'virDomainEventID' && !Api::left_out($_) } @$symbols;
    my $written = 0;
    for my $event ( grep { $_->{name} !~ /GRAPHICS/ } @events ) {
        my $row    = Rows::event( $event, $callbacks );
        my ($name) = $row =~ /=> (\w+)/;
        $row =~ s/([(].*[)]) \[/$1 -> 0: c_int [/ if $name eq 'lifecycle';    # the one that returns something
        $written++ if $events =~ s/^ {4}vir\w+ => $name[(].*?;\n/    $row\n/ms;
    }
    spew( "$tree/rust/event/domain.rs", $events );
    cmp_ok( scalar @rows, '>', 300, scalar(@rows) . ' methods' );
    cmp_ok( $written,     '>', 20,  "$written events" );

    local $ENV{CARGO_TARGET_DIR} = "$scratch/target";
    my $log = qx{cd "$tree" && "$cargo" check --locked 2>&1};
    is( $?, 0, 'rustc takes them' ) or diag $log;
};

sub maniread {
    require ExtUtils::Manifest;
    return ExtUtils::Manifest::maniread("$Api::top/MANIFEST");
}

done_testing;
