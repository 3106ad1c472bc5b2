import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type Certificates } from "../testbed/certificates";
import { nginxConf } from "../testbed/nginx-conf";
import { freePort } from "./proxy-process";

/** True when nginx can be run here; says loudly on stderr when it cannot, since the tests that need it are skipped. */
export const hasNginx = ((): boolean => {
  const found = spawnSync("nginx", ["-v"]).error === undefined;
  if (!found)
    process.stderr.write(
      "\n*** SKIPPED: tests with a real nginx origin, since nginx is not installed (apt-get install nginx-light)\n\n",
    );
  return found;
})();

export interface NginxOrigin {
  readonly httpPort: number;
  readonly httpsPort: number;
  stop(): Promise<void>;
}

/**
 * A real nginx on loopback, http and https. `locations` go into its one server; files come from `directory`/www.
 *
 * @param tls what follows the https `listen`, e.g. `http2`
 */
export async function startNginx(
  directory: string,
  certificates: Certificates,
  locations: string,
  tls = "",
): Promise<NginxOrigin> {
  const httpPort = freePort();
  const httpsPort = freePort();
  mkdirSync(join(directory, "www"), { recursive: true });
  const conf = nginxConf(
    directory,
    `access_log off; keepalive_requests 1000000; client_max_body_size 0;
     server {
       listen 127.0.0.1:${httpPort}; listen 127.0.0.1:${httpsPort} ssl ${tls};
       ssl_certificate ${certificates.certificate}; ssl_certificate_key ${certificates.key};
       root ${directory}/www;
       ${locations}
     }`,
  );
  const file = join(directory, "nginx.conf");
  writeFileSync(file, conf);
  const child = spawn("nginx", ["-p", directory, "-c", file, "-e", `${directory}/error.log`], {
    stdio: "inherit",
  });
  const exit = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const giveUp = Date.now() + 5_000;
  while (!(await accepts(httpPort))) {
    if (Date.now() > giveUp || child.exitCode !== null)
      throw new Error(`nginx did not start: see ${directory}/error.log`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    httpPort,
    httpsPort,
    stop: () => {
      child.kill("SIGKILL");
      return exit;
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
