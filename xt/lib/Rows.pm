# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Writes the rows that bind one more of libvirt's symbols (of Api.pm), as far as its description says what they have to be.
package Rows;
use strict;
use warnings;

# Beginnings of names in C, the longer ones first: class, file, what the rows call an object; and the Rust type and the Perl
# class if these have other names.
my @classes = (
    [ 'AdmServer',         'admin.rs',             'srv',    'AdminServer', 'Admin::Server' ],
    [ 'AdmClient',         'admin.rs',             'client', 'AdminClient', 'Admin::Client' ],
    [ 'AdmConnect',        'admin.rs',             'con',    'Admin',       'Admin' ],
    [ 'Adm',               'admin.rs',             q{},      undef,         'Admin' ],
    [ 'ConnectDomainQemu', 'qemu.rs',              q{},      undef,         'QEMU' ],
    [ 'DomainQemu',        'qemu.rs',              q{},      undef,         'QEMU' ],
    [ 'DomainLxc',         'lxc.rs',               q{},      undef,         'LXC' ],
    [ 'DomainSnapshot',    'domain_snapshot.rs',   'domss' ],
    [ 'DomainCheckpoint',  'domain_checkpoint.rs', 'domcp' ],
    [ 'Domain',            'domain/',              'dom' ],
    [ 'NetworkPort',       'network_port.rs',      'port' ],
    [ 'Network',           'network.rs',           'net' ],
    [ 'NodeDevice',        'node_device.rs',       'dev' ],
    [ 'NWFilterBinding',   'nwfilter_binding.rs',  'binding' ],
    [ 'NWFilter',          'nwfilter.rs',          'filter' ],
    [ 'Secret',            'secret.rs',            'sec' ],
    [ 'StoragePool',       'storage_pool.rs',      'pool' ],
    [ 'StorageVol',        'storage_vol.rs',       'vol' ],
    [ 'Stream',            'stream.rs',            'st' ],
    [ 'Interface',         'interface.rs',         'iface' ],
    [ 'Event',             'event.rs',             q{} ],
    [ 'Connect',           'connect/',             'con' ],
);
my %handle = map { ( "vir$_->[0]Ptr" => $_ ) } grep { $_->[2] } @classes;

sub rust_class { my ($class) = @_; return $class->[3] // $class->[0] }

# Functions of the smaller libraries are found by a table of their own.
sub table_of {
    my ($function) = @_;
    return $function->{name} =~ /\Avir(?:Adm|(?:Connect)?Domain(?:Qemu|Lxc))/ ? 'library' : 'newer';
}

# Name in C of a simple type => as newer.rs has it, and as a row's parameter has it.
my %simple = (
    'int'                => [ 'c_int',   'i32' ],
    'unsigned int'       => [ 'c_uint',  'u32' ],
    'long'               => [ 'c_long',  'i64' ],
    'unsigned long'      => [ 'c_ulong', 'u64' ],
    'long long'          => [ 'i64',     'i64' ],
    'unsigned long long' => [ 'u64',     'u64' ],
    'size_t'             => ['usize'],
    'double'             => [ 'f64', 'f64' ],
    'char'               => ['c_char'],
    'unsigned char'      => ['u8'],
    'void'               => ['c_void'],
);

sub rust_type {
    my ($type)   = @_;
    my $stars    = () = $type =~ /[*]/g;
    my $const    = $type      =~ /\Aconst /;
    my $base     = $type      =~ s/\bconst\b|[*]//gr =~ s/\A\s+|\s+\z//gr;
    my $rust     = $simple{$base} ? $simple{$base}[0] : $base;
    my @pointers = ('*mut ') x $stars;
    $pointers[-1] = '*const ' if $const && $stars;
    return join q{}, @pointers, $rust;
}

sub snake {
    my ($name) = @_;
    $name =~ s/XMLDesc\b/XMLDescription/;
    $name =~ s/([A-Z])(?=[A-Z][a-z]{2})|([a-z\d])(?=[A-Z])/($1 \/\/ $2) . '_'/ge;
    return lc $name;
}

sub class_of {
    my ($symbol) = @_;
    my $name     = $symbol->{kind} eq 'event' ? 'vir' . Api::event_class($symbol) : $symbol->{name};
    my ($class)  = grep { $name =~ /\Avir$_->[0]/ } @classes;
    return $class // $classes[-1];
}

# The package: for a constant, that of its neighbors.
sub package_for {
    my ( $symbol, $source, $symbols ) = @_;
    my $of    = class_of($symbol);
    my $class = $of->[4] // $of->[0];
    if ( $symbol->{kind} =~ /constant|text/ ) {
        my ($file) = constant( $symbol, $source, $symbols );
        $class = join q{}, map { $_ eq 'nwfilter' ? 'NWFilter' : ucfirst } split /_/,
            $file =~ s/.*\/|[.]rs\z//gr;
        $class =~ s/\ADomain(?!Snapshot|Checkpoint).*/Domain/;
    }
    return $class =~ /\A(?:Connect)?\z/ ? 'Sys::Virt' : "Sys::Virt::$class";
}

# The line for rust/virt/newer.rs.
sub newer {
    my ($function) = @_;
    my @args = map { raw( $_->{name} ) . ': ' . rust_type( $_->{type} ) } @{ $function->{args} };
    return
          "\"$function->{since}\" fn $function->{name}("
        . join( ', ', @args ) . ') -> '
        . ( $function->{result} eq 'void' ? '()' : rust_type( $function->{result} ) ) . q{;};
}

# A name that is not a keyword of Rust.
sub raw {
    my ($name) = @_;
    return ( $name =~ /\A(?:type|fn|ref|in|match|move|mod|use|where|loop|box)\z/ ? 'r#' : q{} )
        . snake($name);
}

# The row of a method; with a comment where the description does not say enough.
sub method {
    my ($function) = @_;
    my $class      = class_of($function)->[0];
    my $name       = snake( $function->{name} =~ s/\Avir(?:$class)?//r );
    my ( @params, @call, @out, $by_hand );
    my @args    = @{ $function->{args} };
    my %counted = map { ( $_->{name} =~ /\A(?:n|max)_?(\w+)\z/ ? $1 : q{} ) => 1 } @args;
    while ( my $arg = shift @args ) {
        my ( $type, $rust ) = ( $arg->{type}, raw( $arg->{name} ) );
        my $next = @args ? $args[0]{type} : q{};
        if ( $handle{$type} ) {
            $rust = $handle{$type}[2] if !@params;
            push @params, "$rust: " . rust_class( $handle{$type} );
            push @call,   $rust;
        }
        elsif ( $arg->{name} eq 'flags' && $simple{$type} ) {
            push @params, "flags: $simple{$type}[1] = 0";
            push @call,   'flags';
        }
        elsif ( $simple{$type} && $simple{$type}[1] ) {
            push @params, "$rust: $simple{$type}[1]";
            push @call,   $rust;
        }
        elsif ( $type eq 'const char *' ) { push @params, "$rust: Text"; push @call, $rust }
        elsif ( $type eq 'virTypedParameterPtr' && $next eq 'int' ) {
            shift @args;
            push @params, 'newparams: Typed<NAMES>';
            push @call, 'newparams.as_ptr()', 'newparams.len()';
        }
        elsif ( $type eq 'virTypedParameterPtr *' && $next eq 'int *' ) {
            shift @args;
            push @out, 'params';
            push @call, 'out', 'count';
        }
        elsif ( $type eq 'char ***' )                        { push @out, 'strings'; push @call, 'out' }
        elsif ( $type =~ /\A(\w+) [*][*]\z/ && $handle{$1} ) { push @out, 'list';    push @call, 'out' }
        elsif ($type =~ /\A(?!const)(.+) [*]\z/
            && $simple{$1}
            && $simple{$1}[1]
            && !$counted{ $arg->{name} } ) {
            push @out,  'value';
            push @call, 'out';
        }
        else { $by_hand //= "`$type $arg->{name}`"; push @call, $rust }
    }
    my $params = join ', ', @params;
    my $call   = table_of($function) . "::$function->{name}()?(" . join( ', ', @call ) . ')';
    if ( @out > 1 || @out && $function->{result} ne 'int' ) { $by_hand //= 'what it writes' }
    return "$name($params) => todo;  // $by_hand: see how a similar function takes it" if $by_hand;
    my $head = "$name($params) => ";
    return $head . result( $function, $call ) . q{;} if !@out && $function->{result} ne 'void';
    my $function_is = 'let get = ' . table_of($function) . "::$function->{name}()?;";
    my $later       = $call =~ s/\A.*?[(][)][?]/get/r;
    my %body        = (
        params  => [ $function_is, "params::get_allocated(|out, count| $later)" ],
        value   => [ $function_is, "written(|out| $later)" ],
        strings => [ $function_is, "strings(|out| $later)" ],
        list    => [ $function_is, "list(|out| $later)" ],
    );
    $body{void} = [ $function_is, "void(|| $later)" ];
    return join "\n", $head . '{', ( map { "    $_" } @{ $body{ $out[0] // 'void' } } ), '};';
}

sub result {
    my ( $function, $call ) = @_;
    my $type = $function->{result};
    return
          $handle{$type}                                          ? "object($call)"
        : $type eq 'char *'                                       ? "owned($call)"
        : $type eq 'const char *'                                 ? "borrowed($call)"
        : $type ne 'int'                                          ? "Ok(Value::from($call))"
        : $function->{result_info} =~ /(?<!-)\b1\b|number|count/i ? "number($call)"
        :                                                           "status($call)";
}

# The row of a constant and where to put it: as the bound constant does whose name is nearest, in the same enum if there is one.
sub constant {
    my ( $symbol, $source, $symbols ) = @_;
    my $bound   = $source->{constants};
    my $section = $symbol->{kind} eq 'text' ? 'texts' : 'integers';
    my @near    = grep { $bound->{$_}{section} eq $section } sort keys %$bound;
    if ( defined $symbol->{type} ) {
        my %same = map  { $_->{name} => 1 } grep { ( $_->{type} // q{} ) eq $symbol->{type} } @$symbols;
        my @same = grep { $same{$_} } @near;
        @near = @same if @same;
    }
    my %by_length;
    for my $name (@near) {
        my ($common) = "$name\0$symbol->{name}" =~ /\A(\w*_)\w*\0\1/;
        push @{ $by_length{ length( $common // q{} ) } }, $name;
    }
    my ($longest) = sort { $b <=> $a } keys %by_length;

    # The nearest ones vote.
    my %votes;
    for my $name ( @{ $by_length{$longest} } ) {
        my $row = like( $symbol->{name}, $name, $bound->{$name}{perl} );
        $votes{"$bound->{$name}{file}\0$row"}++;
    }
    my ($most) = sort { $votes{$b} <=> $votes{$a} || $a cmp $b } keys %votes;
    my ( $file, $row ) = split /\0/, $most;
    return ( $file, $section, $row );
}

# The common end of a bound constant's two names belongs to the constant; the part before it is the prefix of all names.
sub like {
    my ( $new, $c, $perl ) = @_;
    for my $at ( grep { !$_ || substr( $perl, $_ - 1, 1 ) eq '_' } 0 .. length($perl) - 1 ) {
        my $own    = substr $perl, $at;
        my $before = substr $c,    0, length($c) - length $own;
        return substr( $perl, 0, $at ) . substr( $new, length $before ) . " = $new;"
            if $c eq "$before$own" && index( $new, $before ) == 0;
    }
    return $new =~ s/\AVIR_//r . " = $new;";
}

# The row of an event; $callbacks are the types that Api::read found.
sub event {
    my ( $symbol, $callbacks ) = @_;
    my ($type)   = $symbol->{info} =~ /(vir\w+Callback)/;
    my $name     = lc( $symbol->{name} =~ s/\AVIR_\w+_EVENT_ID_//r );
    my $callback = $callbacks->{ $type // q{} }
        or return "TYPE => $name() [];  // its callback's type is not described";
    my ( undef, undef, @args ) = @{ $callback->{args} };
    pop @args;    # the opaque pointer
    my ( @params, @values );
    while ( my $arg = shift @args ) {
        my ( $rust, $of ) = ( raw( $arg->{name} ), rust_type( $arg->{type} ) );
        push @params, "$rust: $of";
        if ( $of eq 'virTypedParameterPtr' && @args ) {
            my $count = raw( shift(@args)->{name} );
            push @params, "$count: c_int";
            push @values, "hash($rust, $count)";
        }
        else { push @values, $of eq '*const c_char' ? "copied($rust)" : $rust }
    }
    return "$type => $name(" . join( ', ', @params ) . ') [' . join( ', ', @values ) . '];';
}

1;
