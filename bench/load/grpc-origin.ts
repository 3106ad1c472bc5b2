import { readFileSync } from "node:fs";
import { createSecureServer, type ServerHttp2Stream } from "node:http2";

/** How the origin of the gateway's bench is started; passed to its process as JSON. */
export interface GrpcOriginOrder {
  readonly port: number;
  readonly certificate: string;
  readonly key: string;
  /** What is answered: the same in JSON, and as a message of gRPC, in base64. */
  readonly json: string;
  readonly message: string;
}

/** Answers over HTTP/2 and TLS whatever it is asked: calls of gRPC by a message, all else by JSON. */
export function runGrpcOrigin({ port, certificate, key, json, message }: GrpcOriginOrder): void {
  const bytes = Buffer.from(message, "base64");
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  const frame = Buffer.concat([prefix, bytes]);
  const server = createSecureServer({ cert: readFileSync(certificate), key: readFileSync(key) });
  server.on("stream", (stream: ServerHttp2Stream, fields) => {
    stream.on("error", () => undefined);
    stream.resume().on("end", () => {
      // The load leaves in the midst of requests, and the gateway then of its own.
      if (stream.destroyed || stream.closed) return;
      if (fields["content-type"]?.startsWith("application/grpc") === true) {
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.end(frame);
      } else {
        stream.respond({ ":status": 200, "content-type": "application/json", "content-length": json.length });
        stream.end(json);
      }
    });
  });
  server.listen(port, "127.0.0.1");
}
