# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# lib/Sys/Virt/Index.pod is what this makes of the manual, of xt/stub/methods.tsv and of the tables in xt/index/:
# `perl xt/index.t --write` writes it. The tables name methods that exist, and all commands and methods of the virsh and the
# libvirt-python that are installed.
use strict;
use warnings;

use Test::More;

sub slurp {
    my ($name) = @_;
    open my $file, '<:encoding(UTF-8)', $name or die "$name: $!";
    local $/ = undef;
    return scalar <$file>;
}

# Rows of a table: name, and what follows the tab.
sub rows {
    my ($name) = @_;
    return map { [ split /\t/ ] } grep { !/\A#/ } split /\n/, slurp($name);
}

# Every method of the manual, by class: "Conn" stands for Sys::Virt.
my ( %method, @classes );
for my $file ( 'lib/Sys/Virt.pod', sort glob 'lib/Sys/Virt/*.pod lib/Sys/Virt/*/*.pod' ) {
    my $class = $file =~ s{\Alib/|[.]pod\z}{}gr =~ s{/}{::}gr;
    next if $class =~ /::(?:Compat|Cookbook|Constants|Index)\z/;
    my @names = slurp($file) =~ /^=head2 ([a-z_]\w*)\n\n    /mg or next;
    push @classes, $class;
    my $short = $class eq 'Sys::Virt' ? 'Conn' : $class =~ s/\ASys::Virt:://r;
    $method{"${short}::$_"} = "L<$_|$class/$_>" for @names;
}

# The index of a method in a table is the method with its class: names such as create are many.
sub link_to {
    my ($name) = @_;
    my ( $class, $method ) = $name =~ /\A(.*)::(\w+)\z/ or die "$name\n";
    my $page = $class eq 'Conn' ? 'Sys::Virt' : "Sys::Virt::$class";
    return "L<$page-E<gt>new|Sys::Virt/new>" if $name eq 'Conn::new';
    return "L<${page}::$method|$page/$method>";
}

sub table {
    my (@rows) = @_;
    return join q{}, map { "C<$_->[0]>: $_->[1]\n\n" } @rows;
}

my ( @dead, %functions );
my %tables = map { $_ => [ rows("xt/index/$_.tsv") ] } qw(virsh python);
for my $row ( map { @$_ } values %tables ) {
    push @dead, grep { $_ ne q{-} && !$method{$_} } split q{ }, $row->[1];
}
for my $row ( rows('xt/stub/methods.tsv') ) {
    my ( $class, $name, $functions ) = @$row[ 0, 1, 4 ];
    my $key = ( $class eq 'Sys::Virt' ? 'Conn' : $class =~ s/\ASys::Virt:://r ) . "::$name";
    $key = 'Conn::new' if $class eq 'Sys::Virt' && $name =~ /\A_open/;
    next if !$method{$key};
    push @{ $functions{$_} }, $key for $functions =~ /\b(vir[A-Z]\w+)/g;
}

my $pod = <<'POD';
=pod

=for comment SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl

=for comment Written by xt/index.t --write: do not edit.

=encoding utf8

=head1 NAME

Sys::Virt::Index - all methods by class, and by the names that virsh, libvirt-python and C have for them

=head1 METHODS BY CLASS

POD
for my $class (@classes) {
    my $short = $class eq 'Sys::Virt' ? 'Conn' : $class =~ s/\ASys::Virt:://r;
    my @names = sort grep { /\A\Q$short\E::\w+\z/ } keys %method;
    $pod .= "=head2 $class\n\n" . join( ",\n", map { $method{$_} } @names ) . "\n\n";
}
$pod .= "=head1 FROM VIRSH\n\nCommands of virsh, and the methods that do the same.\n\n";
$pod .= table(
    map {
        [ $_->[0], join ', ', map { link_to($_) } split q{ }, $_->[1] ]
        }
        sort { $a->[0] cmp $b->[0] } grep { $_->[1] ne q{-} } @{ $tables{virsh} }
);
$pod .= "=head1 FROM LIBVIRT-PYTHON\n\nMethods and functions of libvirt-python.\n\n";
$pod .= table(
    map {
        [ $_->[0], join ', ', map { link_to($_) } split q{ }, $_->[1] ]
        }
        sort { $a->[0] cmp $b->[0] } @{ $tables{python} }
);
$pod .= "=head1 FROM C\n\nFunctions of libvirt, and the methods that call them.\n\n";
$pod .= table(
    map {
        [ $_, join ', ', map { link_to($_) } sort @{ $functions{$_} } ]
    } sort keys %functions
);
$pod .= <<'POD';
=head1 SEE ALSO

L<Sys::Virt>, L<Sys::Virt::Domain::Constants>, L<Sys::Virt::Cookbook>

=head1 LICENSE

As Perl itself: the GNU General Public License, version 2 or later, or the Artistic License.

=cut
POD

if ( grep { $_ eq '--write' } @ARGV ) {
    die "unknown methods: @dead\n" if @dead;
    open my $file, '>', 'lib/Sys/Virt/Index.pod' or die $!;
    print {$file} $pod;
    close $file or die $!;
    exit;
}

is( join( q{ }, @dead ),             q{},  'the tables name methods that exist' );
is( slurp('lib/Sys/Virt/Index.pod'), $pod, 'lib/Sys/Virt/Index.pod is up to date' );
cmp_ok( scalar keys %method, '>', 440, 'every method is in it' );

SKIP: {
    my @commands = map { /\A {4}(\S+) /mg } qx{virsh help 2>/dev/null} or skip( 'virsh is not installed', 1 );
    my %known    = map { $_->[0] => 1 } @{ $tables{virsh} };
    is( join( q{ }, grep { !$known{$_} } @commands ), q{}, 'all commands of virsh are in the table' );
}
done_testing;
