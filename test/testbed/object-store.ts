import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo } from "node:net";

/**
 * As much of S3 as Terraform's backend needs: objects that are put, got and removed, a condition that lets one be made
 * once only, and the question who asks. It keeps them in memory and lets everybody in.
 */
export class ObjectStore {
  /** Objects by `/BUCKET/KEY`. */
  readonly objects = new Map<string, Buffer>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<ObjectStore> {
    const server = createServer();
    const store = new ObjectStore(server);
    server.on("request", (request, response) => void store.answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return store;
  }

  /** What leads the AWS SDK here. */
  get environment(): Record<string, string> {
    return {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      AWS_EC2_METADATA_DISABLED: "true",
    };
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://store");
    const end = (
      status: number,
      headers: Record<string, string> = {},
      content: Buffer | string = "",
    ): void => {
      response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(content) });
      response.end(request.method === "HEAD" ? undefined : content);
    };
    if (request.method === "POST" && pathname === "/") return end(200, XML, IDENTITY);
    if (searchParams.has("list-type")) return end(200, XML, "<ListBucketResult/>");
    const held = this.objects.get(pathname);
    switch (request.method) {
      case "PUT":
        if (request.headers["if-none-match"] === "*" && held !== undefined)
          return end(412, XML, error("PreconditionFailed"));
        this.objects.set(pathname, withoutChunks(body, request.headers["content-encoding"]));
        return end(200, { etag: etagOf(body) });
      case "DELETE":
        this.objects.delete(pathname);
        return end(204);
      default:
        return held === undefined
          ? end(404, XML, error("NoSuchKey"))
          : end(200, { etag: etagOf(held), "content-type": "application/json" }, held);
    }
  }
}

const XML = { "content-type": "application/xml" };
const error = (code: string): string => `<Error><Code>${code}</Code><Message>${code}</Message></Error>`;
const IDENTITY = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::123456789012:user/test</Arn><UserId>test</UserId><Account>123456789012</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>`;

const etagOf = (body: Buffer): string => `"${createHash("md5").update(body).digest("hex")}"`;

/** The SDK may send a body in chunks that it signs, each after a line with its length. */
function withoutChunks(body: Buffer, encoding: string | undefined): Buffer {
  if (encoding?.includes("aws-chunked") !== true) return body;
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const end = body.indexOf("\r\n", at);
    const length = Number.parseInt(body.subarray(at, end).toString("latin1"), 16);
    if (!(length > 0)) break;
    parts.push(body.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
  return Buffer.concat(parts);
}
