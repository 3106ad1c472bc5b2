import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONFIG_PATH } from "../constructs/proxy/host-paths";
import { type HostAnswer, runOnHost } from "../planning/hosts/host-command";
import { stackHosts, type StackHost } from "../planning/matters/stack-hosts";
import { readStacks, selectStacks } from "../planning/stack/synthesized-stacks";
import { synthesise } from "./assessment";

/** Options of every command that asks a region's hosts, for `parseArgs`. */
export const REGION_OPTIONS = {
  region: { type: "string" },
  out: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** Those that say which region's proxies are meant, for a usage. */
export const WHICH_REGION_USAGE = `  --region NAME  the region: on dedicated servers, whose hosts are asked by SSH, or on a cluster, whose API is, which
                 needs what a deploy needs: Terraform, credentials, values of the variables (TF_VAR_...)
  --out DIR      take what is synthesised there; without, the app is synthesised anew (to cdktf.out)
`;

/** Which of a region's hosts are meant. */
export interface WantedHosts {
  readonly region?: string | undefined;
  readonly out?: string | undefined;
  /** What they have in common, for whoever has none: `proxies`. */
  readonly what: string;
  readonly has: (host: StackHost) => boolean;
}

/** What a program has come to on one host. */
export interface AnswerOfHost {
  readonly host: StackHost;
  readonly answer: HostAnswer;
}

/**
 * Has hosts of a region run a bash program as root, all at once.
 *
 * @returns their answers; undefined where the app could not be synthesised, which it has said
 * @throws Error where no region is named, or it has no such host among its dedicated servers
 */
export async function onHosts(
  { region, out, what, has }: WantedHosts,
  program: string,
): Promise<AnswerOfHost[] | undefined> {
  if (region === undefined) throw new Error("expected --region NAME");
  if (out === undefined && !synthesise()) return undefined;
  const stack = selectStacks(readStacks(out ?? "cdktf.out"), [region])[0]!;
  const hosts = stackHosts(stack.configuration).filter(has);
  if (hosts.length === 0) throw new Error(`region "${region}" has no ${what} on dedicated servers`);
  const directory = mkdtempSync(join(tmpdir(), "tricloud-hosts-"));
  try {
    const file = join(directory, "program.sh");
    writeFileSync(file, program);
    return await Promise.all(
      hosts.map(async (host) => ({ host, answer: await runOnHost(host, stack.directory, file) })),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The machines of a region's proxies. */
export const PROXIES: Pick<WantedHosts, "what" | "has"> = {
  what: "proxies",
  has: ({ contents }) => contents.files.has(CONFIG_PATH),
};
