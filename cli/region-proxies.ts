import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONFIG_PATH } from "../constructs/proxy/host-paths";
import { type HostAnswer, runOnHost } from "../planning/hosts/host-command";
import { stackHosts } from "../planning/matters/stack-hosts";
import { readStacks, selectStacks } from "../planning/stack/synthesized-stacks";
import { synthesise } from "./assessment";

/** The options that say which proxies are meant, for `parseArgs`. */
export const WHICH_PROXIES = {
  region: { type: "string" },
  out: { type: "string" },
} as const;

/** The same, for a usage. */
export const WHICH_PROXIES_USAGE = `  --region NAME  the region, one on dedicated servers
  --out DIR      take what is synthesised there; without, the app is synthesised anew (to cdktf.out)
`;

/** What a program has come to beside one proxy. */
export interface ProxyAnswer {
  readonly host: string;
  readonly answer: HostAnswer;
}

/**
 * Has the machine of every proxy of a region run a bash program as root, all at once.
 *
 * @returns their answers; undefined where the app could not be synthesised, which it has said
 * @throws Error where no region is named, or it has no proxies on dedicated servers
 */
export async function onProxies(
  { region, out }: { readonly region?: string; readonly out?: string },
  program: string,
): Promise<ProxyAnswer[] | undefined> {
  if (region === undefined) throw new Error("expected --region NAME");
  if (out === undefined && !synthesise()) return undefined;
  const stack = selectStacks(readStacks(out ?? "cdktf.out"), [region])[0]!;
  const hosts = stackHosts(stack.configuration).filter(({ contents }) => contents.files.has(CONFIG_PATH));
  if (hosts.length === 0) throw new Error(`region "${region}" has no proxies on dedicated servers`);
  const directory = mkdtempSync(join(tmpdir(), "tricloud-proxies-"));
  try {
    const file = join(directory, "program.sh");
    writeFileSync(file, program);
    return await Promise.all(
      hosts.map(async (host) => ({ host: host.name, answer: await runOnHost(host, stack.directory, file) })),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}
