# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Shared code of the programs in bench/: ours as it is installed, workers, medians, tables, C programs, hosts with many domains, a
# private libvirtd.
package Bench;
use strict;
use warnings;

use Cwd            ();
use File::Basename ();
use File::Temp     ();
use IPC::Open2     ();

our $ROOT = Cwd::abs_path( File::Basename::dirname(__FILE__) . '/..' );

# The commands that run a Perl program under the original, and under ours as it is installed: in a tree split into lib and
# arch, XSLoader would take its slow path.
sub perls {
    our $install;
    $install ||= File::Temp->newdir;
    system("make -C '$ROOT' pure_install DESTDIR='$install' >/dev/null 2>&1") == 0
        or die "make pure_install failed\n";
    my ($pm) = split /\n/, qx{find '$install' -path '*/Sys/Virt.pm'};
    die "nothing was installed\n" if !$pm;
    ( my $lib = $pm ) =~ s{/Sys/Virt[.]pm\z}{};
    return ( original => [$^X], ours => [ $^X, "-I$lib" ] );
}

# The versions of both, for the heading.
sub versions {
    my (%perls) = @_;
    my %version = map { $_ => output( @{ $perls{$_} }, '-MSys::Virt', '-e', 'print $Sys::Virt::VERSION' ) }
        keys %perls;
    die "both perls load the same Sys::Virt $version{ours}\n" if $version{original} eq $version{ours};
    return "Original: Sys::Virt $version{original}. Ours: $version{ours}.";
}

# A process that runs operations when it is asked to (bench/worker.pl, bench/floor.c), and its end.
our $WORKER = "$ROOT/bench/worker.pl";

sub start {
    my ( $name, @command ) = @_;
    measure_heap() if !$ENV{BENCH_HEAP};
    my $pid = IPC::Open2::open2( my $out, my $in, @command );
    chomp( my $version = <$out> // die "$name does not start\n" );
    return { name => $name, pid => $pid, in => $in, out => $out, version => $version };
}

sub stop {
    my ($worker) = @_;
    close $worker->{in} or die $!;
    waitpid $worker->{pid}, 0;
    return;
}

# The cost of a worker's operation, repeated: seconds of its CPU time, seconds of the clock, and bytes.
sub ask {
    my ( $worker, @request ) = @_;
    print { $worker->{in} } join( "\t", @request ), "\n";
    $worker->{in}->flush;
    chomp( my $times = readline( $worker->{out} ) // die "$worker->{name} died at $request[0]\n" );
    return split /\t/, $times;
}

# Prints a table row by row, as text or as Markdown: a sub that takes a row's cells, made from those of the heading.
sub table {
    my ( $markdown, @heading ) = @_;
    my $format = join $markdown ? ' | ' : q{  }, '%-27s',
        map { '%' . ( length > 11 ? length : 11 ) . 's' } @heading[ 1 .. $#heading ];
    $format = "| $format |" if $markdown;
    my $row = sub {
        printf "$format\n", map { $_ // q{} } @_;
    };
    $row->(@heading);
    print '|', '---|' x @heading, "\n" if $markdown;
    return $row;
}

sub ratio { my ( $ours, $original ) = @_; return $original ? sprintf '%.2f', $ours / $original : q{} }

# The URI of the test driver, or of that driver's served by the libvirtd whose socket the environment names.
sub uri {
    my ($path) = @_;
    my $socket = $ENV{BENCH_SOCKET} or return "test://$path";
    return "test+unix://$path?socket=$socket";
}

# The same of a host with as many running domains.
my %hosts;

sub host {
    my ($count) = @_;
    my $file    = $hosts{$count} ||= do {
        my $temp = File::Temp->new( SUFFIX => '.xml' );
        print {$temp} '<node>';
        printf {$temp} '<domain type="test"><name>vm%06d</name><uuid>00000000-0000-0000-0000-%012d</uuid>'
            . '<memory>8192</memory><vcpu>2</vcpu><os><type>hvm</type></os></domain>', $_, $_
            for 1 .. $count;
        print {$temp} '</node>';
        close $temp or die $!;
        $temp;
    };
    return uri("$file");
}

# Makes heap() of bench/heap.c: the bytes that this process has in use. BENCH_HEAP names the library for the processes that follow.
sub measure_heap {
    $ENV{BENCH_HEAP} ||= do {
        my $programs = programs();
        system(
            "cc -O2 -shared -fPIC -o '$programs/heap.so' '$ROOT/bench/heap.c' \$($^X -MExtUtils::Embed -e ccopts)"
            ) == 0
            or die "bench/heap.c does not compile\n";
        "$programs/heap.so";
    };
    require DynaLoader;
    my $library = DynaLoader::dl_load_file( $ENV{BENCH_HEAP} ) or die DynaLoader::dl_error();
    DynaLoader::dl_install_xsub( 'Bench::heap', DynaLoader::dl_find_symbol( $library, 'heap' ) );
    return;
}

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return $sorted[ $#sorted / 2 ];
}

# A program's standard output.
sub output {
    my (@command) = @_;
    open my $pipe, '-|', @command or die "$command[0]: $!\n";
    my $output = do { local $/ = undef; <$pipe> };
    close $pipe or die "@command: failed with $?\n";
    return $output // q{};
}

# Where what is compiled goes.
sub programs { return our $programs ||= File::Temp->newdir }

# A C program of bench/, compiled; its path.
sub compiled {
    my ($name) = @_;
    my $programs = programs();
    system("cc -O2 -o '$programs/$name' '$ROOT/bench/$name.c' \$(pkg-config --cflags --libs libvirt)") == 0
        or die "bench/$name.c does not compile\n";
    return "$programs/$name";
}

# A private libvirtd, ended with the program unless it was up before; its socket.
my $started;

sub daemon {
    local $ENV{STACK_ROOT} = $ENV{STACK_ROOT} || '/tmp/svb';
    my $script = "$ROOT/tools/libvirt-stack";
    if ( system("'$script' status >/dev/null 2>&1") != 0 ) {
        $started = $ENV{STACK_ROOT};
        system( $script, 'up' ) == 0 or die "tools/libvirt-stack up failed\n";
    }
    return "$ENV{STACK_ROOT}/a/run/libvirt-sock";
}

$SIG{INT} = $SIG{TERM} = sub { exit 1 };    ## no critic (RequireLocalizedPunctuationVars)

my $owner = $$;

END {
    if ( $started && $$ == $owner ) {
        my $status = $?;
        local $ENV{STACK_ROOT} = $started;
        system "$ROOT/tools/libvirt-stack", 'down';
        $? = $status;    ## no critic (RequireLocalizedPunctuationVars)
    }
}

1;
