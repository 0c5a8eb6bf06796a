# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Changes is in the form that CPAN's tools read, and every file that names this distribution's version names the same one.
use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::Local ();

eval { require Test::CPAN::Changes; 1 }
    or plan skip_all => 'needs CPAN::Changes (Debian: libcpan-changes-perl)';

sub text {
    my ($name) = @_;
    open my $file, '<:encoding(UTF-8)', $name or die "$name: $!";
    local $/ = undef;
    return scalar <$file>;
}

my ($version) = text('lib/Sys/Virt.pm') =~ /^our \$VERSION = '([\d.]+)';$/m;
like( $version, qr/\A\d+[.]\d+[.]\d+\z/, 'lib/Sys/Virt.pm has a version of three numbers' );

Test::CPAN::Changes::changes_file_ok( 'Changes', { version => $version } );
my %release = map { $_->version => $_ } CPAN::Changes->load('Changes')->releases;
my @order   = text('Changes') =~ /^(\d\S*)/mg;
is( $order[0],     $version,             'the first release of Changes is this one' );
is( scalar @order, scalar keys %release, 'no release is listed twice' );
my ( $newer, $later ) = ( undef, POSIX::strftime( '%Y-%m-%d', gmtime time + 24 * 3600 ) );
for my $name (@order) {
    my $date = $release{$name}->date // q{};
    my ( $year, $month, $day ) = $date =~ /\A(\d{4})-(\d\d)-(\d\d)\z/;
    ok( eval { Time::Local::timegm( 0, 0, 0, $day, $month - 1, $year ) }, "$name has a date" );
    cmp_ok( $date, 'le', $later, "$name is not in the future, and not newer than the release above" );
    ok( !$newer || version->parse($name) < version->parse($newer),  "$name is less than the release above" );
    ok( scalar( map { @$_ } values %{ $release{$name}->changes } ), "$name says what changed" );
    ( $newer, $later ) = ( $name, $date );
}

# The API that xt/ compares with is that of the libvirt whose version this is.
my %place = (
    'Cargo.toml'                   => qr/^name = "sys-virt"\nversion = "([\d.]+)"$/m,
    'Cargo.lock'                   => qr/^name = "sys-virt"\nversion = "([\d.]+)"$/m,
    'README.md'                    => qr/the API of libvirt ([\d.]+\d)/,
    'packaging/perl-Sys-Virt.spec' => qr/^Version: +([\d.]+)$/m,
    'tools/rust-fuzz/Cargo.lock'   => qr/^name = "sys-virt"\nversion = "([\d.]+)"$/m,
);
for my $name ( sort keys %place ) {
    my ($found) = text($name) =~ $place{$name};
    is( $found, $version, "$name has the version of lib/Sys/Virt.pm" );
}

done_testing;
