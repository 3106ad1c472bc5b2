import {
  type AssetContent,
  type HostFile,
  type HostProfilePart,
  textContent,
  type TextContent,
} from "../host";
import { posix } from "node:path";
import { engineUnit } from "./engine-unit";
import { configReadAtStart } from "./proxy-config";

/** How Consul finds out that a program of the engine is not ready. */
export const CHECK_SECONDS = { interval: 2, timeout: 1 };

/** How long requests under way may take to end once no new ones are taken. */
export const FINISH_SECONDS = 30;

/** What systemd waits for longer than that: the program ends by itself. */
const KILL_SECONDS = 12;

/** How long one on its way out serves: for as long as anybody may be told its name. @param namedSeconds how long resolvers may go on naming it */
export const drainedWithin = (namedSeconds: number): number =>
  CHECK_SECONDS.interval + CHECK_SECONDS.timeout + namedSeconds;

/** A program of the proxy's engine, on a host. */
export interface EngineOnHost {
  /** Of its unit and of what it keeps. */
  readonly name: string;
  /** What it is, for people. */
  readonly description: string;
  readonly bundle: { readonly path: string; readonly content: AssetContent };
  /** Its text is asked for as late as can be: what is wired to it later has a say in it. */
  readonly config: { readonly path: string; readonly text: () => string };
  /**
   * Files for its user alone: each is root's, and its configuration names a copy (`handedOver`), made at each start and
   * reload. The flag is the program's for such a file.
   * @default - none
   */
  readonly own?: readonly { readonly file: HostFile; readonly flag: string }[];
  /** Other files that its configuration names, by paths seen from there; they change by a reload. @default - none */
  readonly files?: readonly HostFile[];
  /** PEM certificates of authorities, where its configuration names such a file. */
  readonly authorities?: { readonly path: string; readonly certificates: string } | undefined;
  /** Port of its health, on the loopback address too. */
  readonly adminPort: number;
  readonly drainSeconds: () => number;
}

/** Where a program finds its copy of a file that is for its user alone. @param name the program's */
export const handedOver = (name: string, path: string): string => `/run/${name}/${posix.basename(path)}`;

/** The program that makes the copies: the user is another one at each start, so that no file can be its own for longer. */
const handOverFile = (name: string, own: NonNullable<EngineOnHost["own"]>): HostFile => ({
  path: `/usr/local/lib/tricloud/${name}-hand-over`,
  content: textContent(`#!/bin/sh
# Gives the user as which ${name} runs what nobody else may read, each in one rename.
set -eu
umask 077
for path in ${own.map(({ file }) => file.path).join(" ")}; do
  copy=/run/${name}/\${path##*/}
  cp "$path" "$copy.new"
  chown --reference=/run/${name} "$copy.new"
  mv "$copy.new" "$copy"
done
`),
});

/**
 * What its host holds: it takes another configuration by a reload, and restarts for what only a start reads. A
 * configuration that it would not start with is refused before anything is touched.
 *
 * @throws Error that `config.text` throws
 */
export function engineOnHost(program: EngineOnHost): HostProfilePart {
  const { name, description, bundle, config, own = [], authorities, adminPort, drainSeconds } = program;
  const files = [...(program.files ?? []), ...own.map(({ file }) => file)];
  const others = files.map(({ path }) => path);
  const handOver = own.length === 0 ? [] : [handOverFile(name, own)];
  const stagedOwn = own.map(({ file, flag }) => ` ${flag} "$STAGED${file.path}"`).join("");
  const unitName = `${name}.service`;
  const unitPath = `/etc/systemd/system/${unitName}`;
  const trusted =
    authorities === undefined
      ? []
      : [{ path: authorities.path, content: textContent(authorities.certificates) }];
  const stagedAuthorities = trusted.map(({ path }) => ` --ca-file "$STAGED${path}"`).join("");
  const unit = () =>
    engineUnit({
      description,
      bundle: bundle.path,
      config: config.path,
      state: name,
      stopSeconds: drainSeconds() + FINISH_SECONDS + KILL_SECONDS,
      handOver: handOver[0]?.path,
    });
  // Refused here, and not when the stack is synthesised.
  config.text();
  return {
    packages: ["curl", "nodejs"],
    files: [
      bundle,
      { path: config.path, content: reloadedText(config.text) },
      { path: unitPath, content: lateText(unit) },
      ...files,
      ...trusted,
      ...handOver,
    ],
    services: [
      {
        name: unitName,
        reads: [
          bundle.path,
          config.path,
          unitPath,
          ...others,
          ...[...trusted, ...handOver].map(({ path }) => path),
        ],
        reload: `${handOver.map(({ path }) => `sh ${path} && `).join("")}exec node ${bundle.path} reload --config ${config.path}`,
        reloadsFor: [config.path, ...others],
        verify: `node "$STAGED${bundle.path}" --check --config "$STAGED${config.path}"${stagedAuthorities}${stagedOwn}`,
        health: { command: `curl -fsS -m 2 http://127.0.0.1:${adminPort}/readyz` },
      },
    ],
  };
}

/** A file's text that what is wired to the program later has a say in. */
const lateText = (produce: () => string): TextContent => ({
  kind: "text",
  get text() {
    return produce();
  },
});

/** The same of a configuration, which is read again by a reload. */
const reloadedText = (produce: () => string): TextContent => ({
  kind: "text",
  get text() {
    return produce();
  },
  get readAtStart() {
    return configReadAtStart(produce());
  },
});
