import { createServer, type Server } from "node:http";
import { type Service } from "./service";

/** The listener for operators: liveness, readiness, numbers. Not for the network of the clients. */
export function adminServer(service: Service): Server {
  return createServer((request, response) => {
    const say = (status: number, text: string): void => {
      response.writeHead(status, { "content-type": "text/plain" }).end(`${text}\n`);
    };
    switch (request.url) {
      case "/healthz":
        return say(200, "ok");
      case "/readyz":
        return service.draining ? say(503, "draining") : say(200, "ready");
      default:
        return say(404, "not found");
    }
  });
}
