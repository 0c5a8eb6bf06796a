# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Authentication callbacks that end in whatever statement comes last. Nothing of what they return is shown.
# on: test
use strict;
use warnings;

use Scalar::Util qw(dualvar);
use Sys::Virt;
my $file = "$ARGV[1]/node.xml";
open my $xml, '>', $file or die $!;
print {$xml} '<node><auth><user password="opensesame">fred</user></auth></node>';
close $xml or die $!;

my %style = (
    'returns 0' =>
        sub { my ($creds) = @_; $creds->[0]{result} = 'fred'; $creds->[1]{result} = 'opensesame'; return 0 },
    'foreach' => sub {
        my ($creds) = @_;
        foreach my $cred (@$creds) {
            if ( $cred->{type} == Sys::Virt::CRED_AUTHNAME )   { $cred->{result} = 'fred' }
            if ( $cred->{type} == Sys::Virt::CRED_PASSPHRASE ) { $cred->{result} = 'opensesame' }
        }
    },
    'assignment'  => sub { $_[0][0]{result} = 'fred'; $_[0][1]{result} = 'opensesame' },
    'bare return' => sub { $_[0][0]{result} = 'fred'; $_[0][1]{result} = 'opensesame'; return },
    'undef'       => sub { $_[0][0]{result} = 'fred'; $_[0][1]{result} = 'opensesame'; undef },
    'empty'       => sub { $_[0][0]{result} = 'fred'; $_[0][1]{result} = 'opensesame'; q{} },
    'print'       => sub { $_[0][0]{result} = 'fred'; $_[0][1]{result} = 'opensesame'; print q{} },
    'map'         => sub {
        my %answer = ( 2 => 'fred', 5 => 'opensesame' );
        map { $_->{result} = $answer{ $_->{type} } } @{ $_[0] };
    },
    'dualvar' => sub { $_[0][0]{result} = 'fred'; $_[0][1]{result} = 'opensesame'; dualvar( 0, 'done' ) },
    'a number as a name'  => sub { $_[0][0]{result} = 17; $_[0][1]{result} = 'opensesame'; 0 },
    'refuses'             => sub { return -1 },
    'refuses as a string' => sub { return '-1' },
    'dies'                => sub { die "no password\n" },
    'answers nothing'     => sub { return 0 },
    'extra keys'          =>
        sub { $_->{note} = 'x' for @{ $_[0] }; $_[0][0]{result} = 'fred'; $_[0][1]{result} = 'opensesame'; 0 }
    ,
);
for my $name ( sort keys %style ) {
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    my $conn = eval {
        Sys::Virt->new( uri => "test://$file", auth => 1, credlist => [ 2, 5 ], callback => $style{$name} );
    };
    my $error = ref $@ ? $@->code : $@;
    print "$name: ", ( $conn ? 'connected' : "not connected: $error" ), "\n";
    print "it shows the password\n" if "$error @warnings" =~ /opensesame/ && $INC{'Sys/Virt.pm'} =~ /blib/;
}
