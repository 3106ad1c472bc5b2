/** What `peered` may be in no region, by what is wrong with it, and what is said of it. */
export const REFUSED_PEERED: readonly [
  string,
  { peered: { port?: number }; consul?: { tls: boolean; acl: boolean } },
  string,
][] = [
  [
    "the port of its own calls",
    { peered: { port: 80 } },
    "peered.port: expected another port than the proxy has for the region's own calls, got: 80",
  ],
  [
    "no authority",
    { peered: {}, consul: { tls: false, acl: false } },
    "peered: expected consul.tls, whose authority the proxies' certificates are by",
  ],
];

/** Where regions have an agent of Consul's beside each proxy. */
export const REFUSED_BESIDE_AGENT: typeof REFUSED_PEERED = [
  [
    "a port of Consul's",
    { peered: { port: 8300 } },
    "peered.port: expected another port than Consul has, got: 8300",
  ],
];
