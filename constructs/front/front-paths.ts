/** Where the parts of a front lie on a host. */
export const FRONT_PATHS = {
  config: "/etc/tricloud/front/haproxy.cfg",
  certificate: "/etc/tricloud/front/certificate.pem",
  /** HAProxy looks for a certificate's key under this name. */
  key: "/etc/tricloud/front/certificate.pem.key",
  errorPage: "/etc/tricloud/front/error.html",
  guard: "/usr/local/lib/tricloud/front-guard",
  unit: "/etc/systemd/system/haproxy.service",
} as const;

/** Below /run: the socket that the guard speaks to HAProxy by, and the instances that it knew. */
export const FRONT_RUNTIME = "tricloud-front";
