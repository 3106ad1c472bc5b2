import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { run } from "../command";

/** Paths of PEM files. */
export interface Credential {
  readonly certificate: string;
  readonly key: string;
}

/** The cluster's certificate authority, of this run alone. All certificates last two days. */
export class ClusterAuthority {
  private constructor(readonly directory: string) {}

  static async create(directory: string): Promise<ClusterAuthority> {
    mkdirSync(directory, { recursive: true });
    const authority = new ClusterAuthority(directory);
    await run("openssl", [
      ...["req", "-x509", ...NEW_KEY, "-days", "2", "-subj", "/CN=cluster"],
      ...["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"],
      ...["-keyout", authority.key, "-out", authority.certificate],
    ]);
    await run("openssl", ["genrsa", "-out", authority.serviceAccountKey, "2048"]);
    return authority;
  }

  get certificate(): string {
    return join(this.directory, "authority.pem");
  }

  get key(): string {
    return join(this.directory, "authority.key");
  }

  /** Signs the tokens of service accounts. */
  get serviceAccountKey(): string {
    return join(this.directory, "service-accounts.key");
  }

  /** @param names host names and addresses that the certificate is for, when it is a server's */
  async issue(name: string, user: string, group: string, names: readonly string[] = []): Promise<Credential> {
    const path = (suffix: string): string => join(this.directory, `${name}${suffix}`);
    const subject = `/O=${group}/CN=${user}`;
    await run("openssl", [
      "req",
      "-new",
      ...NEW_KEY,
      "-subj",
      subject,
      "-keyout",
      path(".key"),
      "-out",
      path(".csr"),
    ]);
    const alternatives = names.map((each) => `${isIP(each) === 0 ? "DNS" : "IP"}:${each}`);
    const usage = "extendedKeyUsage=clientAuth,serverAuth\n";
    writeFileSync(
      path(".ext"),
      usage + (names.length === 0 ? "" : `subjectAltName=${alternatives.join(",")}\n`),
    );
    await run("openssl", [
      ...[
        "x509",
        "-req",
        "-in",
        path(".csr"),
        "-days",
        "2",
        "-extfile",
        path(".ext"),
        "-CA",
        this.certificate,
      ],
      ...["-CAkey", this.key, "-CAserial", path(".srl"), "-CAcreateserial", "-out", path(".pem")],
    ]);
    return { certificate: path(".pem"), key: path(".key") };
  }

  /** What kubectl and the components are told of a server and who they are to it, in JSON, which is YAML too. */
  async kubeconfig(name: string, server: string, user: string, group: string): Promise<string> {
    const { certificate, key } = await this.issue(name, user, group);
    const encoded = (file: string): string => readFileSync(file).toString("base64");
    const file = join(this.directory, `${name}.kubeconfig`);
    const cluster = { server, "certificate-authority-data": encoded(this.certificate) };
    const credential = { "client-certificate-data": encoded(certificate), "client-key-data": encoded(key) };
    writeFileSync(
      file,
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: [{ name: "testbed", cluster }],
        users: [{ name, user: credential }],
        contexts: [{ name, context: { cluster: "testbed", user: name } }],
        "current-context": name,
      }),
      { mode: 0o600 },
    );
    return file;
  }
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
