import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./command";

/** A certificate authority of this run alone, and a server certificate it signed. Paths of PEM files. */
export interface Certificates {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** Makes an authority and one certificate for all of `names` in `directory`; both last two days. */
export async function makeCertificates(directory: string, names: readonly string[]): Promise<Certificates> {
  const path = (name: string) => join(directory, name);
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await run("openssl", [
    ...["req", "-x509", ...ec, "-days", "2", "-subj", "/CN=Testbed authority"],
    ...["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"],
    ...["-keyout", path("authority.key"), "-out", path("authority.pem")],
  ]);
  await run("openssl", [
    ...["req", "-new", ...ec, "-subj", `/CN=${names[0]}`],
    ...["-keyout", path("server.key"), "-out", path("server.csr")],
  ]);
  writeFileSync(path("server.ext"), `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}\n`);
  await run("openssl", [
    ...["x509", "-req", "-in", path("server.csr"), "-days", "2", "-extfile", path("server.ext")],
    ...["-CA", path("authority.pem"), "-CAkey", path("authority.key"), "-CAcreateserial"],
    ...["-out", path("server.pem")],
  ]);
  return { authority: path("authority.pem"), certificate: path("server.pem"), key: path("server.key") };
}
