#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;

my %option = ( uri => 'test:///default' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help', 'output=s' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV;

# For each metric: libvirt's key, or a pattern whose first group becomes the label; a factor; type and help.
my @metrics = (
    [ 'cpu_seconds_total',   'cpu.time',        1e-9, 'counter', 'CPU time that the domain used' ],
    [ 'memory_bytes',        'balloon.current', 1024, 'gauge',   'Memory that the domain has' ],
    [ 'memory_max_bytes',    'balloon.maximum', 1024, 'gauge',   'Memory that the domain can have' ],
    [ 'memory_unused_bytes', 'balloon.unused',  1024, 'gauge',   'Memory that the guest does not use' ],
    [ 'vcpus',               'vcpu.current',    1,    'gauge',   'vCPUs that the domain has' ],
    [
        'network_receive_bytes_total', qr/\Anet[.](\d+)[.]rx[.]bytes\z/,
        1,                             'counter',
        'Bytes that the guest received'
    ],
    [
        'network_transmit_bytes_total', qr/\Anet[.](\d+)[.]tx[.]bytes\z/,
        1,                              'counter',
        'Bytes that the guest sent'
    ],
    [
        'block_read_bytes_total', qr/\Ablock[.](\d+)[.]rd[.]bytes\z/, 1, 'counter',
        'Bytes read from the disk'
    ],
    [
        'block_written_bytes_total', qr/\Ablock[.](\d+)[.]wr[.]bytes\z/,
        1,                           'counter',
        'Bytes written to the disk'
    ],
    [ 'block_read_requests_total',  qr/\Ablock[.](\d+)[.]rd[.]reqs\z/, 1, 'counter', 'Requests to read' ],
    [ 'block_write_requests_total', qr/\Ablock[.](\d+)[.]wr[.]reqs\z/, 1, 'counter', 'Requests to write' ],
);

my $conn = Sys::Virt->new( uri => $option{uri}, readonly => 1 );
my $page = metrics();
if ( defined $option{output} ) {    # by renaming, so that no reader sees an incomplete file
    open my $file, '>', "$option{output}.$$" or die "$option{output}: $!\n";
    print {$file} $page;
    close $file or die "$option{output}: $!\n";
    rename "$option{output}.$$", $option{output} or die "$option{output}: $!\n";
}
else {
    print $page;
}

sub labels {
    my (@pairs) = @_;
    my @labels;
    while ( my ( $name, $value ) = splice @pairs, 0, 2 ) {
        $value =~ s/([\\"])/\\$1/g;
        $value =~ s/\n/\\n/g;
        push @labels, qq($name="$value");
    }
    return '{' . join( q{,}, @labels ) . '}';
}

sub metrics {
    my $which =
        Sys::Virt::Domain::STATS_STATE | Sys::Virt::Domain::STATS_CPU_TOTAL |
        Sys::Virt::Domain::STATS_BALLOON | Sys::Virt::Domain::STATS_VCPU |
        Sys::Virt::Domain::STATS_INTERFACE | Sys::Virt::Domain::STATS_BLOCK;
    my %lines;
    for my $record ( $conn->get_all_domain_stats($which) ) {
        my ( $dom, $data ) = @{$record}{qw(dom data)};
        my @domain = ( domain => $dom->get_name, uuid => $dom->get_uuid_string );
        my $state  = lc( $dom->name_of( 'STATE', $data->{'state.state'} ) // 'unknown' );
        push @{ $lines{state} }, labels( @domain, state => $state ) . ' 1';
        for my $metric (@metrics) {
            my ( $name, $key, $factor ) = @$metric;
            if ( !ref $key ) {
                push @{ $lines{$name} }, labels(@domain) . q{ } . $data->{$key} * $factor
                    if defined $data->{$key};
                next;
            }
            for my $found ( sort grep { /$key/ } keys %$data ) {
                my ($number) = $found =~ $key;
                my $kind = $found =~ /\A(\w+)/ ? $1 : q{};
                push @{ $lines{$name} },
                    labels( @domain, device => $data->{"$kind.$number.name"} // $number ) . q{ }
                    . $data->{$found} * $factor;
            }
        }
    }
    my $info = $conn->get_node_info;
    my $page = q{};
    for my $metric (
        [ 'up',                undef, undef, 'gauge', 'Whether the connection works' ],
        [ 'host_memory_bytes', undef, undef, 'gauge', 'Memory of the host' ],
        [ 'state',             undef, undef, 'gauge', 'State of the domain' ],
        @metrics
    ) {
        my ( $name, undef, undef, $type, $help ) = @$metric;
        my @lines =
              $name eq 'up'                ? (' 1')
            : $name eq 'host_memory_bytes' ? ( q{ } . $info->{memory} * 1024 )
            :                                @{ $lines{$name} // [] };
        next if !@lines;
        $page .= "# HELP libvirt_$name $help\n# TYPE libvirt_$name $type\n";
        $page .= "libvirt_$name$_\n" for @lines;
    }
    return $page;
}

__END__

=head1 NAME

exporter.pl - prints the statistics of all domains in Prometheus' text format

=head1 SYNOPSIS

    exporter.pl [--uri URI] [--output FILE]

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>. It is opened read-only.

=item B<--output> FILE

Writes to the file, atomically, for the textfile collector of Prometheus' node exporter; the default is standard output.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

One call, C<get_all_domain_stats>, returns the statistics of all domains. Run it from cron or a timer with C<--output>, or behind
a web server.

=cut
