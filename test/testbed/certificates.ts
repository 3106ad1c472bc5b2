import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";

/** A certificate authority of this run alone, and a server certificate it signed. Paths of PEM files. */
export interface Certificates {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** Makes an authority and one certificate for all of `names` (or addresses) in `directory`; both last two days. */
export function makeCertificates(directory: string, names: readonly string[]): Certificates {
  const path = (name: string): string => join(directory, name);
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { stdio: "pipe" });
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl(
    ...["req", "-x509", ...ec, "-days", "2", "-subj", "/CN=Test authority"],
    ...["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"],
    ...["-keyout", path("authority.key"), "-out", path("authority.pem")],
  );
  openssl(
    ...["req", "-new", ...ec, "-subj", `/CN=${names[0]}`],
    ...["-keyout", path("server.key"), "-out", path("server.csr")],
  );
  const alternatives = names.map((name) => `${isIP(name) === 0 ? "DNS" : "IP"}:${name}`);
  writeFileSync(path("server.ext"), `subjectAltName=${alternatives.join(",")}\n`);
  openssl(
    ...["x509", "-req", "-in", path("server.csr"), "-days", "2", "-extfile", path("server.ext")],
    ...["-CA", path("authority.pem"), "-CAkey", path("authority.key"), "-CAcreateserial"],
    ...["-out", path("server.pem")],
  );
  return { authority: path("authority.pem"), certificate: path("server.pem"), key: path("server.key") };
}
