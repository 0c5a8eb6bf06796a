# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# What is tainted under -T: what came of tainted arguments, and nothing else.
# styles: -T
use strict;
use warnings;

use Scalar::Util qw(tainted);
use Sys::Virt;
my $none    = substr $ENV{PATH}, 0, 0;    # tainted, and empty
my $uri     = $ARGV[0];
my ($clean) = $uri =~ /(.*)/;

# Of a result, however deep, what is tainted.
sub marks {
    my ( $value, $path ) = @_;
    my @marks = tainted($value) ? $path : ();
    if ( ref $value eq 'HASH' || ref $value eq 'Sys::Virt::Error' ) {
        push @marks, map { marks( $value->{$_}, "$path\{$_}" ) } sort keys %$value;
    }
    elsif ( ref $value eq 'ARRAY' ) {
        push @marks, map { marks( $value->[$_], "$path\[$_]" ) } 0 .. $#$value;
    }
    elsif ( ref $value ) {
        push @marks, map { "\$$path" } grep { tainted($_) } $$value;
    }
    return @marks;
}

sub show {
    my ( $what, @values ) = @_;
    print "$what (", scalar @values, '): ',
        join( q{ }, map { marks( $values[$_], $_ ) } 0 .. $#values ) || 'clean', "\n";
    return;
}
print 'uri ', ( tainted($uri) ? 'tainted' : 'clean' ), q{ }, ( tainted($clean) ? 'tainted' : 'clean' ), "\n";
my $conn = Sys::Virt->new( uri => $uri );
show( 'new of a tainted uri', $conn );
my $good = Sys::Virt->new( uri => $clean );
show( 'new of a clean one',    $good );
show( 'get_uri of the first',  $conn->get_uri );
show( 'get_uri of the second', $good->get_uri );
my $name = "test$none";
my $dom  = $good->get_domain_by_name($name);
show( 'a lookup by a tainted name', $dom );
show( '... its name',               $dom->get_name );
my $own = $good->get_domain_by_name('test');
show( 'a lookup', $own );
my $flags = 0 + "0$none";
show( 'tainted number', $flags );

for my $call (
    [ get_xml_description      => $flags ],
    [ get_info                 => ],
    [ get_state                => $flags ],
    [ get_id                   => ],
    [ get_max_memory           => ],
    [ get_scheduler_parameters => $flags ],
    [ get_vcpu_info            => $flags ],
    [ get_uuid                 => ],
    [ get_uuid_string          => ],
    [ get_name                 => ],
    [ is_active                => ],
    [ get_memory_parameters    => $flags ],
    [ list_all_snapshots       => $flags ],
    [ num_of_snapshots         => $flags ],
    [ get_metadata             => 0, undef, $flags ],
    [ get_hostname             => $flags ],
    [ get_os_type              => ],
    [ get_autostart            => ],
    [ get_time                 => $flags ]
) {
    my ( $method, @args ) = @$call;
    for my $object ( [ clean => $own ], [ tainted => $dom ] ) {
        my @result = eval { $object->[1]->$method(@args) };
        show( "$method of a $object->[0] domain", @result );
        show( '... dies',                         "$@" ) if $@;
    }
}
for my $call (
    [ list_domains               => ],
    [ list_all_domains           => $flags ],
    [ get_hostname               => ],
    [ get_node_info              => ],
    [ get_type                   => ],
    [ num_of_domains             => ],
    [ get_capabilities           => ],
    [ list_domain_ids            => 5 + $flags ],
    [ list_network_names         => 5 + $flags ],
    [ get_version                => ],
    [ get_node_free_memory       => ],
    [ get_cpu_model_names        => "x86_64$none" ],
    [ get_node_cpu_map           => $flags ],
    [ get_all_domain_stats       => $flags ],
    [ get_node_cells_free_memory => $flags, 1 ],
    [ new_stream                 => 1 + $flags ],
    [ get_sysinfo                => $flags ],
    [ list_networks              => ],
) {
    my ( $method, @args ) = @$call;
    for my $object ( [ clean => $good ], [ tainted => $conn ] ) {
        my @result = eval { $object->[1]->$method(@args) };
        if ( $method eq 'get_all_domain_stats' ) { $_ = $_->{data} for @result }
        show( "$method of a $object->[0] connection", @result );
        show( '... dies',                             "$@" ) if $@;
    }
}
eval { $good->get_domain_by_name("nope$none") };
show( 'an error', $@ );
eval { $good->get_domain_by_name('nope') };
show( 'an error of clean arguments', $@ );
eval { Sys::Virt->new( uri => "bad:///$none" ) };
show( 'an error of new', $@ );
my $xml  = "<domain type='test'><name>t</name><memory>1024</memory><os><type>hvm</type></os></domain>$none";
my $made = $good->define_domain($xml);
show( 'define_domain', $made );
$made->undefine;
my $seconds = $own->get_info->{memory};
show( 'a value in a later statement', $seconds );
$own->set_memory("1048576$none");
show( 'what was set', $own->get_info->{memory} );
my %weight = ( weight => "5$none" );
$own->set_scheduler_parameters( \%weight );
show( 'a parameter that was set', $own->get_scheduler_parameters );
my $stream = $good->new_stream;
show( 'screenshot', $own->screenshot( $stream, 0 ) );
my $data = q{};
my $got  = $stream->recv( $data, 100 );
show( 'recv', $got, $data );
my $more = $stream->recv( $data, "100$none" );
show( 'recv of a tainted number', $more, $data );
my @seen;
$stream->recv_all(
    sub {
        @seen = map { tainted($_) ? 1 : 0 } @_;
        return $_[2];
    }
);
$stream->finish;
print "a stream's handler: @seen\n";
require Sys::Virt::Event;
Sys::Virt::Event::register_default();
my @event;
my $watched = Sys::Virt->new( uri => $uri );
my $id      = $watched->domain_event_register_any(
    undef, 0,
    sub {
        @event = map { tainted($_) ? 1 : 0 } @_;
    }
);
show( 'an id', $id );
my $guest = $watched->get_domain_by_name('test');
$guest->suspend;
Sys::Virt::Event::add_timeout( 200, sub { } );
for ( 1 .. 20 ) { last if @event; Sys::Virt::Event::run_default() }
$guest->resume;
print "an event: @event\n";
print "the end\n";
