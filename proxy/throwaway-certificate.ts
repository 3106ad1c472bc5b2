import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

/** A private key and a certificate that it signed itself, both PEM. */
export interface KeyAndCertificate {
  readonly key: string;
  readonly cert: string;
}

const HOUR_MS = 3_600_000;
/** Contents of the object identifiers named, as in RFC 5280 and RFC 5758. */
const ECDSA_WITH_SHA256 = Buffer.from("2a8648ce3d040302", "hex");
const COMMON_NAME = Buffer.from("550403", "hex");
const SUBJECT_ALT_NAME = Buffer.from("551d11", "hex");

/** A certificate for 127.0.0.1, made on the spot and valid for an hour; Node can read certificates but not make them. */
export function throwawayCertificate(): KeyAndCertificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = sequence(tagged(0x06, ECDSA_WITH_SHA256));
  const name = sequence(
    tagged(0x31, sequence(tagged(0x06, COMMON_NAME), tagged(0x0c, Buffer.from("127.0.0.1")))),
  );
  const alternativeNames = sequence(tagged(0x87, Buffer.from([127, 0, 0, 1])));
  const content = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    name,
    sequence(time(Date.now() - HOUR_MS), time(Date.now() + HOUR_MS)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(sequence(tagged(0x06, SUBJECT_ALT_NAME), tagged(0x04, alternativeNames)))),
  );
  const signature = tagged(0x03, Buffer.from([0]), sign("sha256", content, privateKey));
  const base64 = sequence(content, algorithm, signature).toString("base64");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{1,64}/g, "$&\n")}-----END CERTIFICATE-----\n`,
  };
}

/** One DER value: tag, length, contents. */
function tagged(tag: number, ...contents: Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  const length =
    body.length < 0x80
      ? [body.length]
      : body.length < 0x100
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

function sequence(...contents: Buffer[]): Buffer {
  return tagged(0x30, ...contents);
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes);
}

function time(milliseconds: number): Buffer {
  const [digits] = new Date(milliseconds).toISOString().slice(2).replace(/[-:T]/g, "").split(".");
  return tagged(0x17, Buffer.from(`${digits}Z`));
}
