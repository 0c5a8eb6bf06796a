# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# When the script has overwritten its own variables, no part of a secret is left in the memory of the process or in its core file.
use strict;
use warnings;
no warnings 'portable';

use File::Temp ();
use FindBin    ();
use lib "$FindBin::Bin/lib";
use Session;
use Sys::Virt;
use Test::More;

# Writes the passphrase, which stands nowhere as it is, not even in the source: each character is put where it belongs at once.
sub fill {    ## no critic (RequireArgUnpacking)
    my $state = 18;
    $_[0] = "\0" x 64;
    for my $at ( 0 .. 63 ) {
        $state = ( $state * 1_103_515_245 + 12_345 ) & 0x7fff_ffff;
        vec( $_[0], $at, 8 ) = 65 + ( $state >> 16 ) % 26;
    }
    return;
}

sub overwrite { substr $_[0], 0, length $_[0], 'x' x length $_[0]; return } ## no critic (RequireArgUnpacking)

# In how many places its second half is, except the search string itself: malloc itself overwrites the beginning of what is freed.
sub places {
    fill( my $phrase );
    substr $phrase, 0, 32, q{};
    my $found = -1;
    open my $maps, '<',     '/proc/self/maps' or die $!;
    open my $mem,  '<:raw', '/proc/self/mem'  or die $!;
    my @areas  = map { /^(\w+)-(\w+) r.*?(?:\[v\w+\])?$/ && !/\[v/ ? [ hex $1, hex $2 ] : () } <$maps>;
    my $buffer = q{};
    for my $area (@areas) {
        my ( $start, $end ) = @$area;
        sysseek $mem, $start, 0 or next;
        sysread( $mem, $buffer, $end - $start ) or next;
        my $at = -1;
        $found++ while ( $at = index $buffer, $phrase, $at + 1 ) >= 0;
        substr $buffer, 0, length $buffer, "\0" x length $buffer;
    }
    overwrite($phrase);
    return $found;
}

# Ends the process as a bug would, which leaves a core file in the directory.
sub crash {
    my ($where) = @_;
    chdir $where or die $!;
    kill ABRT => $$;
    sleep 10;
    exit 1;
}

# Run as "secret-memory.t --core URI DIR [keep]" by the test below: a core file after the calls. "keep" is for the check itself.
if ( @ARGV && $ARGV[0] eq '--core' ) {
    my ( undef, $uri, $where, $keep ) = @ARGV;
    my ($one) = Sys::Virt->new( uri => $uri )->list_all_secrets;
    fill( my $value );
    $one->set_value($value);
    my $back = $one->get_value;
    $keep or overwrite($_) for $value, $back;
    crash($where);
}

# Run as "secret-memory.t FILE HOW [DIR]" by the test below: answers the question for a password, which is wrong, so that FILE does not
# hold it, and tells where it is then.
if (@ARGV) {
    my ( $file, $how, $where ) = @ARGV;
    my %answer = (
        once    => sub { fill( $_[0] ) },
        numeric => sub { fill( $_[0] ); no warnings 'numeric'; return $_[0] + 0 },
        shifted =>
            sub { fill( my $phrase ); $_[0] = "xy$phrase"; substr $_[0], 0, 2, q{}; overwrite($phrase) },
        utf8 => sub { fill( $_[0] ); utf8::upgrade( $_[0] ) },
    );
    my $asked    = 0;
    my $callback = sub {
        for my $credential ( @{ $_[0] } ) {
            if ( $credential->{type} == Sys::Virt::CRED_AUTHNAME() ) { $credential->{result} = 'me'; next }
            $credential->{result} = q{};    # or perl passes a proxy of its own, with a copy
            $answer{$how}->( $credential->{result} );
            $asked++;
        }
        return 0;
    };
    my $before  = places();
    my $refused = !eval {
        Sys::Virt->new( uri => "test://$file", auth => 1, credlist => [ 2, 5 ], callback => $callback );
    };
    crash($where) if $where && $asked && $refused;
    print places() - $before, q{ }, $asked && $refused ? 'refused' : 'not asked', "\n";
    exit;
}

my $daemon = Session->new or plan skip_all => 'needs libvirtd (Debian: libvirt-daemon)';
my $conn   = eval { Sys::Virt->new( uri => 'secret+unix:///session?socket=' . $daemon->socket ) }
    or plan skip_all => "needs libvirt's driver of secrets";
my $secret =
    $conn->define_secret('<secret ephemeral="no" private="no"><description>x</description></secret>');

my $before = places();
{
    fill( my $value );
    $secret->set_value($value);
    overwrite($value);
}
is( places() - $before, 0, 'set_value leaves no copy' );
{
    my $value = $secret->get_value;
    is( length $value,      64, 'get_value returns it' );
    is( places() - $before, 1,  'the script has the only copy' );
    overwrite($value);
}
is( places() - $before, 0, 'and leaves no copy' );

# An answer of a callback. The test driver frees what it gets without overwriting it, as libvirt's client does: that copy is libvirt's.
my $dir = File::Temp->newdir;
{
    open my $file, '>', "$dir/host.xml" or die $!;
    print {$file} q{<node><auth><user password='otherwise'>me</user></auth></node>};
    close $file or die $!;
}
system( qw(cc -shared -fPIC -Wall -Werror -o), "$dir/wipe.so", "$FindBin::Bin/stub/wipe.c", '-ldl' ) == 0
    or die "wipe.c does not compile\n";
my @includes = map { "-I$_" } grep { !ref } @INC;
my $cores    = "$dir/cores";
mkdir $cores and chmod 0777, $cores or die $!;

# In how many places of the core file of such a process it is; undef if the kernel writes none there.
sub in_core {
    my (@arguments) = @_;
    system 'sh', '-c', 'ulimit -c unlimited; exec "$0" "$@" >/dev/null', $^X, @includes, $0, @arguments;
    my ($name) = glob "$cores/core*" or return;
    open my $core, '<:raw', $name or die $!;
    my $all = do { local $/ = undef; <$core> };
    unlink $name or die $!;
    fill( my $phrase );
    substr $phrase, 0, 32, q{};
    my ( $found, $at ) = ( 0, -1 );
    $found++ while ( $at = index $all, $phrase, $at + 1 ) >= 0;
    return $found;
}

SKIP: {
    local $ENV{LD_BIND_NOW} = 1;    # as below
    my @core = ( '--core', 'secret+unix:///session?socket=' . $daemon->socket, $cores );
    my $kept = in_core( @core, 'keep' ) // skip 'the kernel writes no core file into the directory', 3;
    cmp_ok( $kept, '>=', 2, "a core file has what the script keeps, in $kept places" );
    is( in_core(@core), 0,
        '... and nothing after set_value and get_value when the script has overwritten it' );
    local $ENV{LD_PRELOAD} = "$dir/wipe.so";
    is( in_core( "$dir/host.xml", 'once', $cores ), 0, '... nor after an answer of a callback' );
}
for my $how (qw(once numeric shifted utf8)) {
    local $ENV{LD_PRELOAD} = "$dir/wipe.so";
    local $ENV{LD_BIND_NOW} =
        1;    # the linker saves vector registers on the stack when it binds at the first call
    open my $pipe, '-|', $^X, @includes, $0, "$dir/host.xml", $how or die $!;
    is( readline $pipe, "0 refused\n", "an answer to libvirt, $how, leaves none but in what libvirt frees" );
    close $pipe or die $!;
}

done_testing;
