import { readFileSync } from "node:fs";
import { AllowList } from "../allow-list";
import { readWarm } from "./endpoint-values";
import { OptionError, show } from "./option-error";
import { type Options } from "./options";

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
