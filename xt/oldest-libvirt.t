# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# With a libvirt that has no function added after 6.0.0, made from the installed one by hiding all others: t/ passes, and
# every method that needs more says so.
use strict;
use warnings;

use File::Glob qw(bsd_glob);
use File::Temp ();
use FindBin    ();
use lib "$FindBin::Bin/lib";
use Api   ();
use Stubs qw(compile);
use Test::More;

eval { require XML::LibXML; 1 } or plan skip_all => 'needs XML::LibXML (Debian: libxml-libxml-perl)';

# Those of the table, and whatever else the installed library has.
my %found = Api::looked_up();
my %since =
    map { $_->{since} =~ /\A(?:6[.][1-9]|[7-9]|\d\d)/ ? ( $_->{name} => $_->{since} ) : () } values %found;
my %hidden = %since;
chomp( my $libdir = qx{pkg-config --variable=libdir libvirt} );
for ( split /\n/, qx{objdump -T '$libdir/libvirt.so.0'} ) {
    my ( $major, $minor, $name ) = /LIBVIRT_(\d+)[.](\d+)[.]\d+ +(vir\w+)$/ or next;
    $hidden{$name} = 1 if $major > 6 || $major == 6 && $minor > 0;
}
cmp_ok( scalar keys %since,  '>', 25,               'functions of the table' );
cmp_ok( scalar keys %hidden, '>', keys(%since) - 1, 'functions hidden' );

my $dir  = File::Temp->newdir;
my $list = join q{,}, map { qq{"$_"} } sort keys %hidden;
system(
    qw(cc -shared -fPIC -Wall -Werror), "-DHIDDEN=$list",            '-o',
    "$dir/hide.so",                     "$FindBin::Bin/stub/hide.c", '-ldl'
    ) == 0
    or BAIL_OUT('hide.c does not compile');
my $stub     = compile($dir);
my @includes = map { "-I$_" } grep { !ref } @INC;

subtest 't/ passes' => sub {
    local $ENV{LD_PRELOAD} = "$dir/hide.so";
    for my $test ( bsd_glob("$FindBin::Bin/../t/{*,*/*}.t") ) {
        my $includes = join q{ }, map { "'$_'" } @includes;
        my $output   = qx{'$^X' $includes '$test' 2>&1};
        ok( $? == 0, $test =~ s{.*/[.][.]/}{}r ) or diag $output;
    }
};

subtest 'methods that need more' => sub {
    local $ENV{STUB_LOG}   = "$dir/log";
    local $ENV{LD_PRELOAD} = "$dir/hide.so:$stub";
    my %refused;
    open my $calls, '-|', $^X, @includes, "$FindBin::Bin/stub/refused.pl" or die $!;
    while (<$calls>) {
        chomp;
        my ( $method, $code, $message ) = split /\t/;
        is( $code, 3, "$method: ERR_NO_SUPPORT" );
        ok(
            $message =~ /: (vir\w+) needs libvirt ([\d.]+), found 6[.]0[.]0\z/ && ( $since{$1} // q{} ) eq $2,
            '... names the function, and the versions needed and found'
        ) or diag $message;
        push @{ $refused{$1} }, $method if $message =~ /: (vir\w+) needs/;
    }
    close $calls;
    is( $?, 0, 'all methods were called' );
    is_deeply(
        [ sort keys %refused ],
        [ sort keys %since ],
        'every function of the table was needed by some method'
    );
};

done_testing;
