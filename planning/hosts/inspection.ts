import { spawn } from "node:child_process";
import { join } from "node:path";
import { type StackHost } from "../matters/stack-hosts";

const CONSTRUCTS = join(__dirname, "../../constructs");
/** What brings a step to a host, and the step that only looks. */
const SSH_STEP = join(CONSTRUCTS, "dedicated/ssh-step.sh");
const INSPECT = join(CONSTRUCTS, "host/apply/inspect.sh");

/** How long a host may be out of reach before it counts as such: nobody waits for it, unlike in a deploy. */
const REACH_SECONDS = 10;

/** How a host is, in the words of `inspect.sh`. */
export interface Inspection {
  /** The document that was delivered last and is active; absent where nothing ever was. */
  readonly document?: string;
  /** Mode, owner and group, and SHA-256, by path; nothing for what is no file. */
  readonly files: ReadonlyMap<string, { readonly attributes: string; readonly sha256: string } | undefined>;
  /** The version that is installed, by name; nothing for what is not. */
  readonly packages: ReadonlyMap<string, string | undefined>;
  readonly services: ReadonlyMap<string, { readonly enablement: string; readonly activity: string }>;
  /** Whether a delivery has begun that is not active yet. */
  readonly isStaged: boolean;
  /** Services whose restart is due. */
  readonly due: readonly string[];
}

export type Inspected =
  | { readonly reached: true; readonly inspection: Inspection }
  | { readonly reached: false; readonly reason: string };

/**
 * Asks a host how it is, over SSH and without changing anything there.
 *
 * @param directory the stack's, from which paths of keys are told
 */
export async function inspectHost(host: StackHost, directory: string): Promise<Inspected> {
  const timeout = Math.min(Number(host.connection["TRICLOUD_HOST_TIMEOUT"] ?? REACH_SECONDS), REACH_SECONDS);
  const child = spawn("bash", [SSH_STEP, "inspect", INSPECT], {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...host.connection, TRICLOUD_HOST_TIMEOUT: String(timeout) },
  });
  let [said, complaints] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (complaints += chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code === 0 && /^end$/m.test(said)) return { reached: true, inspection: readInspection(said) };
  const [reason = `ended with ${code}`] = complaints.trim().split("\n").slice(-1);
  return { reached: false, reason: reason.replace(`${host.name}: `, "") };
}

/** Reads what `inspect.sh` prints. */
export function readInspection(said: string): Inspection {
  const fields = said.split("\n").map((line) => line.split(" "));
  const of = (kind: string) => fields.filter(([first]) => first === kind).map(([, ...rest]) => rest);
  const [[document = "-"] = []] = of("document");
  return {
    document: document === "-" ? undefined : Buffer.from(document, "base64").toString("utf8"),
    files: new Map(
      of("file").map(([mode, owner, group, path = "", sha256 = "-"]) => [
        path,
        sha256 === "-" ? undefined : { attributes: `${mode} ${owner} ${group}`, sha256 },
      ]),
    ),
    packages: new Map(
      of("package").map(([name = "", version]) => [name, version === "-" ? undefined : version]),
    ),
    services: new Map(
      of("service").map(([name = "", enablement = "", activity = ""]) => [name, { enablement, activity }]),
    ),
    isStaged: of("staged").length > 0,
    due: of("due").map(([name = ""]) => name),
  };
}
