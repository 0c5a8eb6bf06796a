# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Every sample of code in the manual and in README.md compiles under strict; those that are scripts for the test driver run.
# Those for QEMU run in xt/stack/cookbook.t.
use strict;
use warnings;

use Cwd        ();
use File::Temp ();
use Test::More;
use Sys::Virt;
use lib 'xt/lib';
use Samples;

my @includes = map { '-I' . Cwd::abs_path($_) } grep { !ref && -d } @INC;
my $scratch  = File::Temp->newdir;
my $top      = Cwd::getcwd();

# Runs a script, or with -c compiles it; what it printed, and the status. Sixty seconds are more than enough.
sub run {
    my ( $text, @options ) = @_;
    my $script = File::Temp->new( SUFFIX => '.pl' );
    binmode $script, ':encoding(UTF-8)';
    print {$script} $text;
    close $script  or die $!;
    chdir $scratch or die $!;
    open my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>&1 </dev/null', 'sh', 'timeout', 60, $^X, @includes,
        @options, "$script"
        or die $!;
    chdir $top or die $!;
    my $output = do { local $/ = undef; <$pipe> };
    close $pipe;
    return ( $output // q{}, $? );
}

# Lines of a script may use these without declaring them.
my $prelude =
    'use strict; use warnings; use Sys::Virt; use Sys::Virt::Event; our ($conn, $dom, $net, $pool, $vol, $st);';
my ( $ran, $compiled ) = ( 0, 0 );
for my $name ( 'README.md', glob 'lib/Sys/*.pod lib/Sys/Virt/*.pod lib/Sys/Virt/*/*.pod' ) {
    for my $sample ( Samples::all($name) ) {
        my $what = "$name, $sample->{section}, sample $sample->{number}";
        my $script =
            $sample->{complete}
            ? "use strict; use warnings;\n$sample->{text}"
            : "$prelude\n{\n$sample->{text}\n}\n";
        if ( my @missing = Samples::missing( $sample->{text} ) ) {
        SKIP: { skip( "$what: not installed: @missing", 1 ) }
            next;
        }
        my ( $output, $status ) = run( $script, '-c' );
        is( $status, 0, "$what: compiles" )                         or diag $output;
        unlike( $output, qr/ at .* line /, '... without warnings' ) or diag $output;
        $compiled++;
        if ( $name =~ /Cookbook/ ) {
            ok( $sample->{complete}, '... is a script' );
            like( $sample->{above}, qr/\bNeeds /, '... says what it needs' ) if !$sample->{runs};
        }
        next if !$sample->{runs};
        ( $output, $status ) = run($script);

        # The test driver of an older libvirt has not all the functions.
        my $lacking = Sys::Virt->get_version < 9_000_000
            && $output =~ /this function is not supported by the connection driver/;
        ok( $status == 0 || $lacking, '... runs' ) or diag $output;
        unlike( $output, qr/ at .* line \d/, '... without warnings' );
        $ran++;
    }
}
cmp_ok( $compiled, '>=', 40, "$compiled samples compile" );
cmp_ok( $ran,      '>=', 29, "$ran samples run" );

# The synopsis of the first page as a reader sees and copies it.
open my $perldoc, '-|', $^X, '-MPod::Text', '-e', 'Pod::Text->new->parse_from_file("lib/Sys/Virt.pod")'
    or die $!;
my $page = do { local $/ = undef; <$perldoc> };
close $perldoc;
my ($synopsis) = $page =~ /^SYNOPSIS\n(.*?)^DESCRIPTION/ms;
my ( $output, $status ) = run($synopsis);
is( $status, 0, 'the synopsis runs as it is shown' );
like( $output, qr/\Atest +[-0-9a-f]{36} \d+ KiB\nno such domain\n\z/, '... and prints what it says' );

done_testing;
