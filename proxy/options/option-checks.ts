import { readFileSync } from "node:fs";
import { AllowList } from "../allow-list";
import { readWarm } from "./endpoint-values";
import { OptionError, show } from "./option-error";
import { type Options } from "./options";
import { peerContext } from "../peers/peer-context";
import { serviceForPeers } from "../route";

/** What no single value shows. @param file where the options were read, for messages @throws OptionError */
export function checkTogether(options: Options, file: string | undefined): void {
  const where = file === undefined ? "" : `${file}: `;
  const { groups, upstream } = options;
  if (groups.length > 0 && upstream !== "") {
    throw new OptionError(
      `${where}groups: ${show(groups.map(({ name }) => name))} is not reachable: upstream takes all requests`,
      false,
    );
  }
  if (options.allow.length === 0 && !options.allowAny && upstream === "" && groups.length === 0) {
    throw new OptionError(
      `${where}allow: [] is not at least one origin pattern (--allow '*.example.com'), unless upstream, groups or allowAny is set`,
      file === undefined,
    );
  }
  const allowed = new AllowList(options.allow, options.allowAny || upstream !== "");
  options.warm.forEach((text, index) => {
    const { host } = readWarm(text)!;
    if (!allowed.allows(host)) {
      throw new OptionError(
        `${where}warm[${index}]: ${show(text)} is not an origin that allow lets through`,
        false,
      );
    }
  });
  checkFiles(options, where);
  checkPeers(options, where);
}

/** What other regions' proxies are known by and shown, where any are asked or served. */
function checkPeers(options: Options, where: string): void {
  const { groups, peerListen, peerNames, upstream } = options;
  for (const { name, origins } of groups) {
    if (serviceForPeers(name) === undefined || origins.every(({ peer }) => peer === undefined)) continue;
    throw new OptionError(
      `${where}groups.${name}: what other regions ask for is answered here: expected no origin with a peer`,
      false,
    );
  }
  const asked = groups.some(({ origins }) => origins.some(({ peer }) => peer !== undefined));
  if (peerListen === "" && !asked) return;
  if (peerListen !== "" && upstream !== "")
    throw new OptionError(
      `${where}peerListen: ${show(peerListen)} serves groups, and upstream has none`,
      false,
    );
  if (peerListen !== "" && peerNames.length === 0)
    throw new OptionError(
      `${where}peerNames: [] is not at least one name of proxies that peerListen serves (proxy.us.consul)`,
      false,
    );
  try {
    peerContext(options);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new OptionError(
      `${where}peerCertFile, peerKeyFile, peerCaFile: expected a certificate, its key and authorities: ${problem}`,
      false,
    );
  }
  // OpenSSL takes a file without any, and then trusts nobody.
  if (!readText(options.peerCaFile, `${where}peerCaFile`).includes("-----BEGIN CERTIFICATE-----"))
    throw new OptionError(
      `${where}peerCaFile: ${show(options.peerCaFile)} is not a PEM file with a certificate`,
      false,
    );
}

/** What the files have to be that options name. @param where what messages begin with @throws OptionError */
export function checkFiles(options: Options, where: string): void {
  if (options.tlsPort > 0) {
    for (const name of ["tlsCertFile", "tlsKeyFile"] as const) {
      if (!readText(options[name], `${where}${name}`).includes("-----BEGIN ")) {
        throw new OptionError(`${where}${name}: ${show(options[name])} is not a PEM file`, false);
      }
    }
  }
  if (options.caFile !== "") {
    const certificates = readText(options.caFile, `${where}caFile`);
    if (!certificates.includes("-----BEGIN CERTIFICATE-----")) {
      throw new OptionError(`${where}caFile: ${options.caFile} is not a PEM file with a certificate`, false);
    }
  }
}

function readText(path: string, name: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new OptionError(
      `${name}: ${show(path)} is not a readable file (${error instanceof Error ? error.message : String(error)})`,
      false,
    );
  }
}
