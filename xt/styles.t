# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Programs in the styles that people write (xt/styles/) under the original (Debian: libsys-virt-perl) and under ours: the same
# output, status and warnings, except those that a program lists. On libvirt's test driver and behind a daemon.
#
# A program says in comments:
#   # styles: -T                         options of perl
#   # on: test daemon storage            where it runs; test and daemon unless it says something else
#   # only ours warns: PATTERN           and it must, once at least
#   # only ours may warn: PATTERN         it depends on time
#   # only the original warns: PATTERN   which need not be
# STYLES_ONLY=PATTERN in the environment selects programs by their names.
use strict;
use warnings;

use File::Glob ();
use File::Temp ();
use FindBin    ();
use Test::More;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../t/lib";
use Patience;
use Session;

# prove -b shows our build to every process it starts: the original's must not see it.
my @ours = map { "-I$FindBin::Bin/../blib/$_" } qw(lib arch);
delete local @ENV{qw(PERL5LIB PERL5OPT)};

my $original = qx{$^X -e 'require Sys::Virt; print \$Sys::Virt::VERSION' 2>&1};
plan skip_all => 'the original Sys::Virt is not installed (Debian: libsys-virt-perl), nothing is compared'
    if $? || $original !~ /\A\d/;
my $daemon = Session->new or diag('no libvirtd (Debian: libvirt-daemon)');
my %uri    = ( test => 'test:///default' );
if ($daemon) {
    $uri{daemon}  = $daemon->uri;
    $uri{storage} = $daemon->uri =~ s{\A\w+[+]unix:///\w+}{storage+unix:///session}r;
}

sub slurp {
    my ($name) = @_;
    open my $file, '<', $name or die "$name: $!\n";
    local $/ = undef;
    return scalar <$file>;
}

# Standard output, and standard error.
sub run {
    my ( $program, $where, @options ) = @_;
    my $dir = File::Temp->newdir;
    chmod 0755, $dir or die "$dir: $!\n";    # the daemon is another user
    my @argv = ( $^X, @options, $program, $uri{$where}, $dir );
    my $pid  = fork // die "fork: $!\n";
    if ( !$pid ) {
        open STDIN,  '<', '/dev/null'  or die $!;
        open STDOUT, '>', "$dir/.out"  or die $!;
        open STDERR, '>', "$dir/.warn" or die $!;
        $SIG{ALRM} = 'DEFAULT';    ## no critic (RequireLocalizedPunctuationVars)
        alarm 60;
        exec @argv or die $!;
    }
    waitpid $pid, 0;
    my ( $out, $warn ) = map { s/\Q$dir\E/DIR/gr } slurp("$dir/.out"), slurp("$dir/.warn");
    return ( "$out\nstatus $?\n", $warn );
}

for my $program ( sort { $a cmp $b } File::Glob::bsd_glob("$FindBin::Bin/styles/*.pl") ) {
    my ($name) = $program =~ m{([^/]+)[.]pl\z};
    next if defined $ENV{STYLES_ONLY} && $name !~ /$ENV{STYLES_ONLY}/;
    my $text      = slurp($program);
    my @options   = map { split } $text  =~ /^# styles: (.*)/mg;
    my @where     = map { split } $text  =~ /^# on: (.*)/mg;
    my @wanted    = map { qr/$_/ } $text =~ /^# only ours warns: (.*)/mg;
    my @sometimes = map { qr/$_/ } $text =~ /^# only ours may warn: (.*)/mg;
    my @hints     = map { qr/$_/ } $text =~ /^# only ours says: (.*)/mg;
    my @older     = map { qr/$_/ } $text =~ /^# only the original warns: (.*)/mg;

    for my $where ( grep { $uri{$_} } @where ? @where : qw(test daemon) ) {
        subtest "$name on $where" => sub {
            my ( $their_output, $their_warnings );
            for ( 1 .. 3 ) {    # the original may crash
                ( $their_output, $their_warnings ) = run( $program, $where, @options );
                last if $their_output !~ /^status (?:6|11|134|139)\n\z/m;
            }
            my ( $our_output, $our_warnings ) = run( $program, $where, @options, @ours );
            for my $pattern (@hints) {
                ok( $our_output =~ s/$pattern//g, "ours says: $pattern" );
            }
            is( $our_output, $their_output, 'the same output' );
            cmp_ok( length $our_output, '>', 30, '... which is some' );
            for my $pattern (@wanted) {
                like( $our_warnings, qr/^.*$pattern.*\n/m, "ours warns: $pattern" );
                $our_warnings =~ s/^.*$pattern.*\n//mg;
            }
            $their_warnings =~ s/^.*$_.*\n//mg for @older;
            $our_warnings   =~ s/^.*$_.*\n//mg for @sometimes;
            is( $our_warnings, $their_warnings, 'the same warnings' );
        };
    }
}
done_testing;
