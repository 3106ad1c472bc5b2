/** Where the parts of a front lie on a host. */
export const FRONT_PATHS = {
  config: "/etc/tricloud/front/haproxy.cfg",
  certificate: "/etc/tricloud/front/certificate.pem",
  /** HAProxy looks for a certificate's key under this name. */
  key: "/etc/tricloud/front/certificate.pem.key",
  /** A delivered certificate with its key, while another one is being ordered; goes with the running HAProxy. */
  carriedOver: "/run/tricloud-front/carried-over.pem",
  errorPage: "/etc/tricloud/front/error.html",
  guard: "/usr/local/lib/tricloud/front-guard",
  unit: "/etc/systemd/system/haproxy.service",
} as const;

/** Below /run: the socket that the guard speaks to HAProxy by, and the instances that it knew. */
export const FRONT_RUNTIME = "tricloud-front";

/** Below /var/lib: the account and the certificates of a front that orders its own; goes with its unit. */
export const ACME_STATE = "tricloud-front-acme";

/** Where the parts of an ordered certificate lie on a host. */
export const ACME_PATHS = {
  script: "/usr/local/lib/tricloud/front-acme",
  unit: "/etc/systemd/system/tricloud-front-acme.service",
  credentials: "/etc/tricloud/front/acme-credentials",
  authority: "/etc/tricloud/front/acme-authority.pem",
  state: `/var/lib/${ACME_STATE}`,
  /** The certificate with those between it and its authority, and its key. */
  certificate: `/var/lib/${ACME_STATE}/current/certificate.pem`,
  /** What that is: `placeholder`, `delivered` or `ordered`. */
  kind: `/var/lib/${ACME_STATE}/current/kind`,
} as const;

/** What HAProxy finds in the file of that name while nobody has given it a certificate. */
export const PLACEHOLDER = "placeholder";
