/** Where the parts of the resolver lie on a host. Debian's AppArmor profile lets unbound read below /etc/unbound. */
export const UNBOUND_PATHS = {
  conf: "/etc/unbound/tricloud.conf",
  dropIn: "/etc/systemd/system/unbound.service.d/tricloud.conf",
  guard: "/usr/local/lib/tricloud/unbound-guard",
  confinement: "/etc/apparmor.d/local/usr.sbin.unbound",
  socket: "/run/unbound/control.sock",
} as const;
