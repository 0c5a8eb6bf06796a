# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
# Shared code of the tests on a real libvirt: tools/libvirt-stack, its guests, bounded waits, the original for comparison.
#
#   use lib 'xt/lib';
#   use Stack;                            # starts the stack unless it runs; registers the default event loop
#   my $conn  = Stack::connect('a');      # daemon a or b
#   my $guest = Stack::boot( $conn, name => 'x', agent => 1 );    # returns when it has booted
#   Stack::wait_for( 'an event', 10, sub { $seen } );             # runs the event loop while waiting
#   Stack::same( 'get_info', $guest, '$dom->get_info' );          # this binding and the original: same result
#
# All guests get a prefix of the test's name ("life-"), pools and the like should have one. At the end of the test they are
# destroyed and undefined, and the scratch folder is deleted; the stack stays up (tools/stack-tests ends the one that it started).
package Stack;
use strict;
use warnings;

use Cwd            ();
use Data::Dumper   ();
use File::Basename ();
use File::Path     ();
use JSON::PP       ();
use MIME::Base64   ();
use Test::More     ();
use Time::HiRes    ();
use lib __FILE__ =~ s{[^/]+\z}{../../t/lib}r;
use Patience;
use Sys::Virt;
use Sys::Virt::Event;
use Sys::Virt::QEMU;

my $top   = Cwd::abs_path( File::Basename::dirname(__FILE__) . '/../..' );
my $root  = $ENV{STACK_ROOT} || '/tmp/libvirt-stack';
my $files = "$root-guest";
my $owner = $ENV{STACK_CASE} ? 0 : $$;              # a case of Faults.pm works within its parent's
my $label = File::Basename::basename( $0, '.t' );
my $dir   = "$root/tests/$label";

sub root  { return $root }
sub label { return $label }
sub file  { my ($name) = @_; return "$dir/$name" }    # in a scratch folder

# In a folder that the daemons take for shared, as migration wants it for disks.
sub shared { my ($name)  = @_; return "$root/shared/$label-$name" }
sub part   { my ($name)  = @_; return "$files/$name" }                # vmlinuz, initrd, disk.img, id_rsa
sub log_of { my ($guest) = @_; return "$dir/$guest.log" }             # what the guest wrote to its console

# The stack's script, whose output goes to standard error when it fails.
sub control {
    my (@command) = @_;
    local $ENV{STACK_ROOT} = $root;
    open my $pipe, '-|', "$top/tools/libvirt-stack", @command or die "libvirt-stack: $!\n";
    my $output = do { local $/ = undef; <$pipe> };
    close $pipe or die "libvirt-stack @command failed\n";
    return $output // q{};
}

sub up {
    control('up');
    control( 'guest', $files );
    return;
}

sub uri { my ($which) = @_; return "qemu+unix:///system?socket=$root/$which/run/libvirt-sock" }

sub connect {    ## no critic (ProhibitBuiltinHomonyms)
    my ( $which, %more ) = @_;
    return Sys::Virt->new( uri => uri( $which // 'a' ), %more );
}

# A program of this machine, as the stack sees it: inside, qemu:///system is daemon a, and TCP reaches both.
sub inside_command { my (@command) = @_; return ( "$top/tools/libvirt-stack", 'run', @command ) }

# Repeats the code, with the event loop running, until it returns something true, which this returns.
sub wait_for {
    my ( $what, $seconds, $code ) = @_;
    my $end   = Time::HiRes::time() + $seconds;
    my $timer = Sys::Virt::Event::add_timeout( 50, sub { } );    # so that run_default comes back
    my $result;
    until ( $result = $code->() ) {
        last if Time::HiRes::time() > $end;
        Sys::Virt::Event::run_default();
    }
    Sys::Virt::Event::remove_timeout($timer);
    $result or Test::More::diag("waited $seconds seconds without success: $what");
    return $result;
}

sub slurp {
    my ($name) = @_;
    open my $file, '<:raw', $name or return q{};
    local $/ = undef;
    my $text = <$file>;
    return $text // q{};
}

# Runs a program; its output.
sub command {
    my (@command) = @_;
    open my $pipe, '-|', @command or die "$command[0]: $!\n";
    my $output = do { local $/ = undef; <$pipe> };
    close $pipe or die "@command: failed with $?\n";
    return $output // q{};
}

# An image in the scratch folder; its path.
sub image {
    my ( $name, $format, $size, @more ) = @_;
    command( 'qemu-img', 'create', '-q', '-f', $format, @more, file($name), $size );
    return file($name);
}

# XML of a domain. Options: name; memory, max_memory (MiB); vcpus, max_vcpus; agent, network, arguments (of the kernel);
# disks (XML of each); devices, domain (more XML); type (default: qemu); disk_boot (a BIOS boot disk's path).
sub xml {
    my (%o)    = @_;
    my $name   = "$label-$o{name}";
    my $memory = $o{memory}     // 128;
    my $max    = $o{max_memory} // $memory;
    my $vcpus  = $o{vcpus}      // 1;
    my $all    = $o{max_vcpus}  // $vcpus;
    my $extra  = $o{arguments}  // q{};
    my $boot =
        "<kernel>$files/vmlinuz</kernel><initrd>$files/initrd</initrd><cmdline>console=ttyS0 quiet $extra</cmdline>";
    my $devices = join q{}, @{ $o{disks} // [] }, $o{devices} // q{};

    if ( $o{disk_boot} ) {
        $boot = q{};
        $devices .=
              "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='$o{disk_boot}'/>"
            . "<target dev='vda' bus='virtio'/><boot order='1'/></disk>";
    }
    $devices .= "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
        if $o{agent};
    $devices .= "<interface type='network'><source network='default'/><model type='virtio'/></interface>"
        if $o{network};
    my $log = log_of( $o{name} );
    my $top = $o{domain} // q{};
    return <<"XML";
<domain type='qemu'><name>$name</name><memory unit='MiB'>$max</memory><currentMemory unit='MiB'>$memory</currentMemory>
<vcpu current='$vcpus'>$all</vcpu><os><type arch='x86_64' machine='q35'>hvm</type>$boot</os>
<features><acpi/><apic/></features><cpu mode='custom'><model>qemu64</model></cpu>$top
<devices>$devices<serial type='pty'><log file='$log' append='off'/></serial><console type='pty'/>
<memballoon model='virtio'/></devices></domain>
XML
}

# Reading the log is the surest way to know: a console can have only one reader.
sub ready {
    my ( $name, $seconds, $times ) = @_;
    $times ||= 1;
    return wait_for(
        "$name has booted",
        $seconds || 120,
        sub {
            my $count = () = slurp( log_of($name) ) =~ /guest ready/g;
            return $count >= $times;
        }
    );
}

sub agent_ready {
    my ($guest) = @_;
    my $ask = sub {
        return eval { $guest->get_hostname( Sys::Virt::Domain::GET_HOSTNAME_AGENT() ) };
    };
    return wait_for( 'the guest agent', 60, $ask );
}

# Has the agent end or reboot its guest, which on a fast machine is gone before it has answered.
sub by_agent {
    my ( $guest, $method, $flag ) = @_;
    return if eval { $guest->$method($flag); 1 };
    die $@ if $@->message !~ /End of file from agent socket|agent disappeared while executing/;
    return;
}

# Starts a guest (options as of xml; define: persistent) and waits until it has booted, with its agent. Dies when it does not.
sub boot {
    my ( $conn, %o ) = @_;
    my $guest = $o{define} ? $conn->define_domain( xml(%o) ) : $conn->create_domain( xml(%o) );
    $guest->create if $o{define};
    ready( $o{name} ) or die "$label-$o{name} does not boot: " . slurp( log_of( $o{name} ) ) . "\n";
    !$o{agent} or agent_ready($guest) or die "$label-$o{name}: no agent\n";
    return $guest;
}

# Asks the guest agent.
sub agent {
    my ( $guest, $name, %arguments ) = @_;
    my $request = { execute => $name, %arguments ? ( arguments => \%arguments ) : () };
    return Sys::Virt::QEMU::agent_json( $guest, $request, 30 );
}

sub virsh {
    my ( $which, @command ) = @_;
    return command( 'virsh', '-q', '-c', uri($which), @command );
}

# Runs a line of shell in the guest; standard output.
sub in_guest {
    my ( $guest, $line ) = @_;
    my $task = agent(
        $guest, 'guest-exec',
        path             => '/bin/sh',
        arg              => [ '-c', $line ],
        'capture-output' => JSON::PP::true()
    );
    my $result;
    my $ask =
        sub { $result = agent( $guest, 'guest-exec-status', pid => $task->{pid} ); return $result->{exited} };
    wait_for( $line, 60, $ask );
    return MIME::Base64::decode_base64( $result->{'out-data'} // q{} );
}

# Runs Perl text, which sees $conn (daemon a), $dom if a guest is given, and its arguments as @_; a list of results or the
# exception. With `original`, another perl runs it with the Sys::Virt written in C.
sub evaluate {
    my ( $text, %o ) = @_;
    my $name    = $o{guest} ? $o{guest}->get_name : q{};
    my $program = <<'PERL';
use strict; use warnings; use Sys::Virt; use Data::Dumper;
my ( $uri, $name, $text ) = @ARGV; @_ = ();
alarm 120;
my $conn = Sys::Virt->new( uri => $uri );
my $dom = $name eq q{} ? undef : $conn->get_domain_by_name($name);
my @result = eval $text;
my $error = "$@";
$error =~ s/ at \(eval.*//s;
# An object shows by its name; its number differs from run to run.
sub plain {
    my ($v) = @_;
    return [ map { plain($_) } @$v ] if ref $v eq 'ARRAY';
    return { map { $_ => plain( $v->{$_} ) } keys %$v } if ref $v eq 'HASH';
    return ref $v ? ref($v) . ( $v->can('get_name') ? q{ } . $v->get_name : q{} ) : defined $v ? "$v" : undef;
}
local $Data::Dumper::Sortkeys = 1; local $Data::Dumper::Indent = 1; local $Data::Dumper::Useqq = 1;
print Dumper( $error eq q{} ? plain( \@result ) : "dies: $error" );
PERL
    my @includes = $o{original} ? () : ( "-I$top/blib/lib", "-I$top/blib/arch" );
    local $ENV{PERL5LIB} = q{};
    local $ENV{PERL5OPT} = q{};
    my $printed = command( $^X, @includes, '-e', $program, uri( $o{daemon} // 'a' ), $name, $text );
    serve();
    return $printed;
}

# One iteration of the loop: a daemon closes a connection that has not answered its keepalive messages for half a minute.
sub serve {
    my $timer = Sys::Virt::Event::add_timeout( 0, sub { } );    # so that run_default comes back
    Sys::Virt::Event::run_default();
    Sys::Virt::Event::remove_timeout($timer);
    return;
}

# The text's result with this binding, with the original, and with this one again are equal, once `ignore` (a pattern)
# has been blotted out. What changes between the two runs of this one by itself proves nothing, and is compared by shape.
sub same {
    my ( $what, $guest, $text, $ignore ) = @_;
    my @all = map { evaluate( $text, guest => $guest, original => $_ ) } 0, 1, 0;
    if ( defined $ignore )    { s/$ignore/.../g for @all }
    if ( $all[0] ne $all[2] ) { s/\b\d+\b/N/g   for @all }
    my $same = $all[0] eq $all[1] || $all[2] eq $all[1];
    Test::More::ok( $same && $all[0] !~ /\A\$VAR1 = "dies/, "$what: as the original" )
        or Test::More::diag("this:     $all[0]\noriginal: $all[1]");
    return;
}

# No exception; false when there was one.
sub lives {
    my ( $what, $code ) = @_;
    my $lived = eval { $code->(); 1 };
    return Test::More::ok( $lived, $what ) || Test::More::diag("$@") && 0;
}

# Deletes this test's guests, pools, networks, filters and secrets on both daemons.
sub clean {
    my $flags =
        Sys::Virt::Domain::UNDEFINE_MANAGED_SAVE() | Sys::Virt::Domain::UNDEFINE_SNAPSHOTS_METADATA() |
        Sys::Virt::Domain::UNDEFINE_CHECKPOINTS_METADATA();
    my $mine = qr/\A\Q$label\E-/;
    for my $which (qw(a b)) {
        my $conn = eval { Stack::connect($which) } or next;
        for my $guest ( grep { $_->get_name =~ $mine } $conn->list_all_domains ) {
            eval { $guest->destroy } if $guest->is_active;
            eval { $guest->undefine($flags) };
        }
        for my $object ( grep { $_->get_name =~ $mine } $conn->list_all_storage_pools,
            $conn->list_all_networks ) {
            eval { $object->destroy } if $object->is_active;
            eval { $object->undefine };
        }
        eval { $_->undefine } for grep { $_->get_name     =~ $mine } $conn->list_all_nwfilters;
        eval { $_->undefine } for grep { $_->get_usage_id =~ $mine } $conn->list_all_secrets;
    }
    return;
}

sub import {
    return if $ENV{STACK_CASE};
    local $SIG{ALRM} = sub { die "the stack does not come up\n" };
    alarm 300;
    up();
    clean();    # what an interrupted run left
    File::Path::remove_tree( $dir, glob "$root/shared/$label-*" );
    File::Path::make_path($dir);
    Sys::Virt::Event::register_default();
    $SIG{ALRM} = sub { die "stuck: the test took too long\n" };
    alarm( $ENV{STACK_TIMEOUT} || 600 );
    return;
}

END {
    if ( $$ == $owner ) {
        my $status = $?;
        alarm 60;
        clean();

        # The logs stay, to find the reason of a failure.
        if ( $status || !Test::More->builder->is_passing ) { Test::More::diag("kept: $dir") }
        else { File::Path::remove_tree( $dir, glob "$root/shared/$label-*" ) }
        $? = $status;    ## no critic (RequireLocalizedPunctuationVars)
    }
}

1;
