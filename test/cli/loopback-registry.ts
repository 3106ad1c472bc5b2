import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { findProgram } from "../constructs/dns/real-binaries";
import { makeCertificates } from "../testbed/certificates";

/** The program of Debian's docker-registry. */
export const dockerRegistry = findProgram("docker-registry");
export const skopeo = findProgram("skopeo");

/** Debian's docker-registry on a loopback port, over TLS by an authority of its own; it lets in one user alone. */
export class LoopbackRegistry {
  private constructor(
    private readonly process: ChildProcess,
    /** As images' names begin: `127.0.0.1:40123`. */
    readonly address: string,
    /** PEM certificate of its authority. */
    readonly authority: string,
    /** What lets somebody in, as `auth.json` holds it. */
    readonly credential: { readonly auth: string },
  ) {}

  static async start(directory: string): Promise<LoopbackRegistry> {
    mkdirSync(join(directory, "storage"), { recursive: true });
    const { authority, certificate, key } = makeCertificates(directory, ["127.0.0.1"]);
    const port = await freePort();
    const hash = spawnSync("perl", ["-e", 'print crypt "secret", q($2y$05$TheSaltOfThisTest.....)']).stdout;
    writeFileSync(join(directory, "users"), `region:${hash.toString()}\n`);
    writeFileSync(
      join(directory, "registry.yml"),
      `version: 0.1
log: { level: error }
auth: { htpasswd: { realm: test, path: ${directory}/users } }
storage: { filesystem: { rootdirectory: ${directory}/storage } }
http:
  addr: 127.0.0.1:${port}
  tls: { certificate: ${certificate}, key: ${key} }
`,
    );
    const server = spawn(dockerRegistry!, ["serve", join(directory, "registry.yml")], { stdio: "ignore" });
    await listening(port);
    return new LoopbackRegistry(server, `127.0.0.1:${port}`, readFileSync(authority, "utf8"), {
      auth: Buffer.from("region:secret").toString("base64"),
    });
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null) return;
    this.process.kill();
    await once(this.process, "exit");
  }
}

/** Writes an image of one file as an OCI layout, and returns its digest. */
export function writeImage(directory: string, content: string): string {
  const blobs = join(directory, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const blob = (mediaType: string, bytes: Buffer) => {
    const hash = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(blobs, hash), bytes);
    return {
      mediaType: `application/vnd.oci.image.${mediaType}`,
      digest: `sha256:${hash}`,
      size: bytes.length,
    };
  };
  const file = join(directory, "file");
  writeFileSync(file, content);
  const tar = spawnSync("tar", ["-C", directory, "-cf", "-", "file"]).stdout;
  const diffId = `sha256:${createHash("sha256").update(tar).digest("hex")}`;
  const config = {
    ...{ architecture: "amd64", os: "linux", config: {} },
    rootfs: { type: "layers", diff_ids: [diffId] },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: blob("config.v1+json", Buffer.from(JSON.stringify(config))),
    layers: [blob("layer.v1.tar+gzip", gzipSync(tar))],
  };
  const entry = blob("manifest.v1+json", Buffer.from(JSON.stringify(manifest)));
  writeFileSync(join(directory, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(join(directory, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  return entry.digest;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const answered = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    socket.destroy();
    if (answered) return;
    await sleep(50);
  }
}
