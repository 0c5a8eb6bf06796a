# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# A program that others wrote for the original, unchanged: Debian's monitoring-plugins-contrib has a check of hosts and guests. It is
# downloaded, and must print the same with the original and with ours.
use strict;
use warnings;

use Cwd        ();
use File::Temp ();
use Test::More;

my @ours = grep { defined && m{\bblib\b} } split /:/, $ENV{PERL5LIB} || q{};
@ours = map { '-I' . Cwd::abs_path($_) } @ours ? @ours : ( 'blib/lib', 'blib/arch' );
delete local $ENV{PERL5LIB};

for my $module (qw(Sys::Virt Monitoring::Plugin XML::Simple)) {
    system("$^X -M$module -e1 2>/dev/null") == 0
        or plan skip_all =>
        "$module is not installed (Debian: libsys-virt-perl libmonitoring-plugin-perl libxml-simple-perl)";
}
my $dir  = File::Temp->newdir;
my $said = qx{cd $dir && apt-get download monitoring-plugins-contrib 2>&1 && dpkg -x *.deb .};
my $path = "$dir/usr/lib/nagios/plugins/check_libvirt";
-e $path or plan skip_all => "monitoring-plugins-contrib cannot be downloaded: $said";

# Only its directory for counters is another one.
open my $file, '<', $path or die $!;
my $source = do { local $/ = undef; <$file> };
mkdir "$dir/$_" or die $! for qw(original ours);
for my $which (qw(original ours)) {
    open my $copy, '>', "$dir/$which/check" or die $!;
    print {$copy} $source =~ s{/var/lib/nagios/[.]cache/check_libvirt}{$dir/$which}r;
    close $copy or die $!;
}

# The output of a command, errors included.
sub printed {
    my (@command) = @_;
    my $process = open( my $out, q{-|} ) // die "fork: $!";
    if ( !$process ) {
        open STDERR, '>&', \*STDOUT or die $!;
        exec @command or die "exec: $!";
    }
    my $printed = do { local $/ = undef; <$out> };
    close $out or $! and die $!;
    return $printed;
}

my $uri = 'test://' . Cwd::abs_path('xt/programs.xml');
for my $arguments (
    q{},
    '-H %s',
    '-H %s -l list',
    '-H %s -l list -s web',
    '-H %s -l pool',
    '-H %s -l pool -s images',
    '-H %s -l pool -s nosuch',
    '-H %s -l pool -w 1:2 -c 3:4',
    '-H %s -l volume',
    '-H %s -l volume -s images/disk',
    '-H %s -l volume -s images/nosuch',
    '-H %s -l running -s web',
    '-H %s -l running -s down',
    '-H %s -l running -s nosuch',
    '-H nosuch+driver:///x -l list',
    ( map { "-H %s -N web -l $_" } qw(cpu mem net io other) ),
    '-H %s -N down -l mem',
    '-H %s -N nosuch -l cpu',
    '-H %s -u somebody -p secret -l list',
) {
    my %printed;
    for my $which (qw(original ours)) {
        my @include = $which eq 'ours' ? @ours : ();
        my $printed =
            printed( $^X, @include, "$dir/$which/check", map { s/%s/$uri/r } split / /, $arguments );
        $printed{$which} = "$printed\nexit $?";
        $printed{$which} =~ s/$dir.$which/DIR/g;
    }
    is( $printed{ours}, $printed{original}, "check_libvirt $arguments" );
    note $printed{ours};
    unlike( $printed{ours}, qr/blib|Can't locate|line \d/, '... and nothing went wrong' );
}

done_testing;
