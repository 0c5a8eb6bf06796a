# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# The samples of code in the manual and in README.md, for the tests that compile and run them.
package Samples;
use strict;
use warnings;

# All samples of a file: text (without the indentation), number, section, complete (a script, not some lines of one), runs
# (complete, and the test driver is all that it needs), and above, the text of the section before it.
sub all {
    my ($name) = @_;
    open my $file, '<:encoding(UTF-8)', $name or die "$name: $!";
    my $text = do { local $/ = undef; <$file> };
    my ( @samples, $section, $above );
    for my $part ( split /((?:^(?:    .*)?\n)+)/m, $text ) {
        if ( $part !~ /\A\n*    / ) {
            ( $section, $above ) = ( $1, q{} ) while $part =~ /^(?:=head\d|#+) (.*)/mg;
            $above .= $part;
            next;
        }
        next if $part !~ /;$/m || $part =~ /^    \w+:.*EVENT_ID/m;
        my $code     = $part =~ s/^    //mgr =~ s/\A\n+|\n+\z//gr . "\n";
        my $complete = $code =~ /^use Sys::Virt;/m;
        push @samples,
            {
            text     => $code,
            number   => 1 + @samples,
            section  => $section // q{},
            above    => $above   // q{},
            complete => $complete,
            runs     => $complete && $code !~ m{'(?!test)\w+(?:[+]\w+)?://},
            };
    }
    return @samples;
}

# Modules that event loops for a framework load.
my %loads = ( IOAsync => 'IO::Async::Loop', Mojo => 'Mojo::IOLoop', map { $_ => $_ } qw(AnyEvent Glib POE) );

# The modules that a sample uses and that are not installed. Perl's own and ours are.
sub missing {
    my ($text) = @_;
    my %module =
        map { $_ => 1 }
        $text =~
        /^ *(?:use|eval [{] require) ((?:AnyEvent|EV|Expect|Future|Glib|IO::Async|Mojo|Mojolicious|Moose|POE|UV|XML::LibXML)\b[\w:]*)/mg;
    $module{$_} = 1 for map { $loads{$_} // () } $text =~ /^use Sys::Virt::EventImpl::(\w+)/mg;
    return grep {
        my $file = s{::}{/}gr . '.pm';
        !grep { !ref && -e "$_/$file" } @INC
    } sort keys %module;
}

1;
