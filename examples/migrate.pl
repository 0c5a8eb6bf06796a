#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
use strict;
use warnings;

use Getopt::Long ();
use Pod::Usage   ();
use Sys::Virt;
use POSIX ();

my %option = ( uri => 'test:///default' );
Getopt::Long::GetOptions( \%option, 'uri=s', 'help' ) or Pod::Usage::pod2usage(2);
Pod::Usage::pod2usage( -verbose => 1, -exitval => 0 ) if $option{help};
Pod::Usage::pod2usage(2)                              if @ARGV != 2;

my ( $name, $to ) = @ARGV;
my $conn = Sys::Virt->new( uri => $option{uri} );
my $dom  = $conn->get_domain_by_name($name);
my $dest = Sys::Virt->new( uri => $to );

my $child = fork // die "fork: $!\n";
if ( !$child ) {
    watch();
    exit 0;
}
my $moved = eval { $dom->migrate( $dest, Sys::Virt::Domain::MIGRATE_LIVE ) };
my $error = $@;
kill TERM => $child;
waitpid $child, 0;
die $error if !$moved;
printf "%s runs on %s\n", $moved->get_name, $dest->get_hostname;

sub watch {
    local $| = 1;
    my $own = Sys::Virt->new( uri => $option{uri}, readonly => 1 )->get_domain_by_name($name);
    my $bar;
    eval {
        local $SIG{TERM} = sub { die "it has moved\n" };
        while ( sleep 1 ) {
            my $job = $own->get_job_info;    # dies if the domain no longer exists
            next if !$job->{dataTotal};
            $bar //= progress( $job->{dataTotal} );
            if   ($bar) { $bar->update( $job->{dataProcessed} ) }
            else        { printf "%3d %%\n", 100 * $job->{dataProcessed} / $job->{dataTotal} }
        }
    };
    print {*STDERR} "\n" if $bar;    # later output goes below the bar
    return;
}

# A progress bar, if the module is installed and the output is a terminal; otherwise plain lines.
sub progress {
    my ($total) = @_;
    return Term::ProgressBar->new( { count => $total, ETA => 'linear', remove => 0 } )
        if POSIX::isatty( fileno STDERR ) && eval { require Term::ProgressBar };
    return;
}

__END__

=head1 NAME

migrate.pl - migrates a running domain to another host, and shows the progress

=head1 SYNOPSIS

    migrate.pl [--uri URI] DOMAIN DESTINATION

=head1 OPTIONS

=over

=item B<--uri> URI

The connection; the default is C<test:///default>.

=item B<--help>

Prints this text.

=back

=head1 DESCRIPTION

While the migration blocks, a child process reads the progress on its own connection. If Term::ProgressBar from CPAN is
installed, it draws a progress bar. Needs two hosts.

=cut
