#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;
use Time::HiRes ();

eval { require XML::LibXML; 1 } or die "XML::LibXML is needed (Debian: libxml-libxml-perl)\n";

my %option = ( uri => 'test:///default', disk => 'vda' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help', 'disk=s', 'quiesce' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
my ( $action, $name, $file ) = @ARGV;
my %arguments = ( create => 3, commit => 2 );
Pod::Usage::pod2usage(2) if @ARGV != ( $arguments{ $action // q{} } // -1 );

my $dom = Sys::Virt->new( uri => $option{uri} )->get_domain_by_name($name);

# The present file of the disk.
sub source {
    my $xml = XML::LibXML->load_xml( string => $dom->get_xml_description );
    return $xml->findvalue("/domain/devices/disk[target/\@dev='$option{disk}']/source/\@file");
}

if ( $action eq 'create' ) {
    my $flags = Sys::Virt::DomainSnapshot::CREATE_DISK_ONLY | Sys::Virt::DomainSnapshot::CREATE_NO_METADATA |
        Sys::Virt::DomainSnapshot::CREATE_ATOMIC;
    $flags |= Sys::Virt::DomainSnapshot::CREATE_QUIESCE if $option{quiesce};
    my $before   = source();
    my $document = XML::LibXML::Document->new;
    my $snapshot = $document->createElement('domainsnapshot');
    $document->setDocumentElement($snapshot);
    my $disk = $snapshot->appendChild( $document->createElement('disks') )
        ->appendChild( $document->createElement('disk') );
    $disk->setAttribute( name     => $option{disk} );
    $disk->setAttribute( snapshot => 'external' );
    $disk->appendChild( $document->createElement('source') )->setAttribute( file => $file );
    $dom->create_snapshot( $document->toString, $flags );
    print "$before no longer changes and can be copied; $name writes to ", source(), "\n";
}
else {
    my $overlay = source();
    $dom->block_commit( $option{disk}, undef, undef, 0,
        Sys::Virt::Domain::BLOCK_COMMIT_ACTIVE | Sys::Virt::Domain::BLOCK_COMMIT_SHALLOW );
    ready();
    $dom->abort_block_job( $option{disk}, Sys::Virt::Domain::BLOCK_JOB_ABORT_PIVOT );
    print "$name writes to ", source(), " again; $overlay is no longer needed\n";
}

# Waits until everything is copied and the pivot is possible, as the XML reports. A job that has not started reports 0 of 0.
sub ready {
    while (1) {
        my $job   = $dom->get_block_job_info( $option{disk} );
        my $xml   = XML::LibXML->load_xml( string => $dom->get_xml_description );
        my $state = $xml->findvalue("/domain/devices/disk[target/\@dev='$option{disk}']/mirror/\@ready");
        return                                    if $state eq 'yes';
        die "the job ended before it was ready\n" if !$job->{type};
        Time::HiRes::sleep(0.2);
    }
    return;
}

__END__

=head1 NAME

external-snapshot.pl - creates an external snapshot of a disk while the domain runs, and commits it later

=head1 SYNOPSIS

    external-snapshot.pl [--uri URI] [--disk DISK] [--quiesce] create DOMAIN FILE
    external-snapshot.pl [--uri URI] [--disk DISK] commit DOMAIN

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--disk> DISK

The disk's target; the default is C<vda>.

=item B<--quiesce>

Lets the agent in the guest freeze its file systems while the snapshot is created.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Needs L<XML::LibXML> (Debian: C<libxml-libxml-perl>). C<create> makes the domain write to FILE, a new qcow2 image whose
backing file is the old image. The old image no longer changes, and can be copied with any tool. C<commit> copies the
changes from FILE to the old image, and makes the old image the disk's image again. Then you can delete FILE.

=cut
