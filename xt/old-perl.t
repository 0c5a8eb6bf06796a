# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Perl 5.16, which no machine here has: the shim uses nothing of perl's API that came later, as far as Devel::PPPort knows it,
# and lib/, t/ and examples/ no newer syntax, as far as Perl::MinimumVersion knows that.
use strict;
use warnings;

use Devel::PPPort ();
use File::Temp    ();
use Test::More;

my $dir = File::Temp->newdir;
Devel::PPPort::WriteFile("$dir/ppport.h");

# Functions that perl 5.16 does not have, or not in the form that ppport.h expects.
sub newer {
    my (@files) = @_;
    open my $pipe, '-|', $^X, "$dir/ppport.h", qw(--compat-version=5.16.0 --nofilter --nochanges --nohints),
        @files
        or die $!;
    my %used = map { /Uses (\w+)/ ? ( $1 => 1 ) : () } <$pipe>;
    close $pipe;
    my @used = sort keys %used;
    return @used;
}

my %known = (
    pTHX_               => 'older than 5.16, only its use before 5.6 is meant',
    PERL_VERSION_GE     => 'context.h has it',
    Perl_xs_boot_epilog => 'called where PERL_VERSION_GE says so',
    CLEAR_ERRSV         => 'in perl.h since 5.8.9',
    Perl_call_atexit    => 'the name is meant',
    mess_sv             => 'the name is meant',
);
my @files = ( grep { !/sysvirt/ } glob 'perl/*.[ch]' );
cmp_ok( scalar @files, '>', 5, 'files of the shim' );
is( join( q{ }, grep { !$known{$_} } newer(@files) ), q{}, 'nothing newer is used' );

open my $file, '>', "$dir/young.c" or die $!;
print {$file}
    "#include <perl.h>\nint f(pTHX_ AV *a) { return (int)av_count(a) + SvPVbyte_nomg(*AvARRAY(a))[0]; }\n";
close $file or die $!;
is(
    join( q{ }, grep { !$known{$_} } newer("$dir/young.c") ),
    'SvPVbyte_nomg av_count',
    'newer functions are found'
);

# Before perl 5.22 a question mark begins a pattern where an operand may follow, as after a function of one optional argument.
sub patterns {
    my ($document) = @_;
    my %unary = map { $_ => 1 } qw(
        abs alarm caller chdir chomp chop chr chroot cos defined eval evalbytes exit exp fc getc hex int lc lcfirst length log
        lstat oct ord pop pos quotemeta rand readlink ref require reset rmdir shift sin sleep sqrt srand stat uc ucfirst umask
        undef unlink
    );
    my @found;
    for my $word ( @{ $document->find('PPI::Token::Word') || [] } ) {
        my $next   = $word->snext_sibling or next;
        my $called = $unary{$word} && ( $word->sprevious_sibling // q{} ) ne '->';
        push @found, "$word ?" if $called && $next->content =~ /\A[?]/;
    }
    return @found;
}

SKIP: {
    eval { require Perl::MinimumVersion; require PPI; 1 }
        or skip( 'Perl::MinimumVersion is not installed (Debian: libperl-minimumversion-perl)', 1 );
    my @perl = map { glob }
        qw(Makefile.PL lib/Sys/*.pm lib/Sys/Virt/*.pm lib/Sys/Virt/*/*.pm t/*.t t/*/*.t t/lib/*.pm
        xt/*.t xt/oracle/*.pl xt/lib/*.pm examples/*.pl bench/*.pl);
    for my $name (@perl) {
        my $document = PPI::Document->new($name);
        is( join( q{, }, patterns($document) ), q{}, "$name: no ?PATTERN? before perl 5.22" );
        next if $name =~ /\A(?:xt|bench)/;
        my $least = Perl::MinimumVersion->new($document)->minimum_syntax_version || 0;
        cmp_ok( $least, '<=', 5.016, "$name: its syntax" );
    }
    my $code =
        'my @a = map { ref ? 1 : 0 } @b; $x = defined ? 5 : 6; $y = ref() ? 1 : 2; $z = ref $_ ? 1 : 2; $w = wantarray ? 1 : 0;';
    is(
        join( q{, }, patterns( PPI::Document->new( \$code ) ) ),
        'ref ?, defined ?',
        '... which would be found'
    );
}

done_testing;
