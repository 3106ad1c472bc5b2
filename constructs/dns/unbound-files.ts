/** One unbound process of a host, and where its parts lie. */
export interface ResolverInstance {
  /** Name of its systemd unit without the suffix. */
  readonly name: string;
  /** Its run-time folder. */
  readonly folder: string;
  /** Loopback address it answers on. */
  readonly address: string;
  /** Debian's AppArmor profile lets unbound read below /etc/unbound. */
  readonly conf: string;
  readonly unit: string;
  readonly guard: string;
  /** Name of the systemd unit that runs `watch`, without the suffix. */
  readonly watch: string;
  readonly socket: string;
}

/** The resolver that every program of the host asks first: Debian's own service, with a drop-in. */
export const MAIN_RESOLVER: ResolverInstance = {
  name: "unbound",
  folder: "/run/unbound",
  address: "127.0.0.1",
  conf: "/etc/unbound/tricloud.conf",
  unit: "/etc/systemd/system/unbound.service.d/tricloud.conf",
  guard: "/usr/local/lib/tricloud/unbound-guard",
  watch: "unbound-watch",
  socket: "/run/unbound/control.sock",
};

/** A second process for hosts that know no other host to ask: it answers while the first is dead or hangs. */
export const SPARE_RESOLVER: ResolverInstance = {
  name: "unbound-spare",
  folder: "/run/unbound-spare",
  address: "127.0.0.2",
  conf: "/etc/unbound/tricloud-spare.conf",
  unit: "/etc/systemd/system/unbound-spare.service",
  guard: "/usr/local/lib/tricloud/unbound-spare-guard",
  watch: "unbound-spare-watch",
  socket: "/run/unbound-spare/control.sock",
};

/**
 * What a resolver's socket holds while all its threads are busy. Linux' own 208 KiB is full after fewer than 200
 * questions at once, and what comes then is lost.
 */
export const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** Addition to Debian's AppArmor profile of unbound. */
export const CONFINEMENT = "/etc/apparmor.d/local/usr.sbin.unbound";

/** A name that these resolvers alone know. */
export const CHECK_NAME = "resolver-check.tricloud.internal";
