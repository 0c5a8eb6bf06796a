#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;
use Sys::Virt::Future;
use Future::AsyncAwait future_class => 'Sys::Virt::Future';

my %option = ( uri => 'test:///default', timeout => 10 );
Getopt::Long::GetOptions( \%option, 'uri=s', 'timeout=f', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
my %limit = ( timeout => $option{timeout} );

# Reads like blocking code, but handles all domains at the same time.
async sub describe {
    my ($dom)   = @_;
    my $proxy   = $dom->async(%limit);
    my $info    = await $proxy->get_info;
    my ($state) = await $proxy->get_state;
    return sprintf '%-20s %-10s %d vCPUs, %d KiB', await( $proxy->get_name ),
        lc( Sys::Virt::Domain->name_of( 'STATE', $state ) // $state ), @$info{qw(nrVirtCpu memory)};
}

async sub report {
    my $conn    = await Sys::Virt->async(%limit)->new( uri => $option{uri}, readonly => 1 );
    my @domains = await $conn->async(%limit)->list_all_domains;
    my @lines   = await Sys::Virt::Future->needs_all( map { describe($_) } @domains );
    return @lines;
}

print "$_\n" for sort { $a cmp $b } report()->get;

__END__

=head1 NAME

await.pl - describes all domains at the same time, with async and await

=head1 SYNOPSIS

    await.pl [--timeout 10] [--uri URI]

=head1 OPTIONS

=over

=item B<--timeout> SECONDS

How long to wait for each answer.

=item B<--uri> URI

The host; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

Needs L<Future::AsyncAwait>. During each C<await> the other async functions run, until the answer arrives.

=cut
