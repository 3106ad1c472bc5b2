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
export const WHICH_REGION_USAGE = `  --region NAME  the region: on dedicated servers, whose hosts are asked by SSH; on EC2, whose machines are, by AWS Systems
                 Manager, with the AWS CLI as whoever is signed in; or on a cluster, whose API is, which needs what a
                 deploy needs: Terraform, credentials, values of the variables (TF_VAR_...)
  --out DIR      take what is synthesised there; without, the app is synthesised anew (to cdktf.out)
`;

/** A region, and where it is synthesised. */
export interface SynthesisedRegion {
  readonly region: string;
  /** The app's output directory. */
  readonly out: string;
}

/**
 * The region that a command was given, its app synthesised unless that was given too.
 *
 * @returns undefined where the app could not be synthesised, which it has said
 * @throws Error where no region is named
 */
export function synthesisedRegion(
  region: string | undefined,
  out: string | undefined,
): SynthesisedRegion | undefined {
  if (region === undefined) throw new Error("expected --region NAME");
  if (out === undefined && !synthesise()) return undefined;
  return { region, out: out ?? "cdktf.out" };
}

/** Which of a region's hosts are meant. */
export interface WantedHosts extends SynthesisedRegion {
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
 * @throws Error where the region has no such host among its dedicated servers
 */
export async function onHosts(
  { region, out, what, has }: WantedHosts,
  program: string,
): Promise<AnswerOfHost[]> {
  const stack = selectStacks(readStacks(out), [region])[0]!;
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
