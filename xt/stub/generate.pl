# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Prints stubs in C for every function of libvirt's API that special.c does not define, from the API description.
use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/../lib";
use Api         ();
use XML::LibXML ();

my ($xml) = @ARGV;
my %special;
for my $name (qw(special libraries)) {
    open my $file, '<', "$FindBin::Bin/$name.c" or die $!;
    my $text = do { local $/ = undef; <$file> };
    $special{$1} = 1 while $text =~ /\b(vir\w+)\(vir\w+Ptr \*?\w+/g;
}
$special{virConnectOpenAuth}               = 1;
$special{"virConnect${_}EventRegisterAny"} = 1 for qw(Network StoragePool NodeDevice Secret);

# Errors, typed parameters, the event loop and the like do their real work.
my $real =
    qr/\A(?:vir\w*Error\w*|virInitialize|virGetVersion|virTypedParams\w+|virEvent\w+|virDomain(?:FSInfo|Interface
    |IOThreadInfo)Free|virNetworkDHCPLeaseFree|virStreamNew_)\z/x;

print qq{#include "stub.h"\n}, map { "#include <libvirt/libvirt-$_.h>\n" } qw(admin lxc qemu);
print "\nint *stub_calls(void) {\n    static int calls;\n    return &calls;\n}\n\n";
my %done;
for my $node ( XML::LibXML->load_xml( location => $xml )->findnodes('/api/symbols/function') ) {
    my @args = map { [ $_->getAttribute('type'), $_->getAttribute('name') ] } $node->findnodes('arg');
    function( $node->getAttribute('name'), $node->findvalue('return/@type'), @args );
}

# The tables of what is looked up at run time: what libvirt has gained since the API that may be installed here, and its
# other libraries.
my %found = Api::looked_up();
function( $_->{name}, $_->{result}, map { [ $_->{type}, $_->{name} ] } @{ $_->{args} } )
    for @found{ sort keys %found };

sub function {
    my ( $name, $return, @args ) = @_;
    return if $special{$name} || $name =~ $real || $done{$name}++;
    for (@args) {
        $_->[0] =~ s/\s+\z//;
        $_->[0] =~ s/[*]\s+(?=[*])/*/g;    # as older descriptions have it
    }
    my $prototype = join ', ', map { "$_->[0] $_->[1]" } @args;
    print "$return $name(", $prototype || 'void', ") {\n";
    my $ends = $name =~ /Free\z|ConnectClose\z/;
    if ( !$ends && $name !~ /Ref\z/ && $return ne 'void' ) {
        my $minus = $return eq 'int' || $name =~ /\AvirAdm/;
        print '    FAIL(', $return =~ /[*]|Ptr\z/ ? 'NULL' : $minus ? -1 : 0, ");\n";
    }
    print "    note(\"$name(\");\n";
    my $count = $return =~ /\A(?:int|unsigned int)\z/ ? 3 : 0;
    $count = 0 if $name eq 'virSecretGetUsageType';
    my $object = $args[0] ? $args[0][1] : '0';

    for my $index ( 0 .. $#args ) {
        my ( $type, $arg ) = @{ $args[$index] };
        my $next = $args[ $index + 1 ] ? $args[ $index + 1 ] : [ q{}, q{} ];
        print qq{    note(", ");\n} if $index;
        if ( $type eq 'virTypedParameterPtr' && $next->[0] =~ /\*/ ) {
            print "    if ($arg) params_fill($arg);\n    *$next->[1] = PARAMS;\n";
            $count = 0;
        }
        elsif ( $type eq 'virTypedParameterPtr' ) { print "    params_note($arg, (int)$next->[1]);\n" }
        elsif ( $type eq 'virTypedParameterPtr *' ) {
            print "    *$arg = params_new(); *$next->[1] = PARAMS;\n";
            $count = 0;
        }
        elsif ( $type =~ /Ptr \*\*\z/ ) { print "    *$arg = objects_new();\n"; $count = 2 }
        elsif ( $type eq 'char ***' )   { print "    *$arg = texts_new();\n";   $count = 2 }
        elsif ( $type eq 'char ** const' || $type eq 'char **' && $next->[1] =~ /max|len/i ) {
            print "    if ($next->[1] > 0) { ${arg}[0] = strdup(\"first\"); }\n";
            $count = 1;
        }
        elsif ( $type eq 'char **' ) { print qq{    *$arg = strdup("text of $name");\n} }
        elsif ( $type =~ /\Aconst char \*\*\z/ ) {
            print qq{    note("%s", THERE($arg) ? text(*$arg) : "NULL");\n};
        }
        elsif ( $type eq 'const char *' ) { print qq{    note("%s", text($arg));\n} }
        elsif ( $type =~ /\A(?:const )?unsigned char \*\z/ ) {
            if ( $type =~ /const/ || $name =~ /Pin(?!.*Get)|LookupByUUID/ && $name !~ /Get/ ) {
                print qq{    note("%02x", THERE($arg) ? ${arg}[0] : 0);\n};
            }
            elsif ( $name =~ /UUID\z/ ) { print "    memset($arg, 0x1f, 16);\n" }
            else                        { print "    if (THERE($arg)) ${arg}[0] = 5;\n" }
        }
        elsif ( $type eq 'int *' && $arg =~ /fds|files/ || $type eq 'unsigned int *' && $arg =~ /keycodes/ ) {
            print qq{    note("%d", THERE($arg) ? (int)${arg}[0] : 0);\n};
        }
        elsif ( $type =~ /\A(int|unsigned int|long long|unsigned long long|unsigned long) \*\z/ ) {
            print "    if (THERE($arg)) *$arg = 7;\n"
                if !( $index && $args[ $index - 1 ][0] =~ /TypedParam/ );
        }
        elsif ( $type eq 'char *' ) { print qq{    note("%s", text($arg));\n} }
        elsif ( $type =~ /\A(?:unsigned )?(?:int|long|long long)\z|size_t/ ) {
            print $type =~ /unsigned|size/
                ? qq{    note("%llu", (unsigned long long)$arg);\n}
                : qq{    note("%lld", (long long)$arg);\n};
        }
        elsif ($type =~ /(?:Info|Stats|Model|Label)Ptr\z|(?:Info|Stats|Model|Label) \*\z/
            && $name !~ /Free/ ) {
            print "    if ($arg) memset($arg, 1, sizeof *$arg);\n";
            $count = 0;
        }
        else { print qq{    note("object");\n} if $type =~ /Ptr\z/ }
    }
    print qq{    note(")\\n");\n};
    if    ( $ends && $return eq 'int' ) { print "    return release($object);\n" }
    elsif ( $name =~ /Ref\z/ )          { print "    return reference($object);\n" }
    elsif ( $return eq 'char *' )       { print "    return strdup(\"text of $name\");\n" }
    elsif ( $return eq 'const char *' ) { print "    return \"text of $name\";\n" }
    elsif ( $name =~ /Get(?:Connect|Domain|Network)\z/ ) {
        print "    { static void *one; if (!one) one = fake(); return one; }\n";
    }
    elsif ( $return =~ /Ptr\z/ ) { print "    return fake();\n" }
    elsif ( $return ne 'void' )  { print "    return $count;\n" }
    print "}\n\n";
    return;
}
