# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Numbers as scripts have them: strings with rests, false values, dualvars, objects with overloaded numbers.
# only ours warns: isn't numeric
# only ours warns: uninitialized
# only the original warns: isn't numeric
# only the original warns: uninitialized
use strict;
use warnings;

use Scalar::Util qw(dualvar);
use Sys::Virt;

package Amount;
use overload '0+' => sub { $_[0][0] }, '""' => sub { "amount $_[0][0]" }, fallback => 1;

package Twice;    # its number is an object again
use overload '0+' => sub { bless [ $_[0][0] ], 'Amount' }, fallback => 1;

package Sum;      # no conversion, but an operator that perl falls back on
use overload '+' => sub { $_[0][0] + ( ref $_[1] ? $_[1][0] : $_[1] ) }, '0+' => sub { $_[0][0] };

package Bool;
use overload 'bool' => sub { $_[0][0] }, fallback => 1;

package main;
my $conn  = Sys::Virt->new( uri => $ARGV[0] );
my $dom   = $conn->get_domain_by_name('test');
my $yes   = 1 == 1;
my $no    = 1 == 0;
my %value = (
    'a string'            => '1048576',
    'blanks'              => ' 1048576 ',
    'a rest'              => '1048576kB',
    'hexadecimal'         => '0x10',
    'underscores'         => '1_000',
    'a zero but true'     => '0 but true',
    'empty'               => q{},
    'false'               => $no,
    'true'                => $yes,
    'a fraction'          => 1048576.75,
    'a text fraction'     => '1048576.75',
    'exponent'            => '1e6',
    'a dualvar'           => dualvar( 1048576, 'one GiB' ),
    'an object'           => bless( [1048576], 'Amount' ),
    'an object twice'     => bless( [1048576], 'Twice' ),
    'an object that adds' => bless( [1048576], 'Sum' ),
    'a boolean object'    => bless( [1],       'Bool' ),
    'a newline'           => "1048576\n",
    'a plus'              => '+1048576',
    'words'               => 'much',
    'undef'               => undef,
);

sub show {
    my ( $what, $code ) = @_;
    my @result = eval { $code->() };
    my $error  = "$@";
    $error =~ s/ at .+? line \d+.*//s;
    print "$what: ", ( $error ne q{} ? "dies: $error" : join q{ }, map { $_ // 'undef' } @result ), "\n";
    return;
}
for my $name ( sort keys %value ) {
    my $value = $value{$name};
    show( "$name as memory", sub { $dom->set_memory($value); $dom->get_info->{memory} } );
    show( "$name as flags of get_xml_description", sub { length( $dom->get_xml_description($value) ) > 10 } )
        if $name =~ /false|empty|but true/;
    show( "$name as flags of new", sub { Sys::Virt->new( uri => $ARGV[0], flags => $value )->is_alive } )
        if $name =~ /false|true|empty|undef/;
    show(
        "$name as weight",
        sub {
            $dom->set_scheduler_parameters( { weight => $value } );
            $dom->get_scheduler_parameters->{weight};
        }
    );
    show(
        "$name as hard_limit",
        sub {
            $dom->set_memory_parameters( { hard_limit => $value } );
            $dom->get_memory_parameters->{hard_limit};
        }
    );
    show( "$name as a count", sub { scalar( my @names = $conn->list_network_names($value) ) } )
        if $name =~ /hexadecimal|underscores|but true|empty|false|true|words|undef/;
}
for my $key (
    '30', ' 30', '30abc', q{}, $no, $yes, '0x1f', '3_0', 30.5, '30.5', '3e1',
    dualvar( 30, 'a' ),
    bless( [30], 'Amount' ),
    bless( [30], 'Twice' ),
    "30\n", 'a', undef
) {
    show( 'a key ' . ( ref $key || $key // 'undef' ), sub { $dom->send_key( 0, 1, [$key] ); 'sent' } );
}
show( 'a sum',            sub { $dom->set_memory( $dom->get_max_memory / 2 ); $dom->get_info->{memory} } );
show( 'a sum of strings', sub { $dom->set_memory( '1024' * '1024' );          $dom->get_info->{memory} } );
show( 'a division',       sub { $dom->set_memory( 3_000_001 / 2 );            $dom->get_info->{memory} } );
show( 'large',            sub { $dom->set_max_memory('9007199254740993.0');   'set' } );
