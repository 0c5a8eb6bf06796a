# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
package Dashboard::Demo;

# A test driver with several domains, described by a file.

use Mojo::Base -base, -signatures;

## no critic (ProhibitSubroutinePrototypes): signatures, which perlcritic takes for them

use File::Temp ();

has file => sub {
    my $file = File::Temp->new( SUFFIX => '.xml' );
    print {$file} description();
    close $file or die "$file: $!\n";
    return $file;
};

sub uri ($self) { return 'test://' . $self->file }

sub description {
    my $xml =
        '<node><cpu><mhz>2800</mhz><model>x86</model><active>16</active></cpu><memory>67108864</memory>';
    my $number = 0;
    for (
        [ 'web-1', 4, 8,  'running' ],
        [ 'web-2', 4, 8,  'running' ],
        [ 'db',    8, 24, 'running' ],
        [ 'mail',  2, 4,  'running' ],
        [ 'build', 8, 12, 'paused' ],
        [ 'cache', 1, 2,  'shutoff' ],
    ) {
        my ( $name, $vcpus, $gib, $state ) = @$_;
        $number++;
        my %state = ( running => 1, paused => 3, shutoff => 5 );
        $xml .=
              q{<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>}
            . "<name>$name</name><uuid>00000000-0000-4000-8000-00000000000$number</uuid>"
            . "<memory unit='GiB'>$gib</memory><vcpu>$vcpus</vcpu><os><type>hvm</type></os>"
            . "<test:runstate>$state{$state}</test:runstate></domain>";
    }
    return "$xml</node>";
}

1;
