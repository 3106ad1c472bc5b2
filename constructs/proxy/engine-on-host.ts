import {
  type AssetContent,
  type HostFile,
  type HostProfilePart,
  textContent,
  type TextContent,
} from "../host";
import { engineUnit } from "./engine-unit";

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
  /** Other files that its configuration names, by paths seen from there; they change by a reload. @default - none */
  readonly files?: readonly HostFile[];
  /** PEM certificates of authorities, where its configuration names such a file. */
  readonly authorities?: { readonly path: string; readonly certificates: string } | undefined;
  /** Port of its health, on the loopback address too. */
  readonly adminPort: number;
  readonly drainSeconds: () => number;
}

/**
 * What its host holds: it takes another configuration by a reload, and restarts for what only a start reads. A
 * configuration that it would not start with is refused before anything is touched.
 *
 * @throws Error that `config.text` throws
 */
export function engineOnHost(program: EngineOnHost): HostProfilePart {
  const { name, description, bundle, config, files = [], authorities, adminPort, drainSeconds } = program;
  const others = files.map(({ path }) => path);
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
    });
  // Refused here, and not when the stack is synthesised.
  config.text();
  return {
    packages: ["curl", "nodejs"],
    files: [
      bundle,
      { path: config.path, content: lateText(config.text) },
      { path: unitPath, content: lateText(unit) },
      ...files,
      ...trusted,
    ],
    services: [
      {
        name: unitName,
        reads: [bundle.path, config.path, unitPath, ...others, ...trusted.map(({ path }) => path)],
        reload: `exec node ${bundle.path} reload --config ${config.path}`,
        reloadsFor: [config.path, ...others],
        verify: `node "$STAGED${bundle.path}" --check --config "$STAGED${config.path}"${stagedAuthorities}`,
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
