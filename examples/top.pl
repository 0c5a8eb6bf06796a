#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use List::Util   ();
use Pod::Usage   ();
use POSIX        ();
use Sys::Virt;
use Time::HiRes ();

my %option = ( uri => 'test:///default', interval => 2, sort => 'cpu' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help', 'count=i', 'interval=f', 'sort=s', 'plain' )
    or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV;

# Counters by column: each is the sum of the matching statistics.
my %counter = (
    received => qr/\Anet[.]\d+[.]rx[.]bytes\z/,
    sent     => qr/\Anet[.]\d+[.]tx[.]bytes\z/,
    read     => qr/\Ablock[.]\d+[.]rd[.]bytes\z/,
    written  => qr/\Ablock[.]\d+[.]wr[.]bytes\z/,
);
my %sort_key =
    ( c => 'cpu', m => 'memory', r => 'received', s => 'sent', d => 'read', w => 'written', n => 'name' );
$option{sort} = 'cpu' if !grep { $_ eq $option{sort} } values %sort_key;

my $conn = Sys::Virt->new( uri => $option{uri}, readonly => 1 );
my $live = !$option{plain} && POSIX::isatty( fileno STDIN ) && POSIX::isatty( fileno STDOUT );
my $which =
    Sys::Virt::Domain::STATS_STATE | Sys::Virt::Domain::STATS_CPU_TOTAL | Sys::Virt::Domain::STATS_BALLOON |
    Sys::Virt::Domain::STATS_VCPU | Sys::Virt::Domain::STATS_INTERFACE | Sys::Virt::Domain::STATS_BLOCK;
my $history = 12;                             # columns of the sparkline
my @bars    = map { chr } 0x2581 .. 0x2588;
my ( %before, %past, $then, $terminal );

local $| = 1;
binmode STDOUT, ':encoding(UTF-8)';
terminal_on() if $live;
for ( my $looks = 1 ; ; $looks++ ) {
    my @rows = look();
    $live ? show_live(@rows) : show_plain( $looks, @rows );
    last if $option{count} && $looks >= $option{count};
    if ($live) { wait_for_key( \@rows ) or last }
    else       { Time::HiRes::sleep( $option{interval} ) }
}
terminal_off();

# One row for each active domain, with rates since the last update.
sub look {
    my $now = Time::HiRes::time();
    my ( %seen, @rows );
    for my $record ( $conn->get_all_domain_stats( $which, undef, Sys::Virt::Domain::GET_ALL_STATS_ACTIVE ) ) {
        my ( $dom, $data ) = @{$record}{qw(dom data)};
        my $total = totals( $dom, $data ) or next;
        my $uuid  = $dom->get_uuid;
        my $last  = $before{$uuid} // $total;
        my $time  = $now - ( $then // 0 );
        $seen{$uuid} = $total;
        my %row = ( %$total, map { $_ => ( $total->{$_} - $last->{$_} ) / $time } 'cpu', keys %counter );
        $row{cpu} /= 1e7;    # nanoseconds to percent
        push @{ $past{$uuid} }, $row{cpu};
        splice @{ $past{$uuid} }, 0, -$history;
        push @rows, { %row, past => $past{$uuid} };
    }
    ( $then, %before ) = ( $now, %seen );
    delete @past{ grep { !$seen{$_} } keys %past };
    return @rows;
}

# The counters of a domain, and its memory. A driver without these statistics, such as the test driver, is queried for each domain;
# nothing for a domain that has stopped since.
sub totals {
    my ( $dom, $data ) = @_;
    my %total = (
        name   => $dom->get_name,
        cpu    => $data->{'cpu.time'},
        memory => $data->{'balloon.current'},
        used   => defined $data->{'balloon.unused'}
        ? $data->{'balloon.available'} - $data->{'balloon.unused'}
        : $data->{'balloon.rss'},
        vcpus => $data->{'vcpu.current'},
        state => $data->{'state.state'},
    );
    if ( grep { !defined } @total{qw(cpu memory vcpus state)} ) {
        my $info = eval { $dom->get_info } or return;
        @total{qw(cpu memory vcpus state)} = @{$info}{qw(cpuTime memory nrVirtCpu state)};
    }
    $total{state} = lc( $dom->name_of( 'STATE', $total{state} ) // '?' );
    for my $column ( keys %counter ) {
        $total{$column} = List::Util::sum( 0, @{$data}{ grep { $_ =~ $counter{$column} } keys %$data } );
    }
    return \%total;
}

sub sorted {
    my (@rows) = @_;
    my $key = $option{sort};
    my @sorted =
        $key eq 'name'
        ? sort { $a->{name} cmp $b->{name} } @rows
        : sort { $b->{$key} <=> $a->{$key} || $a->{name} cmp $b->{name} } @rows;
    return @sorted;
}

sub show_plain {
    my ( $looks, @rows ) = @_;
    print "\n" if $looks > 1;
    printf "%6s %9s %9s %9s %9s %9s  %s\n", '%CPU', 'MiB', qw(RECEIVED SENT READ WRITTEN NAME);
    printf "%6.1f %9d %9d %9d %9d %9d  %s\n", $_->{cpu},
        map( { $_ / 1024 } @{$_}{qw(memory received sent read written)} ), $_->{name}
        for sorted(@rows);
    return;
}

# --- The terminal.

sub color { my ( $code, $string ) = @_; return "\e[${code}m$string\e[0m" }

sub size_of {
    my ($kib) = @_;
    return '-' if !defined $kib;
    return $kib >= 10 * 2**20 ? sprintf '%.1fG', $kib / 2**20 : $kib >= 1024 ? sprintf '%.0fM',
        $kib / 1024 : "${kib}K";
}

sub rate_of {
    my ($bytes) = @_;
    return $bytes >= 2**20 ? sprintf '%.1fM', $bytes / 2**20 : $bytes >= 1024 ? sprintf '%.0fK',
        $bytes / 1024 : sprintf '%d', $bytes;
}

sub spark {
    my ( $past, $most ) = @_;
    my $line = join q{}, map { $bars[ List::Util::min( 7, int( 8 * $_ / ( $most || 1 ) ) ) ] } @$past;
    return ( q{ } x ( $history - @$past ) ) . $line;
}

sub bar {
    my ( $share, $width ) = @_;
    my $full = int( $share * $width + 0.5 );
    return color( $share > 0.9 ? 31 : $share > 0.7 ? 33 : 32, q{|} x $full ) . q{ } x ( $width - $full );
}

sub show_live {
    my (@rows) = @_;
    my $node   = $conn->get_node_info;
    my $cpu    = List::Util::sum( 0, map { $_->{cpu} } @rows ) / 100 / ( $node->{cpus} || 1 );
    my $memory = List::Util::sum( 0, map { $_->{memory} } @rows ) / ( $node->{memory} || 1 );
    my ( $height, $width ) = ( $ENV{LINES} || 24, 100 );
    if ( open my $stty, '-|', 'stty size 2>/dev/null' ) {
        ( $height, $width ) = split q{ }, <$stty> // q{};
        close $stty;
    }
    my @lines = (
        sprintf(
            '%s  %s %s  %d CPUs  %s  domains running: %d',
            color( 1, $conn->get_hostname ), $conn->get_type,            version(),
            $node->{cpus},                   size_of( $node->{memory} ), scalar @rows
        ),
        sprintf(
            'CPU [%s] %3.0f %%   memory [%s] %3.0f %%',
            bar( List::Util::min( 1, $cpu ), 24 ),
            100 * $cpu,
            bar( List::Util::min( 1, $memory ), 24 ),
            100 * $memory
        ),
        q{},
        color(
            7,
            sprintf "%-20s %-8s %5s %6s %-${history}s %7s %7s %8s %8s %8s %8s ",
            qw(NAME STATE VCPUS %CPU),
            'HISTORY', qw(MEMORY USED RECEIVED SENT READ WRITTEN)
        ),
    );
    for my $row ( sorted(@rows) ) {
        my $most = 100 * ( $row->{vcpus} || 1 );
        push @lines, sprintf "%-20.20s %s %5d %s %s %7s %7s %8s %8s %8s %8s", $row->{name},
            color( $row->{state} eq 'running' ? 32 : 33, sprintf '%-8.8s', $row->{state} ), $row->{vcpus},
            color( $row->{cpu} > 0.9 * $most ? 31 : 0, sprintf '%6.1f', $row->{cpu} ),
            color( 36, spark( $row->{past}, $most ) ),
            size_of( $row->{memory} ), size_of( $row->{used} ),
            map { rate_of($_) } @{$row}{qw(received sent read written)};
    }
    my $keys = "q quit  space update now  +/- every $option{interval} s  by: " . join q{ },
        map { $sort_key{$_} eq $option{sort} ? color( 1, "$_ $sort_key{$_}" ) : "$_ $sort_key{$_}" }
        qw(c m r s d w n);
    splice @lines, $height - 1 if @lines > $height - 1;
    push @lines, q{} while @lines < $height - 1;
    print "\e[H", map( { "$_\e[K\n" } @lines ), "$keys\e[K\e[J";
    return;
}

sub version {
    my $version = $conn->get_version;
    return join q{.}, int( $version / 1e6 ), int( $version / 1e3 ) % 1e3, $version % 1e3;
}

# Reads single keys without echo, on the terminal's alternate screen, until terminal_off.
sub terminal_on {
    $terminal = POSIX::Termios->new;
    $terminal->getattr( fileno STDIN );
    my $raw = POSIX::Termios->new;
    $raw->getattr( fileno STDIN );
    $raw->setlflag( $raw->getlflag & ~( POSIX::ECHO | POSIX::ICANON ) );
    $raw->setcc( POSIX::VMIN, 1 );
    $raw->setattr( fileno STDIN, POSIX::TCSANOW );
    print "\e[?1049h\e[?25l\e[2J";
    $SIG{$_} = sub { exit }

        for qw(INT TERM HUP);    ## no critic (RequireLocalizedPunctuationVars)
    return;
}

sub terminal_off {
    return if !$terminal;
    $terminal->setattr( fileno STDIN, POSIX::TCSANOW );
    undef $terminal;
    print "\e[?25h\e[?1049l";
    return;
}
END { my $status = $?; terminal_off(); $? = $status }    ## no critic (RequireLocalizedPunctuationVars)

# Waits for the next update; false if the user quits.
sub wait_for_key {
    my ($rows) = @_;
    my $end = Time::HiRes::time() + $option{interval};
    while ( ( my $left = $end - Time::HiRes::time() ) > 0 ) {
        vec( my $ready = q{}, fileno STDIN, 1 ) = 1;
        next if select( $ready, undef, undef, $left ) <= 0;
        sysread STDIN, my $key, 1 or return 0;
        return 0 if $key eq 'q';
        return 1 if $key eq q{ };
        if    ( $sort_key{$key} ) { $option{sort} = $sort_key{$key} }
        elsif ( $key eq q{+} )    { $option{interval}++ }
        elsif ( $key eq q{-} )    { $option{interval} = List::Util::max( 1, $option{interval} - 1 ) }
        show_live(@$rows);
    }
    return 1;
}

__END__

=head1 NAME

top.pl - shows what the domains use, as a live table

=head1 SYNOPSIS

    top.pl [--uri URI] [--count N] [--interval SECONDS] [--sort COLUMN] [--plain]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>. It is opened read-only.

=item B<--count> N

The number of updates; the default is to run until C<q> or Control-C.

=item B<--interval> SECONDS

The time between two updates; the default is 2.

=item B<--sort> COLUMN

C<cpu> (the default), C<memory>, C<received>, C<sent>, C<read>, C<written> or C<name>.

=item B<--plain>

Prints the tables one below the other. This is the default if the output is not a terminal.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Shows for each running domain: its CPU time in percent of one CPU, now and in the last updates; its memory, and how much of
it the guest uses (if its balloon driver reports that); and the bytes per second received, sent, read and written. Each
update reads the statistics of all domains in one call. In a terminal, keys change the order and the interval; the last line
lists the keys. In the plain table, memory is in MiB and rates are in KiB per second.

=cut
