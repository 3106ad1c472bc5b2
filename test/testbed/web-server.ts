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
 */
export async function serveOrigin(
  ledger: Ledger,
  namespace: string,
  address: string,
  names: readonly string[],
  certificates: Certificates,
): Promise<{ readonly files: string; readonly accessLog: string }> {
  const files = join(ledger.directory, "origin-files");
  mkdirSync(files);
  const prefix = await startNginx(
    ledger,
    "origin",
    namespace,
    443,
    `listen ${address}:443 ssl;
     server_name ${names.join(" ")};
     ssl_certificate ${certificates.certificate};
     ssl_certificate_key ${certificates.key};
     ssl_protocols TLSv1.2 TLSv1.3;
     root ${files};
     default_type text/plain;
     location = /hc { return 200 "ok from $host\\n"; }
     location = /connection { return 200 "$connection $connection_requests\\n"; }`,
  );
  return { files, accessLog: join(prefix, "access.log") };
}

async function startNginx(
  ledger: Ledger,
  name: string,
  namespace: string,
  port: number,
  server: string,
): Promise<string> {
  const prefix = join(ledger.directory, `nginx-${name}`);
  mkdirSync(prefix);
  writeFileSync(
    join(prefix, "nginx.conf"),
    nginxConf(prefix, `access_log ${prefix}/access.log;\nserver {\n${server}\n}`),
  );
  await startProcess(ledger, join(prefix, "output.log"), "nsenter", [
    `--net=/run/netns/${namespace}`,
    ...["nginx", "-p", prefix, "-e", `${prefix}/error.log`, "-c", `${prefix}/nginx.conf`],
  ]);
  await untilListening(namespace, port);
  return prefix;
}
