import { createPrivateKey, X509Certificate } from "node:crypto";
import { join } from "node:path";
import { readOptions } from "../planning/read-options";
import { DUE_DAYS, daysLeft, SECRET_FILES, secretsDirectory } from "../stacks/secrets/secret-files";
import { PEER_VARIABLES } from "../stacks/proxy-peers";
import { loadRegions, type Region } from "../stacks/values/regions";
import { isPeered } from "../stacks/values/services/service-peers";
import { regionsDirectory } from "./regions-directory";
import {
  AUTHORITY_DAYS,
  CERTIFICATE_DAYS,
  certificatesIn,
  type Datacenter,
  newAuthority,
  newCertificate,
  newGossip,
  newProxyCertificate,
  newTokens,
  type Variables,
} from "./secrets/consul-secrets";
import { SecretStore, variablesText } from "./secrets/secret-store";
import type { Identity } from "../certificates/x509";
import { tableText } from "./table-text";

const USAGE = `usage: tricloud secrets [REGION...] [--renew | --new-authority | --forget-old-authority] [--json]
       tricloud secrets --show REGION

Makes what Consul keeps secret, once for all regions of the project: the gossip key, the tokens, a certificate authority
of its own and a certificate for each region's servers; and one, by the same authority, for the proxies of each region
with "peered". What is there is kept, never written over. Values that the
environment has (TF_VAR_consul_gossip_key and the like) are taken over. All lies in the folder "secrets", or where
TRICLOUD_SECRETS says, which stays out of the repository: keep it where whoever deploys finds it. When the app is
synthesised, Terraform is told to read it.

  REGION                  for these regions only. Without: for all that there are
  --renew                 make new certificates in place of those that are there
  --new-authority         begin with another authority, and trust both
  --forget-old-authority  trust the newest authority only
  --show REGION           print the values of a region's variables as JSON, for another store of secrets
  --json                  print what there is as JSON, without what is secret

An authority is good for ${AUTHORITY_DAYS / 365} years, a certificate for ${CERTIFICATE_DAYS / 365}.

Exit codes: 0 all is there; 1 a certificate ends within ${DUE_DAYS} days; 2 wrong usage, or a file is not as it must be.
`;

const AUTHORITY_KEY = "consul-authority-key.pem";

type State = "made" | "kept" | "renewed" | "taken over from the environment";

interface Found {
  readonly file: string;
  readonly holds: string;
  readonly state: State;
  /** When the certificate in it ends. */
  readonly until?: Date;
}

/** @returns the exit code, as the usage says */
export function main(args: readonly string[]): number {
  const { values, positionals } = readOptions("secrets", {
    args: [...args],
    allowPositionals: true,
    options: {
      renew: { type: "boolean", default: false },
      "new-authority": { type: "boolean", default: false },
      "forget-old-authority": { type: "boolean", default: false },
      show: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const changes = (["renew", "new-authority", "forget-old-authority", "show"] as const).filter(
    (name) => values[name] !== undefined && values[name] !== false,
  );
  if (changes.length > 1)
    throw new Error(`expected one at a time, got: ${changes.map((name) => `--${name}`).join(" ")}`);
  const secrets = new ConsulSecrets(new SecretStore(secretsDirectory()));
  const regions = regionsNamed(values.show === undefined ? positionals : [values.show]);
  if (values.show !== undefined) {
    process.stdout.write(variablesText(secrets.of(regions[0]!)));
    return 0;
  }
  if (values["new-authority"]) secrets.addAuthority();
  if (values["forget-old-authority"]) secrets.forgetOldAuthority();
  const found = [
    ...secrets.shared(),
    ...regions.flatMap((region) => secrets.certificates(region, { renew: values.renew })),
  ];
  process.stdout.write(values.json ? `${JSON.stringify({ files: found }, undefined, 2)}\n` : report(found));
  return found.every(({ until }) => until === undefined || daysLeft(until) > DUE_DAYS) ? 0 : 1;
}

function regionsNamed(names: readonly string[]): Region[] {
  const regions = loadRegions(regionsDirectory());
  if (names.length === 0) return regions;
  return names.map((name) => {
    const region = regions.find((one) => one.name === name);
    if (region !== undefined) return region;
    const known = regions.map((one) => one.name).join(", ");
    throw new Error(`no region ${JSON.stringify(name)}, expected one of ${known}`);
  });
}

/** What certificates by Consul's authority a region has. */
const CERTIFICATES: readonly {
  readonly path: (region: string) => string;
  /** Variable that holds it. */
  readonly variable: string;
  readonly holds: (region: string) => string;
  readonly isOf: (region: Region) => boolean;
  readonly make: (authority: Identity, region: Datacenter) => Variables;
}[] = [
  {
    path: SECRET_FILES.certificate,
    variable: "consul_server_certificate",
    holds: (region) => `certificate of ${region}`,
    isOf: () => true,
    make: newCertificate,
  },
  {
    path: SECRET_FILES.proxies,
    variable: PEER_VARIABLES.certificate,
    holds: (region) => `certificate of ${region}'s proxies`,
    isOf: isPeered,
    make: newProxyCertificate,
  },
];

/** What all regions' Consul has, and what each has for itself. */
class ConsulSecrets {
  constructor(private readonly store: SecretStore) {}

  /** What is the same for all: made where it is missing. */
  shared(): Found[] {
    return [
      this.once(SECRET_FILES.gossip, "gossip key", newGossip),
      this.once(SECRET_FILES.tokens, "tokens", newTokens),
      this.authority(),
    ];
  }

  /** The certificates of a region: made where they are missing, or anew. */
  certificates(region: Region, { renew }: { readonly renew: boolean }): Found[] {
    return CERTIFICATES.filter(({ isOf }) => isOf(region)).map((certificate) => {
      const { variable, holds, make } = certificate;
      const path = certificate.path(region.name);
      const kept = this.store.variables(path);
      if (kept !== undefined && !renew) return this.found(path, holds(region.name), "kept", kept[variable]);
      const made = make(this.signingAuthority(), region);
      if (kept === undefined) this.store.add(path, variablesText(made));
      else this.store.replace(path, variablesText(made));
      return this.found(path, holds(region.name), kept === undefined ? "made" : "renewed", made[variable]);
    });
  }

  /** @throws Error when something of it is not there */
  of(region: Region): Variables {
    const { gossip, tokens, authority } = SECRET_FILES;
    const own = CERTIFICATES.filter(({ isOf }) => isOf(region)).map(({ path }) => path(region.name));
    return Object.assign(
      {},
      ...[gossip, tokens, authority, ...own].map((path) => {
        const variables = this.store.variables(path);
        if (variables === undefined)
          throw new Error(`${this.fileOf(path)} is missing: "tricloud secrets" makes it`);
        return variables;
      }),
    ) as Variables;
  }

  addAuthority(): void {
    const signing = this.signingAuthority();
    const bundle = this.bundle();
    // One that never came to its key, since this was cut short, has signed nothing.
    const before = bundle.slice(bundle.indexOf(signing.certificate));
    if (before.length > 1)
      throw new Error(
        `${this.fileOf(SECRET_FILES.authority)} has ${before.length} authorities, expected one: ` +
          "renew the certificates, deploy every region, then --forget-old-authority",
      );
    const { certificate, key } = newAuthority();
    // The key last: until it is there, the one before goes on signing.
    this.store.replace(SECRET_FILES.authority, authorityText([certificate, ...before]));
    this.store.replace(AUTHORITY_KEY, key);
  }

  forgetOldAuthority(): void {
    const [newest, ...before] = this.bundle();
    if (newest === undefined) throw this.missingAuthority();
    if (before.length === 0)
      throw new Error(
        `${this.fileOf(SECRET_FILES.authority)} has one authority, expected one to be forgotten`,
      );
    for (const region of loadRegions(regionsDirectory())) {
      for (const { path, variable, isOf } of CERTIFICATES) {
        const certificate = isOf(region) && this.store.variables(path(region.name))?.[variable];
        if (certificate && !isBy(certificate, newest))
          throw new Error(
            `${this.fileOf(path(region.name))} is by the authority that is to be forgotten: ` +
              "expected --renew and a deploy of every region first",
          );
      }
    }
    this.store.replace(SECRET_FILES.authority, authorityText([newest]));
  }

  private authority(): Found {
    const [kept] = this.bundle();
    if (kept !== undefined) return this.found(SECRET_FILES.authority, "authority", "kept", kept);
    if (process.env["TF_VAR_consul_ca_certificate"] !== undefined)
      throw new Error(
        "the environment has TF_VAR_consul_ca_certificate, whose key is not here: " +
          `expected it in ${this.fileOf(AUTHORITY_KEY)} and the certificate in ${this.fileOf(SECRET_FILES.authority)}`,
      );
    const { certificate, key } = newAuthority();
    // A key without a certificate has signed nothing, and is made anew.
    this.store.replace(AUTHORITY_KEY, key);
    this.store.add(SECRET_FILES.authority, authorityText([certificate]));
    return this.found(SECRET_FILES.authority, "authority", "made", certificate);
  }

  /** The authority whose key is there. */
  private signingAuthority(): Identity {
    const bundle = this.bundle();
    if (bundle.length === 0) throw this.missingAuthority();
    const key = this.store.text(AUTHORITY_KEY);
    if (key === undefined)
      throw new Error(`${this.fileOf(AUTHORITY_KEY)} is missing: expected the key that signs certificates`);
    const certificate = bundle.find((one) => new X509Certificate(one).checkPrivateKey(createPrivateKey(key)));
    if (certificate === undefined)
      throw new Error(
        `${this.fileOf(AUTHORITY_KEY)} is not the key of ${this.fileOf(SECRET_FILES.authority)}, expected both of one authority`,
      );
    return { certificate, key };
  }

  private bundle(): string[] {
    return certificatesIn(this.store.variables(SECRET_FILES.authority)?.["consul_ca_certificate"] ?? "");
  }

  private once(path: string, holds: string, make: () => Variables): Found {
    if (this.store.variables(path) !== undefined) return this.found(path, holds, "kept");
    const made = make();
    const given = Object.keys(made).flatMap((name) => {
      const value = process.env[`TF_VAR_${name}`];
      return value === undefined ? [] : [[name, value] as const];
    });
    this.store.add(path, variablesText({ ...made, ...Object.fromEntries(given) }));
    return this.found(path, holds, given.length > 0 ? "taken over from the environment" : "made");
  }

  private found(path: string, holds: string, state: State, certificate?: string): Found {
    const until = certificate === undefined ? undefined : new Date(new X509Certificate(certificate).validTo);
    return { file: this.fileOf(path), holds, state, ...(until && { until }) };
  }

  private fileOf(path: string): string {
    return join(this.store.directory, path);
  }

  private missingAuthority(): Error {
    return new Error(`${this.fileOf(SECRET_FILES.authority)} is missing: "tricloud secrets" makes it`);
  }
}

const authorityText = (bundle: readonly string[]): string =>
  variablesText({ consul_ca_certificate: bundle.join("") });

const isBy = (certificate: string, authority: string): boolean =>
  new X509Certificate(certificate).verify(new X509Certificate(authority).publicKey);

const report = (found: readonly Found[]): string =>
  tableText([
    ["FILE", "HOLDS", "STATE", "GOOD UNTIL"],
    ...found.map(({ file, holds, state, until }) => [
      file,
      holds,
      state,
      until === undefined ? "" : until.toISOString().slice(0, 10),
    ]),
  ]);
