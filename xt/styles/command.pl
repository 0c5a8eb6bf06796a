# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A command line tool.
use strict;
use warnings;
use Sys::Virt;
my ( $uri, $dir ) = @ARGV;
my %cmd = (
    list => sub {
        printf "%-5s %-10s %s\n", $_->get_id < 0 ? '-' : $_->get_id, $_->get_name,
            (qw(none running blocked paused down off crashed pm))[ $_->get_info->{state} ]
            for sort { $a->get_name cmp $b->get_name } $_[0]->list_all_domains;
    },
    dumpxml =>
        sub { print length $_[0]->get_domain_by_name( $_[1] )->get_xml_description > 50 ? "xml\n" : "" },
    vcpucount => sub {
        my $d = $_[0]->get_domain_by_name( $_[1] );
        print join(
            " ",
            map {
                eval { $d->get_vcpus($_) }
                    // '-'
            } 0,
            1, 2, 4, 5,
            6
            ),
            " ", $d->get_max_vcpus, "\n";
    },
    dominfo => sub {
        my $d = $_[0]->get_domain_by_name( $_[1] );
        print "Id: ", $d->get_id, "\nName: ", $d->get_name, "\nUUID: ", $d->get_uuid_string, "\nOS Type: ",
            $d->get_os_type, "\nMax memory: ", $d->get_max_memory, " KiB\nPersistent: ",
            $d->is_persistent ? "yes" : "no", "\nAutostart: ", $d->get_autostart ? "enable" : "disable", "\n";
    },
    nodeinfo => sub { my $i = $_[0]->get_node_info; print "$_: $i->{$_}\n" for sort keys %$i },
    version  => sub { print $_[0]->get_type, "\n" },
    nothing  => sub { die "usage" }
);
for my $l (
    'list',         'dumpxml test', 'vcpucount test', 'dominfo test',
    'dominfo nope', 'nodeinfo',     'version',        'nothing'
) {
    my ( $n, @a ) = split ' ', $l;
    my $c = Sys::Virt->new( uri => $uri );
    eval { $cmd{$n}->( $c, @a ); 1 }
        or print "error: ", ref $@ ? $@->message . "\n" : $@ =~ s/ at.*//sr . "\n";
}
