# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Runs another perl with the same modules; under -T too, for which it clears the environment.
package Child;
use strict;
use warnings;

use Exporter qw(import);
use POSIX    ();

our @EXPORT = qw(child_perl child_output);    ## no critic (ProhibitAutomaticExportation)

delete @ENV{qw(IFS CDPATH ENV BASH_ENV)};             ## no critic (RequireLocalizedPunctuationVars)
( $ENV{PATH} ) = ( $ENV{PATH} // q{} ) =~ /(.*)/s;    ## no critic (RequireLocalizedPunctuationVars)

# Trusted as it is.
sub untainted {
    my (@values) = @_;
    return map { /(.*)/s } @values;
}

# The command, to which switches and arguments are added.
sub child_perl {
    return untainted( $^X, map { "-I$_" } grep { !ref } @INC );
}

# The output of the child, including warnings; its status is in $?.
sub child_output {
    my (@arguments) = @_;
    @arguments = untainted(@arguments);
    my $pid = open( my $pipe, q{-|} ) // die "fork: $!\n";
    if ( !$pid ) {
        open STDERR, '>&', \*STDOUT or POSIX::_exit(127);
        exec { $^X =~ /(.*)/s ? $1 : q{} } child_perl(), @arguments or POSIX::_exit(127);
    }
    my $output = do { local $/ = undef; <$pipe> };
    close $pipe or $? or die $!;
    return $output // q{};
}

1;
