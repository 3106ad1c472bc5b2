import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Certificates } from "./certificates";
import { type Ledger } from "./ledger";
import { startProcess, untilListening } from "./network";
import { nginxConf } from "./nginx-conf";

/** Serves the files of `root` by plain HTTP on port 8000 of every address of `namespace`. */
export async function serveArchive(ledger: Ledger, namespace: string, root: string): Promise<void> {
  await startNginx(ledger, "archive", namespace, 8000, `listen 8000; root ${root};`);
}

/**
 * An HTTPS origin on port 443 for `names`: `/hc` says `ok from NAME`; `/connection` says which of its
 * connections a request came over and as the how-manyeth on it; other paths are files of the returned directory.
 *
 * @param services programs like those in the registry's images, each behind a name that is not of `names`
 */
export async function serveOrigin(
  ledger: Ledger,
  namespace: string,
  address: string,
  names: readonly string[],
  certificates: Certificates,
  services: Readonly<Record<string, ServiceEnvironment>> = {},
): Promise<{ readonly files: string; readonly accessLog: string }> {
  const files = join(ledger.directory, "origin-files");
  mkdirSync(files);
  const tls = `listen ${address}:443 ssl;
     ssl_certificate ${certificates.certificate};
     ssl_certificate_key ${certificates.key};
     ssl_protocols TLSv1.2 TLSv1.3;`;
  const behind = await Promise.all(
    Object.entries(services).map(async ([name, env], index) => {
      const port = FIRST_SERVICE_PORT + index;
      await startService(ledger, namespace, port, env);
      return `server_name ${name};\nlocation / { proxy_pass http://127.0.0.1:${port}; proxy_http_version 1.1; }`;
    }),
  );
  const prefix = await startNginx(
    ledger,
    "origin",
    namespace,
    443,
    `${tls}
     server_name ${names.join(" ")};
     root ${files};
     default_type text/plain;
     location = /hc { return 200 "ok from $host\\n"; }
     location = /connection { return 200 "$connection $connection_requests\\n"; }`,
    ...behind.map((server) => `${tls}\n${server}`),
  );
  return { files, accessLog: join(prefix, "access.log") };
}

/** What a service in http-service.pl is told, besides its port: its `VERSION`, and where it runs as `TRICLOUD_REGION`. */
export type ServiceEnvironment = Readonly<Record<string, string>>;

const FIRST_SERVICE_PORT = 9001;

async function startService(
  ledger: Ledger,
  namespace: string,
  port: number,
  env: ServiceEnvironment,
): Promise<void> {
  const variables = Object.entries({ ...env, PORT: String(port) }).map(([name, value]) => `${name}=${value}`);
  await startProcess(ledger, join(ledger.directory, `service-${port}.log`), "nsenter", [
    `--net=/run/netns/${namespace}`,
    ...["env", ...variables, "perl", join(__dirname, "http-service.pl")],
  ]);
  await untilListening(namespace, port);
}

async function startNginx(
  ledger: Ledger,
  name: string,
  namespace: string,
  port: number,
  ...servers: readonly string[]
): Promise<string> {
  const prefix = join(ledger.directory, `nginx-${name}`);
  mkdirSync(prefix);
  writeFileSync(
    join(prefix, "nginx.conf"),
    nginxConf(
      prefix,
      [`access_log ${prefix}/access.log;`, ...servers.map((server) => `server {\n${server}\n}`)].join("\n"),
    ),
  );
  await startProcess(ledger, join(prefix, "output.log"), "nsenter", [
    `--net=/run/netns/${namespace}`,
    ...["nginx", "-p", prefix, "-e", `${prefix}/error.log`, "-c", `${prefix}/nginx.conf`],
  ]);
  await untilListening(namespace, port);
  return prefix;
}
