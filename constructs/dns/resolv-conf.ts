import { isIP } from "node:net";
import { type HostFile, textContent } from "../host";

/**
 * The files that make a host ask its own resolver first, and keep what manages networks from changing that.
 *
 * @param nameservers addresses in the order in which they are asked, at most three: the C library reads no more
 * @throws Error when there are too many or one is no address
 */
export function resolverClientFiles(nameservers: readonly string[]): HostFile[] {
  if (nameservers.length < 1 || nameservers.length > 3) {
    throw new Error(`resolv.conf must have one to three nameservers, got: ${nameservers.length}`);
  }
  const bad = nameservers.find((one) => isIP(one) === 0);
  if (bad !== undefined) {
    throw new Error(`nameserver in resolv.conf must be an address, got: ${JSON.stringify(bad)}`);
  }
  const list = nameservers.map((one) => `nameserver ${one}`).join("\n");
  return [
    // A resolver that hangs costs one second, not five.
    { path: "/etc/resolv.conf", content: textContent(`${NOTE}${list}\noptions timeout:1 attempts:2\n`) },
    // systemd-resolved, where it runs and programs ask it through NSS, passes everything on to the first of them. Of
    // all its files this one is read last.
    {
      path: "/etc/systemd/resolved.conf.d/zzz-tricloud.conf",
      content: textContent(NOTE + resolvedConf(nameservers)),
    },
    { path: "/etc/NetworkManager/conf.d/tricloud.conf", content: textContent(`${NOTE}[main]\ndns=none\n`) },
    {
      path: "/etc/dhcp/dhclient-enter-hooks.d/tricloud",
      content: textContent(`${NOTE}make_resolv_conf() { :; }\n`),
    },
    // openresolv, not Debian's resolvconf, which leaves a file alone that is none of its links.
    { path: "/etc/resolvconf.conf", content: textContent(`${NOTE}resolvconf=NO\n`) },
    // Debian's resolvconf runs hooks of unbound's package, which would have unbound ask what interfaces come with.
    {
      path: "/etc/default/unbound",
      content: textContent(`${NOTE}RESOLVCONF=false\nUSE_RESOLVCONF_FORWARDS=false\n`),
    },
    { path: "/etc/dhcpcd.enter-hook", content: textContent(`${NOTE}skip_hooks="$skip_hooks resolv.conf"\n`) },
  ];
}

const NOTE = "# Written by Tricloud; changes made here are lost.\n";

function resolvedConf(nameservers: readonly string[]): string {
  return `[Resolve]
# Servers of the host's own would be asked besides: an empty line forgets them.
DNS=
DNS=${nameservers.join(" ")}
FallbackDNS=
Domains=
Domains=~.
DNSSEC=no
LLMNR=no
MulticastDNS=no
DNSStubListener=no
`;
}
