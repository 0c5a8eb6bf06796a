# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# client.pl URI SEED: what a script may ask a daemon for, by connections whose replies are damaged (Proxy.pm). Every call may
# fail; none may crash. Prints how many calls succeeded, and how many failed.
use strict;
use warnings;
no warnings qw(numeric uninitialized);

use FindBin ();
use lib "$FindBin::Bin/../../t/lib";
use Patience;
use Sys::Virt;
use Sys::Virt::Event;

my ( $uri, $seed ) = @ARGV;
my ( $done, $failed, $conn ) = ( 0, 0 );
alarm 120;
Sys::Virt::Event::register_default();
my $timer = Sys::Virt::Event::add_timeout( 20, sub { } );

# The call's result in list context; each element is read.
sub try {    ## no critic (RequireArgUnpacking)
    my $code   = shift;
    my @result = eval { $code->() };
    $@ ? $failed++ : $done++;
    look($_) for @result;
    return @result;
}

sub look {
    my ($value) = @_;
    my $type = ref $value;
    if    ( $type eq 'HASH' )  { look($_) for %$value }
    elsif ( $type eq 'ARRAY' ) { look($_) for @$value }
    elsif ( $type eq 'Sys::Virt::Domain' ) {
        eval { $value->get_name . $value->get_uuid }
    }
    elsif ( defined $value ) { my $copy = "$value" }
    return;
}

# Every method of a class that only reads, with arguments of the usual forms.
my @arguments = ( [], [0], ['x'], [ 'x', 0 ], [ 0, 0 ], [ 0, 1, 0 ], ['/dev/x'] );

sub read_all {
    my ( $class, @objects ) = @_;
    no strict 'refs';
    my @names = grep { /^(?:get|list|num_of|is|has|interface|memory_stats|block_stats)/ && !/_by_/ }
        grep { defined &{"${class}::$_"} } sort keys %{"${class}::"};
    my @seen;
    for my $object (@objects) {

        # A connection seldom lasts: each begins elsewhere.
        push @names, splice @names, 0, $seed++ % @names;
        for my $name (@names) {
            return @seen if !$conn->is_alive;
            my ( $needed, $more ) = map { tr/$// } split /;/, prototype( $class->can($name) ) // '$;$';
            my ($fitting) =
                $name =~ /(?:names|uuids|ids)\z/
                ? [ ('x') x ( $needed - 2 ), 64 ]
                : grep { @$_ + 1 >= $needed } @arguments;
            next if !$fitting || @$fitting + 1 > $needed + ( $more // 0 );
            push @seen, try( sub { $object->$name(@$fitting) } );
        }
    }
    return @seen;
}

for my $round ( 1 .. 20 ) {
    undef $conn;
    ($conn) = try( sub { Sys::Virt->new( uri => $uri ) } ) or next;
    my @ids = map {
        my $id = $_;
        try(
            sub {
                $conn->domain_event_register_any( undef, $id, sub { look( \@_ ) } );
            }
        )
    } 0, 1, 13;
    try(
        sub {
            $conn->register_close_callback( sub { look( \@_ ) } );
        }
    );
    try( sub { $conn->get_all_domain_stats(0) } );
    try( sub { $conn->baseline_cpu( ['<cpu><arch>x86_64</arch></cpu>'] ) } );
    my @found = read_all( 'Sys::Virt', $conn );
    my %by_class;
    push @{ $by_class{ ref $_ } }, $_ for grep { ref && ref ne 'Sys::Virt' && /^Sys::Virt/ } @found;
    my ($domain) = @{ $by_class{'Sys::Virt::Domain'} // [] };
    if ($domain) {
        try( sub { $domain->create_snapshot('<domainsnapshot/>') } );
        try( sub { $domain->suspend } );
        try( sub { $domain->resume } );
        try(
            sub {
                my $stream = $conn->new_stream;
                $domain->screenshot( $stream, 0 );
                $stream->recv_all( sub { length $_[1] } );
                $stream->finish;
            }
        );
        try( sub { $domain->get_interface_addresses(0) } );
        try( sub { $conn->get_all_domain_stats( 0, [$domain] ) } );
    }
    for my $class ( sort keys %by_class ) {
        my ( $first, $second ) = @{ $by_class{$class} };
        push @found, read_all( $class, $first, $second // () );
    }
    try( sub { Sys::Virt::Event::run_default() } ) for 1 .. 3;
    for my $id (@ids) {
        try( sub { $conn->domain_event_deregister_any($id) } );
    }
}
print "$done $failed\n";
