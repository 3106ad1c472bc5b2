import { type VirtualHost } from "../testbed";

/**
 * Everything about a host that a deploy could leave behind, as sorted lines: packages, unit files and running
 * services, accounts, and the file tree with modes, owners and, where configuration and state live, content.
 */
export async function snapshot(host: VirtualHost): Promise<string[]> {
  return (await host.run(SCRIPT)).split("\n").filter(Boolean).sort();
}

/** What is in one snapshot and not in the other: `+` came, `-` went. */
export function difference(before: readonly string[], after: readonly string[]): string[] {
  const [old, now] = [new Set(before), new Set(after)];
  return [
    ...after.filter((line) => !old.has(line)).map((line) => `+ ${line}`),
    ...before.filter((line) => !now.has(line)).map((line) => `- ${line}`),
  ];
}

/*
 * Left out is what changes by itself or by any use of dpkg, whoever uses it: logs and caches, apt's lists, dpkg's own
 * records (compared as packages), backups that dpkg and the account tools write beside their files, systemd's random
 * seed and clock, units' private directories in /tmp, an empty one that each start of Consul 1.8 makes there, the locks
 * and pids of /run, services that ran once at boot and ended, SSH sessions.
 */
const SCRIPT = `
export LC_ALL=C
set -e
# What could not be asked is no host without any.
unit_files=$(systemctl list-unit-files --no-legend --no-pager --plain)
units=$(systemctl list-units --type=service,socket,timer,path --state=active,failed,activating --no-legend --no-pager --plain)
dpkg-query -W -f 'package \${Package} \${Version} \${db:Status-Abbrev}\\n'
sed 's/^/unit-file /;s/  */ /g' <<<"$unit_files"
awk '$4 != "exited" { print "unit", $1, $3, $4 }' <<<"$units" | { grep -v ' user@0.service\\| ssh@' || true; }
getent passwd | sed 's/^/passwd /'
getent group | sed 's/^/group /'
cut -d: -f1,2 /etc/shadow | sed 's/^/shadow /'
find / /tmp -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path '*/tmp/systemd-private-*' -o -path /tmp/consul-test -o -path /var/cache \\
  -o -path /var/log -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/lib/systemd -o -path /etc/ld.so.cache \\
  -o -path /etc/.updated -o -path /var/.updated \\
  -o -path '/etc/passwd-' -o -path '/etc/group-' -o -path '/etc/shadow-' -o -path '/etc/gshadow-' \\) -prune \\
  -o ! -type d -printf 'file %m %u:%g %p %l\\n' -o -printf 'directory %m %u:%g %p\\n'
find /etc /usr/local /opt /root /home /srv /var/lib/tricloud /var/lib/consul /var/lib/unbound -xdev -type f \\
  ! -path '/etc/ld.so.cache' ! -path '/etc/*-' -exec sha256sum {} + 2>/dev/null | sed 's/^/content /'
true
`;
