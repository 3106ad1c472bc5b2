import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { boolean, contentOf, endOf, oid, sequence, tagged, time } from "./der";

/** A certificate with its key, as PEM texts. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

export interface IssueOptions {
  /** Subject's common name. */
  readonly name: string;
  readonly from: Date;
  readonly until: Date;
}

export interface ServerOptions extends IssueOptions {
  /** Names that the certificate is good for, besides 127.0.0.1. */
  readonly dnsNames: readonly string[];
}

/** A certificate authority of one's own, with a new key on P-256. */
export function makeAuthority(options: IssueOptions): Identity {
  const { publicKey, privateKey } = newKeys();
  const subject = nameOf(options.name);
  const certificate = issue(
    { ...options, subject, publicKey },
    { issuer: subject, privateKey, keyId: keyId(publicKey) },
    [
      extension(OID.basicConstraints, true, sequence(boolean(true))),
      // To sign certificates and lists of revoked ones.
      extension(OID.keyUsage, true, Buffer.from([0x03, 0x02, 0x01, 0x06])),
    ],
  );
  return { certificate, key: pemOf(privateKey) };
}

/** A certificate by that authority, with a new key, for a program that is server and client. */
export function issueServer(authority: Identity, options: ServerOptions): Identity {
  const { publicKey, privateKey } = newKeys();
  const own = new X509Certificate(authority.certificate);
  const authorityKey = createPrivateKey(authority.key);
  const alternatives = [
    ...options.dnsNames.map((name) => tagged(0x82, Buffer.from(name, "ascii"))),
    tagged(0x87, Buffer.from([127, 0, 0, 1])),
  ];
  const certificate = issue(
    { ...options, subject: nameOf(options.name), publicKey },
    { issuer: subjectOf(own), privateKey: authorityKey, keyId: keyId(createPublicKey(authorityKey)) },
    [
      extension(OID.basicConstraints, true, sequence()),
      // To sign, and to agree on keys.
      extension(OID.keyUsage, true, Buffer.from([0x03, 0x02, 0x03, 0x88])),
      extension(OID.extendedKeyUsage, false, sequence(oid(OID.serverAuth), oid(OID.clientAuth))),
      extension(OID.subjectAltName, false, sequence(...alternatives)),
    ],
  );
  return { certificate, key: pemOf(privateKey) };
}

interface Signer {
  /** Encoded name. */
  readonly issuer: Buffer;
  readonly privateKey: KeyObject;
  readonly keyId: Buffer;
}

/** RFC 5280, version 3, signed by ECDSA with SHA-256. */
function issue(
  { from, until, subject, publicKey }: Omit<IssueOptions, "name"> & { subject: Buffer; publicKey: KeyObject },
  { issuer, privateKey, keyId: issuerKeyId }: Signer,
  extensions: readonly Buffer[],
): string {
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const serial = randomBytes(16);
  // Positive, and without a leading byte that says nothing.
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  const body = sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, serial),
    algorithm,
    issuer,
    sequence(time(from), time(until)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    tagged(
      0xa3,
      sequence(
        ...extensions,
        extension(OID.subjectKeyIdentifier, false, tagged(0x04, keyId(publicKey))),
        extension(OID.authorityKeyIdentifier, false, sequence(tagged(0x80, issuerKeyId))),
      ),
    ),
  );
  const signature = sign("sha256", body, privateKey);
  const whole = sequence(body, algorithm, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = whole.toString("base64").match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

const newKeys = () => generateKeyPairSync("ec", { namedCurve: "prime256v1" });

const pemOf = (key: KeyObject): string => key.export({ type: "pkcs8", format: "pem" }).toString();

/** The usual short name of a key: SHA-1 of what stands for it, which protects nothing here. */
const keyId = (key: KeyObject): Buffer =>
  createHash("sha1")
    .update(key.export({ type: "spki", format: "der" }))
    .digest();

/** The subject as it is encoded in the certificate, for only the same bytes are the same name to all programs. */
function subjectOf({ raw }: X509Certificate): Buffer {
  // Version, serial number, algorithm, issuer, validity come before it.
  let at = contentOf(raw, contentOf(raw, 0));
  for (let skipped = 0; skipped < 5; skipped++) at = endOf(raw, at);
  return raw.subarray(at, endOf(raw, at));
}

const OID = {
  commonName: "2.5.4.3",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

const nameOf = (commonName: string): Buffer =>
  sequence(tagged(0x31, sequence(oid(OID.commonName), tagged(0x0c, Buffer.from(commonName)))));

const extension = (id: string, isCritical: boolean, value: Buffer): Buffer =>
  sequence(oid(id), ...(isCritical ? [boolean(true)] : []), tagged(0x04, value));
