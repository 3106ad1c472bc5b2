import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http";
import { type AddressInfo } from "node:net";
import { join } from "node:path";
import { NODE } from "../proxy/node-program";
import { bundle, freePort, type RunningProxy, scratch, startProgram } from "../proxy/proxy-process";

export interface GatewayLab {
  /** Writes a file with this configuration and what every gateway here needs. @returns its path */
  written(config: object, path?: string): string;
  /** Writes a file with this text. @returns its path */
  file(text: string): string;
  /** A gateway with this configuration, for as long as `use` takes. */
  using(config: object, use: (gateway: RunningGateway) => Promise<void>): Promise<void>;
  /** What the program says when it is run with these arguments, and its exit code. */
  run(...args: string[]): { readonly code: number | null; readonly said: string };
}

export interface RunningGateway extends RunningProxy {
  /** Puts another configuration in its file. @returns the file's path */
  write(config: object | string): string;
  /** The same, and has it read again. */
  reload(config: object | string): void;
}

export function gatewayLab(): GatewayLab {
  // A crowded machine takes its time.
  jest.setTimeout(60_000);
  const directory = scratch();
  const file = bundle(directory, "gateway");
  let files = 0;
  const written = (config: object, path = join(directory, `gateway-${++files}.json`)): string => {
    writeFileSync(path, JSON.stringify({ allowAddress: ["127.0.0.0/8"], accessLogDir: "stdout", ...config }));
    return path;
  };
  return {
    written,
    file(text) {
      const path = join(directory, `file-${++files}`);
      writeFileSync(path, text);
      return path;
    },
    run(...args) {
      const { status, stdout, stderr } = spawnSync(NODE, [file, ...args], { encoding: "utf8" });
      return { code: status, said: stdout + stderr };
    },
    async using(config, use) {
      const ports = { port: freePort(), adminPort: freePort() };
      const where = {
        listen: "127.0.0.1",
        port: ports.port,
        adminListen: `127.0.0.1:${ports.adminPort}`,
      };
      const path = written({ ...where, ...config });
      const gateway = await startProgram(file, ["--config", path], ports);
      const write = (next: object | string): string => {
        if (typeof next === "string") writeFileSync(path, next);
        else written({ ...where, ...next }, path);
        return path;
      };
      try {
        await use({
          ...gateway,
          write,
          reload: (next) => {
            write(next);
            gateway.child.kill("SIGHUP");
          },
        });
      } finally {
        await gateway.stop();
      }
    },
  };
}

/** A server on loopback that stands for a service. */
export interface TestService {
  readonly url: string;
  /** Requests that have come, with their bodies once these have come. */
  readonly requests: { readonly message: IncomingMessage; body: string }[];
}

const closing: (() => void)[] = [];
afterAll(() => closing.forEach((close) => close()));

/** Answers with its name, unless told otherwise. */
export async function service(
  name: string,
  answer: (message: IncomingMessage, response: ServerResponse) => void = (_, response) => response.end(name),
): Promise<TestService> {
  const requests: TestService["requests"] = [];
  const server = createServer((message, response) => {
    const entry = { message, body: "" };
    requests.push(entry);
    message.on("data", (part) => (entry.body += part)).on("end", () => answer(message, response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

export interface GatewayAnswer {
  readonly status: number;
  readonly body: string;
}

export type TestRequest = Parameters<typeof exchange>[2];

/** One request on a connection of its own; status 0 where the connection ends without an answer. */
export async function ask(gateway: RunningProxy, path: string, sent?: TestRequest): Promise<GatewayAnswer> {
  const { status, body } = await exchange(gateway, path, sent);
  return { status, body };
}

/** The same, with the answer's fields. */
export function exchange(
  gateway: RunningProxy,
  path: string,
  {
    method = "GET",
    headers = {},
    body = "",
  }: { method?: string; headers?: Record<string, string>; body?: string | Buffer[] } = {},
): Promise<GatewayAnswer & { readonly headers: IncomingHttpHeaders }> {
  return new Promise((resolve) => {
    const sent = request(
      { agent: false, host: "127.0.0.1", port: gateway.port, method, path, headers },
      (answer) => {
        let text = "";
        answer
          .on("data", (part) => (text += part))
          .on("end", () => resolve({ status: answer.statusCode!, body: text, headers: answer.headers }));
        answer.on("error", (error) => resolve({ status: 0, body: error.message, headers: {} }));
      },
    );
    sent.on("error", (error) => resolve({ status: 0, body: error.message, headers: {} }));
    if (typeof body === "string") sent.end(body === "" ? undefined : body);
    else {
      for (const part of body) sent.write(part);
      sent.end();
    }
  });
}
