import { spawnSync } from "node:child_process";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** An image as EC2 tells of it. */
export interface ImageOfEc2 {
  readonly owner: string;
  readonly name: string;
  readonly id: string;
  readonly created: string;
}

/**
 * What names versions, over plain HTTP on this machine: an archive of Debian packages at /debian/, a repository of charts
 * at /charts/, and EC2's DescribeImages at /, which lets nobody in who has no key.
 */
export class VersionServices {
  static async start(): Promise<VersionServices> {
    const services = new VersionServices();
    await new Promise<void>((resolve) => services.server.listen(0, "127.0.0.1", resolve));
    return services;
  }

  /** Texts by path; a path that ends with .gz is given compressed. */
  readonly files = new Map<string, string>();
  images: ImageOfEc2[] = [];
  /** What was asked for: paths, and names of EC2's calls. */
  readonly asked: string[] = [];
  private readonly server: Server;

  private constructor() {
    this.server = createServer(async (request, response) => {
      if (request.method === "POST") {
        const [status, text] = this.ec2(request, new URLSearchParams(await bodyOf(request)));
        return response.writeHead(status, { "content-type": "text/xml" }).end(text);
      }
      this.asked.push(request.url ?? "");
      const text = this.files.get(request.url ?? "");
      if (text === undefined) return response.writeHead(404).end("no such file\n");
      return response.end(request.url!.endsWith(".gz") ? gzipSync(text) : text);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.close();
  }

  /** Versions of packages in a suite of the archive, as its list names them. */
  addPackages(suite: string, architecture: string, packages: ReadonlyArray<readonly [string, string]>): void {
    const list = packages.map(
      ([name, version]) =>
        `Package: ${name}\nArchitecture: ${architecture}\nVersion: ${version}\nDepends: libc6\n` +
        `Description: a program\n Version: 99.0.0\n .\n Package: consul\n`,
    );
    this.files.set(`/debian/dists/${suite}/main/binary-${architecture}/Packages.gz`, list.join("\n"));
  }

  /** Releases of charts in the repository's index. */
  addCharts(charts: Readonly<Record<string, readonly string[]>>): void {
    const entries = Object.entries(charts).map(
      ([name, versions]) =>
        `  ${name}:\n${versions.map((each) => `  - apiVersion: v2\n    name: ${name}\n    version: ${each}\n`).join("")}`,
    );
    this.files.set("/charts/index.yaml", `apiVersion: v1\nentries:\n${entries.join("")}`);
  }

  private ec2({ headers }: IncomingMessage, form: URLSearchParams): [number, string] {
    this.asked.push(form.get("Action") ?? "");
    const scope = /Credential=AKIAEXAMPLE\/\d{8}\/us-east-1\/ec2\//;
    if (!scope.test(headers.authorization ?? "")) {
      return [
        401,
        "<Response><Errors><Error><Code>AuthFailure</Code><Message>AWS was not able to validate the provided access credentials</Message></Error></Errors></Response>",
      ];
    }
    const filters = [...form].filter(([key]) => /^Filter\.\d+\.Name$/.test(key));
    if (filters.some(([, name]) => name !== "name")) throw new Error("this EC2 filters by name alone");
    const names = [...form]
      .filter(([key]) => /^Filter\.\d+\.Value\.\d+$/.test(key))
      .map(([, value]) => value);
    const owners = [...form].filter(([key]) => /^Owner\.\d+$/.test(key)).map(([, value]) => value);
    const items = this.images
      .filter(({ owner }) => owners.includes(owner))
      .filter(({ name }) =>
        names.some((pattern) => new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(name)),
      )
      .map(
        ({ name, id, created }) =>
          `<item><imageId>${id}</imageId><name>${name}</name><creationDate>${created}</creationDate></item>`,
      );
    return [
      200,
      `<DescribeImagesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><imagesSet>${items.join("")}</imagesSet></DescribeImagesResponse>`,
    ];
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk;
  return body;
}

/** Where script/python-tools puts the AWS CLI when the machine has none. */
export const PATH_WITH_AWS_CLI = `${process.env["PATH"] ?? ""}:${join(__dirname, "../../.testbed/cache/python/bin")}`;

export const hasAwsCli =
  spawnSync("aws", ["--version"], { env: { ...process.env, PATH: PATH_WITH_AWS_CLI } }).status === 0;
