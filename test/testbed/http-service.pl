# A service as its makers put it into an image: answers GET, runs each POST once and says so, takes its time for /slow,
# and on SIGTERM finishes what is under way. BEHAVIOUR says what is wrong with a bad version, ASKS which other service it
# asks, by its one URL, for its own front page.
use strict;
use warnings;
use IO::Socket::INET;

$| = 1;
my $behaviour = $ENV{BEHAVIOUR} // 'healthy';
if ($behaviour eq 'crashes') {
  print "cannot read /etc/web/settings: no such file\n";
  exit 3;
}
my $listener = IO::Socket::INET->new(LocalPort => $ENV{PORT}, Listen => 511, ReuseAddr => 1)
  or die "cannot listen on port $ENV{PORT}: $!\n";
print "version $ENV{VERSION} listens on port $ENV{PORT} in $ENV{TRICLOUD_REGION}\n";

my ($ending, %children) = (0);
$SIG{TERM} = sub { $ending = 1; kill TERM => keys %children };
$SIG{CHLD} = sub { while ((my $pid = waitpid(-1, 1)) > 0) { delete $children{$pid} } };
until ($ending) {
  my $connection = $listener->accept or next;
  my $pid = fork // die "cannot fork: $!\n";
  if ($pid) { $children{$pid} = 1; close $connection; next }
  close $listener;
  $SIG{CHLD} = 'DEFAULT';
  serve($connection);
  exit 0;
}
close $listener;
sleep 1 while %children;
print "version $ENV{VERSION} has ended in order\n";

sub serve {
  my ($connection) = @_;
  %children = ();
  my $buffer = '';
  while (1) {
    until ($buffer =~ /\r\n\r\n/) {
      return if $ending;
      my $read = sysread $connection, $buffer, 65536, length $buffer;
      next if !defined $read && $!{EINTR};
      return if !$read;
    }
    $buffer =~ s/^(.*?)\r\n\r\n//s;
    my $head = $1;
    my ($method, $path) = $head =~ /^(\S+) (\S+)/;
    my $length = $head =~ /^content-length: *(\d+)/im ? $1 : 0;
    while (length $buffer < $length) {
      my $read = sysread $connection, $buffer, 65536, length $buffer;
      next if !defined $read && $!{EINTR};
      return if !$read;
    }
    my $body = substr $buffer, 0, $length, '';
    my ($status, $answer) = answer($method, $path, $body);
    syswrite $connection, "HTTP/1.1 $status\r\nContent-Length: " . length($answer) . "\r\n\r\n$answer";
    return if $ending;
  }
}

sub answer {
  my ($method, $path, $body) = @_;
  if ($path eq '/healthz') {
    return ('500 Internal Server Error', "no\n") if $behaviour eq 'unhealthy';
    return ('200 OK', "ok\n");
  }
  if ($path eq '/slow') {
    my $until = time + 4;
    select undef, undef, undef, 0.1 while time < $until;
  }
  if ($path eq '/secret') {
    my $file = '/run/secrets/session-key';
    open my $change, '>>', $file and return ('200 OK', "the secret can be changed\n");
    open my $secret, '<', $file or return ('200 OK', "no secret: $!\n");
    return ('200 OK', join '', <$secret>);
  }
  if ($path =~ m{^/reaches/([\d.]+:\d+)$}) {
    my $other = IO::Socket::INET->new(PeerAddr => $1, Timeout => 5) or return ('200 OK', "no: $@\n");
    return ('200 OK', "yes\n");
  }
  print "ran $body\n" if $method eq 'POST';
  if ($path eq '/rights') {
    open my $probe, '>', '/written' and return ('200 OK', "the root can be written\n");
    open my $status, '<', '/proc/self/status' or return ('200 OK', "no status\n");
    return ('200 OK', join '', grep { /^(Uid|CapEff|CapBnd|NoNewPrivs):/ } <$status>);
  }
  return ('200 OK', page($ENV{ASKS})) if $path eq '/' && $ENV{ASKS};
  my $level = defined $ENV{LOG_LEVEL} ? ", LOG_LEVEL=$ENV{LOG_LEVEL}" : '';
  return ('200 OK', "version $ENV{VERSION} in $ENV{TRICLOUD_REGION}$level\n");
}

sub page {
  my ($asked) = @_;
  my $own = "web, version $ENV{VERSION} in $ENV{TRICLOUD_REGION}\n";
  my $host = "$asked.ccnproxy-service";
  my $way = IO::Socket::INET->new(PeerAddr => $host, PeerPort => 80, Timeout => 5)
    or return "$own$asked: away ($@)\n";
  print $way "GET / HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n\r\n";
  my ($head, $body) = split /\r\n\r\n/, join('', <$way>), 2;
  return $own . ($head =~ m{^HTTP/1.1 200 } ? "$asked: $body" : "$asked: away\n");
}
