import { generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from "node:crypto";
import { createServer, type Server } from "node:https";
import { type AddressInfo } from "node:net";
import { throwawayCertificate } from "../../proxy/throwaway-certificate";

/** Signs tokens, by code that has nothing in common with what verifies them. */
export class TestKey {
  private constructor(
    readonly kid: string | undefined,
    readonly privateKey: KeyObject,
    readonly publicKey: KeyObject,
    readonly alg: string,
  ) {}

  static ec(kid?: string): TestKey {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    return new TestKey(kid, privateKey, publicKey, "ES256");
  }

  static rsa(kid?: string, modulusLength = 2048): TestKey {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength });
    return new TestKey(kid, privateKey, publicKey, "RS256");
  }

  get jwk(): JsonWebKey {
    return { ...this.publicKey.export({ format: "jwk" }), ...(this.kid && { kid: this.kid }), use: "sig" };
  }

  token(claims: object, header: object = {}): string {
    const signed = unsigned(claims, { alg: this.alg, kid: this.kid, ...header });
    const key = { key: this.privateKey, dsaEncoding: "ieee-p1363" } as const;
    return `${signed}.${sign("sha256", Buffer.from(signed), key).toString("base64url")}`;
  }
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Header and claims of a token. */
export const unsigned = (claims: object, header: object): string =>
  `${part({ typ: "JWT", ...header })}.${part(claims)}`;

/** Claims that are right, with some that are not. */
export function claims(more: object = {}): object {
  const now = Math.floor(Date.now() / 1000);
  return { iss: "https://issuer.example", aud: "api", sub: "u1", iat: now, exp: now + 300, ...more };
}

export interface TestIssuer {
  readonly url: string;
  /** PEM, the same for all. */
  readonly certificate: string;
  /** What it tells. */
  keys: JsonWebKey[];
  /** What it says instead, where that is not undefined; "nothing" for no answer. */
  fault: number | "nothing" | undefined;
  /** Until when it keeps whoever asks waiting. */
  held: Promise<void> | undefined;
  /** Times that it was asked. */
  asked: number;
}

const { key, cert, ca } = throwawayCertificate();
const servers: Server[] = [];
afterAll(() =>
  servers.forEach((server) => {
    server.closeAllConnections();
    server.close();
  }),
);

export async function testIssuer(...keys: TestKey[]): Promise<TestIssuer> {
  const issuer: TestIssuer = {
    url: "",
    certificate: ca,
    keys: keys.map(({ jwk }) => jwk),
    fault: undefined,
    held: undefined,
    asked: 0,
  };
  const server = createServer({ key, cert }, async (_, response) => {
    issuer.asked++;
    await issuer.held;
    if (issuer.fault === "nothing") return;
    response.writeHead(issuer.fault ?? 200).end(JSON.stringify({ keys: issuer.keys }));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(issuer, { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/jwks` });
}
