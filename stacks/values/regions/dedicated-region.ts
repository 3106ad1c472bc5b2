import { z } from "zod";
import { Cidr } from "../../../constructs/grammar/cidr";
import { PEM_CERTIFICATES } from "../../../constructs/grammar/pem";
import { isPublicAddress } from "../../../constructs/grammar/public-address";
import {
  LETS_ENCRYPT,
  MOST_FRONTS_OF_LETS_ENCRYPT,
  TSIG_ALGORITHMS,
} from "../../../constructs/front/acme-certificate";
import {
  DEFAULT_HTTP_PORT,
  DEFAULT_HTTPS_PORT,
  FRONT_ADMIN_PORT,
} from "../../../constructs/front/front-config";
import { existingDatabase } from "./database";
import { imageRegistry } from "./image-registry";
import { CONSUL_HAS, peeredPort, peeredProblems, type TakenPort } from "./peered";
import {
  SSH_ADDRESS,
  SSH_KEY_PATH,
  SSH_USER,
  sshHostKeyProblem,
  withoutComment,
} from "../../../constructs/grammar/ssh-grammar";
import {
  consulServersProblem,
  dns,
  dnsLabel,
  HOST_NAME,
  ipv4Address,
  proxyMetrics,
  sharedFields,
} from "./region";

export const HOST_ROLES = ["consul-server", "proxy", "app"] as const;
export type HostRole = (typeof HOST_ROLES)[number];

/**
 * What dedicated servers are for: load balancers of the cloud are the fronts elsewhere, and services' tasks run beside
 * them there.
 */
export const SERVER_ROLES = [...HOST_ROLES, "front", "util"] as const;
export type ServerRole = (typeof SERVER_ROLES)[number];

const HOST_KEY = "expected the server's SSH host key, as ssh-keyscan prints it: ssh-ed25519 AAAA...";

const hostKey = z
  .union([z.string(), z.array(z.string()).min(1)], { error: `${HOST_KEY}, or a list of several` })
  .superRefine((keys, context) => {
    for (const key of [keys].flat()) {
      const problem = sshHostKeyProblem(key);
      if (problem !== undefined) context.addIssue({ code: "custom", message: `${HOST_KEY}; ${problem}` });
    }
  });

const publicAddress = z.string().refine(isPublicAddress, {
  error: "expected an IPv4 address that the internet can reach",
});

/** Where SSH reaches a machine: it stands in an SSH configuration, where nothing is quoted. */
const sshAddress = z.string().regex(SSH_ADDRESS, {
  error: "expected an address or a host name",
});
const sshUser = z.string().regex(SSH_USER, { error: "expected the name of an account" });
const privateKeyPath = z.string().regex(SSH_KEY_PATH, {
  error: "expected a path without quotes, line breaks and expressions",
});
const port = z.int().min(1).max(65535);

const bastion = z.strictObject({
  /** Address or name under which the deploying machine reaches it. */
  address: sshAddress,
  /** User to sign in as, with the right to open connections from there. */
  user: sshUser.default("root"),
  /** TCP port. */
  port: port.default(22),
  /** One or several of its SSH host keys. */
  hostKey,
  /** Private key on the machine that deploys. @default - that of the servers */
  privateKeyPath: privateKeyPath.optional(),
});

const ssh = z.strictObject({
  /** User to sign in as; one other than root needs password-less `sudo`. */
  user: sshUser.default("root"),
  /** TCP port. */
  port: port.default(22),
  /**
   * Private key on the machine that deploys, or a public key whose other half an SSH agent holds. `~` is the home of
   * whoever deploys, whose TRICLOUD_SSH_IDENTITY goes before it. @default - the SSH agent's keys
   */
  privateKeyPath: privateKeyPath.optional(),
  /** How long a host may be unreachable before the deploy gives up on it. */
  connectTimeoutSeconds: z.int().min(1).default(60),
  /** Machine through which the servers are reached. @default - they are reached directly */
  bastion: bastion.optional(),
});

const numberOrShare = { error: 'expected a whole number of servers from 1, or a share from "1%" to "99%"' };

const proxy = sharedFields.proxy.extend({
  metrics: proxyMetrics,
  /** Servers whose proxies may be replaced at once: a number, or a share rounded down to no less than one. @default "25%" */
  maxUnavailable: z
    .union(
      [
        z.int().min(1),
        z.templateLiteral([z.int(), "%"]).refine((share) => /^[1-9]\d?%$/.test(share), numberOrShare),
      ],
      numberOrShare,
    )
    .optional(),
});

/** A name server that takes signed updates (RFC 2136); the key is the sensitive Terraform variable `front_acme_tsig_secret`. */
const dynamicUpdates = z.strictObject({
  /** `HOST` or `HOST:PORT` of the server that has the zone first. */
  server: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/i, { error: "expected HOST or HOST:PORT" }),
  /** Name of the key (TSIG), as that server knows it. */
  keyName: z.string().regex(/^[a-z0-9_]([a-z0-9._-]*)$/i, { error: "expected the name of a TSIG key" }),
  algorithm: z
    .enum(TSIG_ALGORITHMS, { error: `expected one of ${TSIG_ALGORITHMS.join(", ")}` })
    .default("hmac-sha256"),
});

/** An authority from which each front orders a certificate of its own, which it renews in time. */
const acme = z.strictObject({
  /** URL of its ACME directory. */
  directory: z
    .url({ protocol: /^https$/, error: "expected the https URL of an ACME directory" })
    .default(LETS_ENCRYPT),
  /** PEM certificate that the directory's own is checked against. @default - the public authorities */
  caCertificate: z.string().regex(PEM_CERTIFICATES, { error: "expected a PEM certificate" }).optional(),
  /** Whom the authority writes to. */
  email: z.email({ error: "expected an e-mail address" }),
  /**
   * Where the fronts put the record that shows that the names are theirs: Route 53, with the key of the sensitive Terraform
   * variables `front_acme_key_id` and `front_acme_secret_key`, or a name server of one's own.
   */
  dns: z.union([z.literal("route53"), z.strictObject({ rfc2136: dynamicUpdates })], {
    error: 'expected "route53" or { rfc2136: { server, keyName } }',
  }),
});

/** What servers with role `front` do with requests from the internet. */
const front = z.strictObject({
  httpsPort: port.default(DEFAULT_HTTPS_PORT),
  /** Clients there are sent on to HTTPS. */
  httpPort: port.default(DEFAULT_HTTP_PORT),
  /** Largest body of a request. */
  maxBodyMegabytes: z.int().min(1).max(10_240).default(10),
  /** Open at once from one address. */
  connectionsPerAddress: z.int().min(1).max(8000).default(200),
  /** From one address, over ten seconds. @default - as many as come */
  requestsPerSecond: z.int().min(1).max(100_000).optional(),
  /** How long a service may take until its answer begins, and between two parts of it. */
  answerSeconds: z.int().min(1).max(3600).default(60),
  /** How long browsers shall ask for HTTPS alone; 0 for not at all. */
  hstsSeconds: z.int().min(0).max(63_072_000).default(86_400),
  /** HTML that people see while nobody answers behind the front. @default - a plain page */
  errorPage: z
    .string()
    .regex(/^\s*</, { error: "expected a page of HTML" })
    .max(32_768, { error: "expected at most 32,768 characters, for it is held in memory" })
    .optional(),
  /** Where the certificate for all public names comes from. @default - sensitive Terraform variables */
  certificate: z.strictObject({ acme }).optional(),
  /** Who can ask for health and metrics on port 9301: the servers themselves, or whoever reaches them. */
  metrics: z.enum(["host", "network"], { error: 'expected "host" or "network"' }).default("host"),
  /** How long a front that is restarted goes on serving while its health says that it goes. */
  drainSeconds: z.int().min(0).max(600).default(10),
});

/** How other regions' proxies call services of the region, and its own theirs: by mutual TLS. */
const peered = z.strictObject({
  /** TCP port on which servers with role `proxy` take calls from other regions. */
  port: peeredPort,
  /** Where other regions reach each of those servers. @default - their addresses */
  hosts: z
    .array(
      z.string().regex(HOST_NAME, { error: "expected an IPv4 address or a host name, without the port" }),
    )
    .min(1, { error: "expected one server's address or host name at least" })
    .optional(),
});

const server = z.strictObject({
  name: dnsLabel,
  /** Address in the region's private network. */
  address: ipv4Address,
  /** Where the internet reaches a front, for its public names. @default - `address`, where that is public */
  publicAddress: publicAddress.optional(),
  /** Where SSH reaches the server. @default - `address` */
  sshAddress: sshAddress.optional(),
  /** One or several of the server's SSH host keys, as `ssh-keyscan` prints them. */
  hostKey,
  roles: z.array(z.enum(SERVER_ROLES, { error: `expected one of ${SERVER_ROLES.join(", ")}` })),
  /** Rack or building that the server shares its fate with. @default - a rack of its own */
  rack: dnsLabel.optional(),
  /**
   * Take everything off the server; afterwards it can be removed from the region. "lost" is for a machine that nobody
   * can reach: nothing is taken off, and it may never come back as it was.
   */
  retired: z
    .union([z.boolean(), z.literal("lost")], { error: 'expected true, false or "lost"' })
    .default(false),
  /** Another number has everything delivered again: for a new system with the old host keys. @default - none */
  generation: z.int().min(1).optional(),
});

const fields = z.strictObject({
  ...sharedFields,
  platform: z.literal("dedicated"),
  proxy,
  dns: dns.extend({
    /** Check DNSSEC signatures of public names, which all forwarders must then hand on. */
    validate: z.boolean().default(false),
  }),
  /** Who runs the data centre: names the failure domain all servers share. */
  provider: dnsLabel.default("sakura"),
  ssh: ssh.prefault({}),
  /** Where the servers get services' images. @default - images name their registries themselves */
  registry: imageRegistry.optional(),
  /** Database of services that name it. @default - none */
  database: existingDatabase.optional(),
  /**
   * Services without an entrance are called from one region in another from proxy to proxy, where both have this;
   * `npx tricloud secrets` makes the certificates.
   * @default - there is no such way
   */
  peered: peered.optional(),
  /** The entrance of services with `public`, on servers with role `front`. */
  front: front.prefault({}),
  servers: z.array(server).min(1, { error: "expected at least one server" }),
});

/** Each field for itself is right. */
type Unchecked = z.output<typeof fields>;

/** A region on dedicated servers: existing Debian machines reached over SSH. */
export const dedicatedRegion = fields.superRefine((region, context) => {
  const network = Cidr.parse(region.cidr);
  const seen = { name: new Map<string, number>(), address: new Map<string, number>() };
  const keys = new Map<string, number>();
  region.servers.forEach((candidate, index) => {
    for (const field of ["name", "address"] as const) {
      const first = seen[field].get(candidate[field]);
      if (first !== undefined) {
        context.addIssue({
          code: "custom",
          path: ["servers", index, field],
          message: `expected another ${field} than servers[${first}] has`,
        });
      }
      seen[field].set(candidate[field], first ?? index);
    }
    for (const key of new Set([candidate.hostKey].flat().map(withoutComment))) {
      const first = keys.get(key);
      if (first !== undefined) {
        context.addIssue({
          code: "custom",
          path: ["servers", index, "hostKey"],
          message: `expected another host key than servers[${first}] has: machines with one key cannot be told apart`,
        });
      }
      keys.set(key, first ?? index);
    }
    if (network !== undefined && !network.contains(candidate.address)) {
      context.addIssue({
        code: "custom",
        path: ["servers", index, "address"],
        message: `expected an address inside the region's cidr ${region.cidr}`,
      });
    }
  });
  const withRole = (role: ServerRole): number =>
    region.servers.filter((candidate) => candidate.roles.includes(role) && !candidate.retired).length;
  const count = withRole("consul-server");
  const message = consulServersProblem(count, region.consul.singleServer);
  if (message !== undefined) {
    const value = `${count} with role consul-server`;
    context.addIssue({ code: "custom", path: ["servers"], params: { value }, message });
  }
  const { httpsPort, httpPort } = region.front;
  const others: TakenPort[] = [
    [httpsPort, "httpsPort has"],
    [FRONT_ADMIN_PORT, "a front's health has"],
    [region.ssh.port, "SSH has"],
    ...CONSUL_HAS,
    ...(region.servers.some(
      ({ roles, retired }) => !retired && roles.includes("front") && roles.includes("proxy"),
    )
      ? [region.proxy.port, 9300].map((taken): TakenPort => [taken, "a proxy has on the same server"])
      : []),
  ];
  for (const [field, own] of Object.entries({ httpsPort, httpPort })) {
    const by = others.find(([taken, who]) => taken === own && who !== `${field} has`)?.[1];
    if (by === undefined || withRole("front") === 0) continue;
    context.addIssue({
      code: "custom",
      path: ["front", field],
      params: { value: String(own) },
      message: `expected another port than ${by}`,
    });
  }
  for (const problem of peeredProblems(region, portsBesideProxies(region)))
    context.addIssue({ code: "custom", ...problem });
  const fronts = withRole("front");
  if (region.front.certificate?.acme.directory === LETS_ENCRYPT && fronts > MOST_FRONTS_OF_LETS_ENCRYPT) {
    context.addIssue({
      code: "custom",
      path: ["front", "certificate", "acme"],
      params: { value: `${fronts} servers with role front` },
      message: `expected at most ${MOST_FRONTS_OF_LETS_ENCRYPT}, for Let's Encrypt gives five certificates a week for the same names`,
    });
  }
  const proxies = withRole("proxy");
  const { maxUnavailable } = region.proxy;
  if (typeof maxUnavailable === "number" && maxUnavailable >= Math.max(2, proxies)) {
    context.addIssue({
      code: "custom",
      path: ["proxy", "maxUnavailable"],
      message: `expected fewer than the ${proxies} servers with role proxy, so that one is at work`,
    });
  }
});

/** What servers with role `proxy` have ports for besides the proxy. */
const portsBesideProxies = ({ servers, ssh: access, front: fronts }: Unchecked): readonly TakenPort[] => [
  [access.port, "SSH has"],
  ...CONSUL_HAS,
  ...(servers.some(({ roles, retired }) => !retired && roles.includes("proxy") && roles.includes("front"))
    ? [fronts.httpsPort, fronts.httpPort, FRONT_ADMIN_PORT].map((each): TakenPort => [
        each,
        "a front has on the same server",
      ])
    : []),
];

export type DedicatedRegionInput = z.input<typeof dedicatedRegion>;
export type DedicatedRegion = z.output<typeof dedicatedRegion>;
export type DedicatedServerValue = DedicatedRegion["servers"][number];
