import { createHash, randomBytes } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { makeCertificates } from "./certificates";
import { run } from "./command";
import { startProcess, type StartedProcess, untilListening } from "./network";
import { type Testbed } from "./testbed";

/** Another one than the AWS beside it has. */
const PORT = 5443;
const USER = "region";
/** Has crypt make a hash by bcrypt, the only one that the registry takes. */
const SALT = "$2y$05$TheSaltOfThisTestbed..";

/** What is in an image besides its program. */
export interface ImageProps {
  /** Its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Path of a program for Node.js, all of it in one file. @default - the service in `http-service.pl` */
  readonly program?: string;
}

/** Debian's docker-registry in the hosts' rack, over TLS, and images made from the hosts' own Debian. */
export class ImageRegistry {
  /** As image references begin: `10.77.3.1:5443`. */
  readonly address: string;
  private server: StartedProcess | undefined;
  /** By what their program is. */
  private readonly layers = new Map<string | undefined, Layer>();
  /** Root directory with Node.js. */
  private node: string | undefined;

  private constructor(
    private readonly testbed: Testbed,
    private readonly program: string,
    private readonly directory: string,
    /** Path of the PEM certificate of the authority that signed the registry's. */
    readonly authority: string,
    private readonly password: string,
  ) {
    this.address = `${testbed.network.gateway}:${PORT}`;
  }

  /** What lets a host in, as podman keeps it. */
  get credentials(): string {
    const auth = Buffer.from(`${USER}:${this.password}`).toString("base64");
    return JSON.stringify({ auths: { [this.address]: { auth } } });
  }

  static async start(testbed: Testbed): Promise<ImageRegistry> {
    const directory = join(testbed.directory, "registry");
    mkdirSync(join(directory, "storage"), { recursive: true });
    const program = await testbed.mountRoot("registry", [
      await testbed.layer("docker-registry", ["docker-registry"]),
    ]);
    const certificates = makeCertificates(directory, [testbed.network.gateway]);
    for (const [name, path] of [
      ["certificate.pem", certificates.certificate],
      ["key.pem", certificates.key],
    ] as const) {
      cpSync(path, join(program, "srv", name));
    }
    const password = randomBytes(12).toString("hex");
    const hash = await run("chroot", [
      program,
      "perl",
      "-e",
      "print crypt $ARGV[0], $ARGV[1]",
      password,
      SALT,
    ]);
    writeFileSync(join(program, "srv/users"), `${USER}:${hash}\n`);
    writeFileSync(join(program, "srv/registry.yml"), CONFIGURATION);
    const registry = new ImageRegistry(testbed, program, directory, certificates.authority, password);
    await registry.comeBack();
    return registry;
  }

  /** Nobody answers any more. */
  goAway(): void {
    if (this.server !== undefined) process.kill(this.server.pid);
    this.server = undefined;
  }

  async comeBack(): Promise<void> {
    const { ledger, network } = this.testbed;
    this.server = await startProcess(ledger, join(this.directory, "output.log"), "nsenter", [
      `--net=/run/netns/${network.rack}`,
      ...["chroot", this.program, "docker-registry", "serve", "/srv/registry.yml"],
    ]);
    await untilListening(network.rack, PORT);
  }

  /** Makes an image of a program and pushes it; returns `REPOSITORY@sha256:DIGEST`. */
  async push(repository: string, { env, program }: ImageProps): Promise<string> {
    const layer = this.layers.get(program) ?? (await this.layerOf(program));
    this.layers.set(program, layer);
    const { compressed, diffId, entrypoint } = layer;
    const config = JSON.stringify({
      architecture: (await run("dpkg", ["--print-architecture"])).trim(),
      os: "linux",
      config: { Entrypoint: entrypoint, Env: variables(env) },
      rootfs: { type: "layers", diff_ids: [diffId] },
    });
    const blob = (mediaType: string, content: Buffer) => ({
      mediaType: `application/vnd.oci.image.${mediaType}`,
      digest: digest(content),
      size: content.length,
    });
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: blob("config.v1+json", Buffer.from(config)),
      layers: [blob("layer.v1.tar+gzip", compressed)],
    });
    for (const content of [Buffer.from(config), compressed]) await this.upload(repository, content);
    const reference = digest(Buffer.from(manifest));
    await this.put(`${repository}/manifests/${reference}`, Buffer.from(manifest), MANIFEST);
    return `${repository}@${reference}`;
  }

  private async layerOf(program: string | undefined): Promise<Layer> {
    const { testbed } = this;
    if (program === undefined) {
      const said = await run("chroot", [testbed.debian, "perl", "-e", 'print "@INC"']);
      const modules = said.split(" ").filter((path) => path.endsWith("/perl-base"));
      const script = join(__dirname, "http-service.pl");
      return programLayer(testbed.debian, { interpreter: "/usr/bin/perl", beside: modules, script });
    }
    this.node ??= await testbed.mountRoot("node", [await testbed.layer("node", ["nodejs"])]);
    // Debian's has a part of what is built into others as files.
    const beside = ["/usr/share/nodejs"];
    return programLayer(this.node, { interpreter: "/usr/bin/node", beside, script: program });
  }

  private async upload(repository: string, content: Buffer): Promise<void> {
    const head = await this.curl([
      ...["-X", "POST", "-D", "-", "-o", "/dev/null"],
      this.url(`${repository}/blobs/uploads/`),
    ]);
    const place = /^location: (\S+)/im.exec(head)?.[1];
    if (place === undefined) throw new Error(`registry: no place for an upload:\n${head}`);
    await this.put(`${place}&digest=${digest(content)}`, content, "application/octet-stream");
  }

  private async put(path: string, content: Buffer, mediaType: string): Promise<void> {
    const scratch = mkdtempSync(join(this.directory, "upload-"));
    writeFileSync(join(scratch, "content"), content);
    const type = `Content-Type: ${mediaType}`;
    await this.curl(["-H", type, "-T", join(scratch, "content"), this.url(path)]);
    rmSync(scratch, { recursive: true });
  }

  private url(path: string): string {
    return path.startsWith("https://") ? path : `https://${this.address}/v2/${path}`;
  }

  private curl(args: readonly string[]): Promise<string> {
    return run("curl", [
      ...["-fsS", "--noproxy", "*", "--cacert", this.authority, "-u", `${USER}:${this.password}`],
      ...args,
    ]);
  }
}

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

const CONFIGURATION = `version: 0.1
log: { level: warn }
auth: { htpasswd: { realm: testbed, path: /srv/users } }
storage: { filesystem: { rootdirectory: /srv/storage } }
http:
  addr: :${PORT}
  tls: { certificate: /srv/certificate.pem, key: /srv/key.pem }
`;

interface Layer {
  readonly compressed: Buffer;
  /** Digest of the layer before compression. */
  readonly diffId: string;
  readonly entrypoint: readonly string[];
}

interface Program {
  readonly interpreter: string;
  /** Files and directories that it needs besides the libraries that it loads. */
  readonly beside: readonly string[];
  readonly script: string;
}

/** An interpreter with all that it loads, from a Debian root directory, and a program for it. */
async function programLayer(root: string, { interpreter, beside, script }: Program): Promise<Layer> {
  const scratch = mkdtempSync(join(root, "../image-"));
  try {
    const loaded = await run("chroot", [root, "ldd", interpreter]);
    const libraries = [...loaded.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path!);
    for (const path of [interpreter, ...libraries, ...beside]) {
      mkdirSync(dirname(join(scratch, path)), { recursive: true });
      cpSync(join(root, path), join(scratch, path), { recursive: true, dereference: true });
    }
    for (const empty of ["srv", "tmp", "proc", "sys", "dev", "etc", "run"]) {
      mkdirSync(join(scratch, empty), { recursive: true });
    }
    const service = `/srv/service${extname(script)}`;
    cpSync(script, join(scratch, service));
    const tar = join(scratch, "..", `${scratch.split("/").pop()}.tar`);
    await run("tar", [
      ...["-C", scratch, "--sort=name", "--owner=0", "--group=0", "--mtime=@0", "--numeric-owner"],
      ...["-cf", tar, "."],
    ]);
    const diffId = digest(readFileSync(tar));
    await run("gzip", ["-n1", tar]);
    const compressed = readFileSync(`${tar}.gz`);
    rmSync(`${tar}.gz`);
    return { compressed, diffId, entrypoint: [interpreter, service] };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

const variables = (env: Readonly<Record<string, string>>): string[] =>
  Object.entries(env).map(([name, value]) => `${name}=${value}`);

const digest = (content: Buffer): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;
