import { request } from "node:http";
import { connect as connectHttp2 } from "node:http2";

/** How a call ended: with the status of a whole answer, with a mark that it is none, or not at all. */
export type CallEnd = number | "cut" | "hung";

/** One request by HTTP/1, over a connection of its own. */
export function callHttp1(port: number, host: string): Promise<CallEnd> {
  return new Promise((resolve) => {
    const asked = request({ host: "127.0.0.1", port, headers: { host }, agent: false }, (response) => {
      response.on("error", () => resolve("cut")).on("aborted", () => resolve("cut"));
      response.on("end", () => resolve(response.complete ? response.statusCode! : "cut")).resume();
    });
    asked.on("error", () => resolve("cut")).end();
    setTimeout(() => resolve("hung"), 60_000).unref();
  });
}

/** The same by HTTP/2, as gRPC: so it goes on to an origin by HTTP/2 without TLS. */
export function callHttp2(port: number, host: string): Promise<CallEnd> {
  return new Promise((resolve) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const ended = (how: CallEnd): void => {
      resolve(how);
      session.destroy();
    };
    session.on("error", () => ended("cut"));
    const stream = session.request({ ":path": "/", ":authority": host, "content-type": "application/grpc" });
    let status = 0;
    stream.on("response", (fields) => (status = fields[":status"] ?? 0));
    stream.on("error", () => ended("cut"));
    stream.on("end", () => stream.rstCode === 0 && ended(status)).resume();
    stream.on("close", () => ended("cut"));
    setTimeout(() => ended("hung"), 60_000).unref();
  });
}
