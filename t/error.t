# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The details of an exception beyond code and message; its hash is that of the original.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib" =~ /(.*)/s;    # untainted, for -T

use Config;
use Data::Dumper ();
use POSIX        qw(ENOENT);
use Storable     ();
use Sys::Virt;
use Test::More;

my $c = Sys::Virt->new( uri => 'test:///default' );

# The exception of a call, and the line that it was made in.
sub failed {
    my ($code) = @_;
    return if eval { $code->(); 1 };
    return $@;
}

# First, because the first call loads a module.
ok( !eval { $c->get_network_by_name('nope') }, 'a call that fails' );
is( $@->code_name, 'ERR_NO_NETWORK', '$@ itself tells its name' );

subtest 'details' => sub {
    my $line  = __LINE__ + 1;
    my $error = failed( sub { $c->get_network_by_name('nope') } );
    is( $error->code_name, 'ERR_NO_NETWORK', 'an error of libvirt' );
    is( $error->file,      __FILE__,         'file' );
    is( $error->line,      $line,            'line' );
    is( $error->int1,      -1,               'int1' );
    is( $error->int2,      -1,               'int2' );
    is( $error->str3,      undef,            'str3 is undef' );
    like( $error->str1,    qr/%(?:1\$)?s/,           'str1: the pattern of the message' );
    like( $error->message, qr/\Q${\$error->str2}\E/, 'str2: what varies in it' );
    is( $error->message, sprintf( $error->str1, $error->str2 ), 'and together they are the message' );

    my $missing = failed( sub { Sys::Virt->new( uri => 'qemu+unix:///system?socket=/no/such/socket' ) } );
    is( $missing->code_name, 'ERR_SYSTEM_ERROR', 'a system call that failed' );
    is( $missing->int1,      ENOENT,             'int1 is its errno' );
};

subtest 'the hash' => sub {
    my $error = failed( sub { $c->get_network_by_name('nope') } );
    is_deeply( [ sort keys %$error ], [qw(code domain level message)], 'keys' );
    my $dump = do { local $Data::Dumper::Terse = 1; Data::Dumper::Dumper($error) };
    unlike( $dump, qr/str1|\Q${\__FILE__}/, 'no trace of details in a dump' );
    my $copy = Storable::dclone($error);
    is_deeply( $copy, $error, 'a copy is equal' );
    is( $copy->$_, undef, "and has no $_" ) for qw(file line str1 str2 str3 int1 int2);
    is( "$error",  "libvirt error code: 43, message: " . $error->message . "\n", 'as a string' );
    %$error = ();
    is( $error->line, __LINE__ - 9, 'the details outlive the keys' );
    my $own = bless { level => 2, code => 1, domain => 0, message => 'mine' }, 'Sys::Virt::Error';
    is( $own->$_, undef, "an error of the script has no $_" ) for qw(file line str1 str2 str3 int1 int2);
    ok( !eval { Sys::Virt::Error::line(); 1 }, 'without an object' );
    like( $@, qr/\AUsage: Sys::Virt::Error::line\(error\)/, '... the usage is shown' );
    is( Sys::Virt::Error::str1($_), undef, 'no object, no string' ) for 'Sys::Virt::Error', [], undef;
};

subtest 'the place of the call' => sub {
    my $dom  = $c->get_domain_by_name('test');
    my $name = sub { $c->get_network_by_name( $_[0] ) };    # the line of the call, not of its caller
    my $line = __LINE__ - 1;
    is( failed( sub { $name->('nope') } )->line, $line, 'in a function' );
#line 4711 "else/where.pl"
    my $error = failed( sub { $dom->create } );
    is( join( q{:}, $error->file, $error->line ), 'else/where.pl:4711', 'of a #line' );
    $error = failed( sub { eval "#line 12 \"evaluated\"\n\$dom->create; 1" or die $@ } );
    is( join( q{:}, $error->file, $error->line ), 'evaluated:12', 'of an eval' );

    # An error that a script made is not touched by a later one.
    my $first = failed( sub { $dom->create } );
    my $kept  = $first->line;
    failed( sub { $c->get_network_by_name('nope') } );
    is( $first->line, $kept, 'each error has its own' );
};

subtest 'errors that this module makes' => sub {
    my $dom   = $c->get_domain_by_name('test');
    my $error = failed( sub { $dom->set_memory_parameters( { bogus => 1 } ) } );
    is( ref $error,   'Sys::Virt::Error', 'of a key that is not known' );
    is( $error->line, __LINE__ - 2,       'has its line' );
    is( $error->int1, -1,                 'and int1' );
    is( $error->str1, undef,              'but no str1' );
};

subtest 'calls that do not block' => sub {
    my $line   = __LINE__ + 1;
    my $future = $c->async->get_network_by_name('nope');
    my $error  = failed( sub { $future->get } );
    is( $error->code_name,                                       'ERR_NO_NETWORK', 'its error' );
    is( $error->line,                                            $line,            'the line of the call' );
    is( $error->file,                                            __FILE__,         'and its file' );
    is( $error->str2 && $error->message =~ /\Q${\$error->str2}/, 1,                'and str2' );
    my ($one) = Sys::Virt::Async->all( [$c], get_network_by_name => 'nope' )->get;
    is( $one->line, __LINE__ - 1, 'many at once' );
};

subtest 'methods that make several calls' => sub {
    my $error = failed( sub { $c->ensure_network( 'nope', 'running', xml => '<broken' ) } );
    is( $error->code_name, 'ERR_XML_DETAIL', 'their error' );
    is( $error->line,      __LINE__ - 2,     'the line of the script' );
    is( $error->file,      __FILE__,         '... and its file' );
};

our %alias;

subtest 'local makes no second exception with the same details' => sub {
    my $error = failed( sub { $c->get_network_by_name('nope') } );
    *alias = $error;
    my $copy;
    {
        local %alias;
        $copy = bless \%alias, 'Sys::Virt::Error';
    }
    is( $error->file, __FILE__, 'the exception is as before' );
    undef $error;
    is( $copy->file, undef, 'a hash in its place has no details' );
};

subtest 'threads' => sub {
    plan skip_all => 'this perl has no threads' if !$Config{useithreads};
    require threads;
    my $error = failed( sub { $c->get_network_by_name('nope') } );
    my $line  = __LINE__ - 1;
    my $seen =
        threads->create( sub { join q{ }, $error->line, $error->file, $error->str1, $error->int2 } )->join;
    is( $seen, join( q{ }, $line, __FILE__, $error->str1, -1 ), 'a thread has a copy' );
};

done_testing();
