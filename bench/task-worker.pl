# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# One task for bench/tasks.pl, as a script would do it: task-worker.pl TASK URI [VOLUME FILE].
use strict;
use warnings;

use Sys::Virt;
use Sys::Virt::Event;

my ( $task, $uri, @args ) = @ARGV;
my $conn;
my $sum = 0;

my %task = (
    'start' => sub { },
    'check' => sub {
        for my $domain ( $conn->list_all_domains ) {
            $sum++ if ( $domain->get_state )[0] == Sys::Virt::Domain::STATE_RUNNING();
            $sum += length $domain->get_name;
        }
    },
    'monitor' => sub {
        for ( 1 .. 5 ) {
            for my $domain ( $conn->list_all_domains ) {
                my $info = $domain->get_info;
                $sum += length( $domain->get_name ) + length( $domain->get_uuid_string );
                $sum += $info->{maxMem} + $_->{state} for $domain->get_vcpu_info;
            }
        }
    },
    'web' => sub {
        for ( 1 .. 200 ) {
            my $domain = $conn->get_domain_by_name('vm000007');
            my $info   = $domain->get_info;
            $sum +=
                $info->{memory} +
                $info->{nrVirtCpu} +
                $domain->is_active +
                $domain->get_id +
                length( $domain->get_uuid_string ) +
                length( $domain->get_os_type ) +
                $domain->get_scheduler_parameters->{weight};
        }
    },
    'statistics' => sub {
        for ( 1 .. 3 ) {
            for my $record ( $conn->get_all_domain_stats(0) ) {
                $sum += length( $record->{dom}->get_name ) + scalar keys %{ $record->{data} };
                $sum += $record->{data}{'state.state'};
            }
        }
    },
    'xml' => sub {
        $sum += length $_->get_xml_description for $conn->list_all_domains;
    },
    'lookups' => sub {
        for my $number ( 1 .. 1000 ) {
            my $domain = eval { $conn->get_domain_by_name( sprintf 'vm%06d', $number ) };
            $sum += $domain ? $domain->get_id : $@->code;
        }
    },
    'provision' => sub {
        for my $number ( 1 .. 200 ) {
            my $domain = $conn->define_domain(
                "<domain type='test'><name>new$number</name><memory>8192</memory><os><type>hvm</type></os></domain>"
            );
            $domain->create;
            $domain->set_scheduler_parameters( { weight => 100 } );
            $domain->set_autostart(1);
            $domain->destroy;
            $domain->undefine;
            $sum++;
        }
    },
    'events' => sub {
        my $domain = $conn->get_domain_by_name('vm000001');
        my $seen   = 0;
        my $count  = sub {
            my ( $c, $d, $event ) = @_;
            $sum += length $d->get_name if $event;
            $seen++;
        };
        $conn->domain_event_register_any( undef, Sys::Virt::Domain::EVENT_ID_LIFECYCLE(), $count );
        for my $round ( 1 .. 5000 ) {
            $domain->suspend;
            $domain->resume;
            Sys::Virt::Event::run_default() while $seen < 2 * $round;
        }
    },
    'upload' => sub {
        my ( $volume, $path ) = @args;
        my $stream = $conn->new_stream;
        open my $file, '<:raw', $path or die "$path: $!\n";
        $conn->get_storage_volume_by_path($volume)->upload( $stream, 0, 0 );
        while ( my $got = sysread $file, my $data, 262_120 ) {
            while ($got) {
                my $sent = $stream->send( $data, $got );
                $got -= $sent;
                $data = substr $data, $sent if $got;
                $sum += $sent;
            }
        }
        $stream->finish;
    },
);
Sys::Virt::Event::register_default() if $task eq 'events';
$conn = Sys::Virt->new( uri => $uri );
$task{$task}->();
my ($memory) = map { /\AVmHWM:\s*(\d+)/ } lines('status');
my ($time)   = map { /\A(\d+)/ } lines('schedstat');
print "$sum $memory $time\n";

# No module for that: it would count.
sub lines {
    my ($name) = @_;
    open my $file, '<', "/proc/self/$name" or die "/proc/self/$name: $!\n";
    return <$file>;
}
