import { createServer, type Server } from "node:http";
import { exposition, type MetricFamilies, type Snapshot } from "./metrics";
import { upstreamsPage } from "./upstreams";
import { type UpstreamsReport } from "./group-report";

/** What the admin listener tells of: one process, or a supervisor's workers together. */
export interface Observed {
  /** May be sent requests. */
  ready(): Promise<boolean>;
  snapshot(): Promise<Snapshot>;
  upstreams(): Promise<UpstreamsReport>;
}

/** The listener for operators: liveness, readiness, numbers, the state of groups. Not for the network of the clients. */
export function adminServer(families: MetricFamilies, observed: Observed): Server {
  return createServer((request, response) => {
    const say = (status: number, text: string, type = "text/plain"): void => {
      response.writeHead(status, { "content-type": type }).end(text);
    };
    const fail = (error: unknown): void =>
      say(500, `${error instanceof Error ? error.message : String(error)}\n`);
    switch (request.url?.split("?", 1)[0]) {
      case "/healthz":
        return say(200, "ok\n");
      case "/readyz":
        return void observed
          .ready()
          .then((ready) => (ready ? say(200, "ready\n") : say(503, "not ready\n")), fail);
      case "/metrics":
        return void observed
          .snapshot()
          .then((snapshot) => say(200, exposition(families, snapshot), "text/plain; version=0.0.4"), fail);
      case "/upstreams":
        return void observed
          .upstreams()
          .then(
            (report) =>
              /\btext\/html\b/.test(request.headers.accept ?? "")
                ? say(200, upstreamsPage(report), "text/html; charset=utf-8")
                : say(200, `${JSON.stringify(report, undefined, 2)}\n`, "application/json"),
            fail,
          );
      default:
        return say(404, "not found\n");
    }
  });
}
