import { join } from "node:path";
import { type StackHost } from "../matters/stack-hosts";
import { runOnHost } from "./host-command";

/** The step that only looks. */
const INSPECT = join(__dirname, "../../constructs/host/apply/inspect.sh");

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
  const { code, said, lastLine } = await runOnHost(host, directory, INSPECT);
  return code === 0 && /^end$/m.test(said)
    ? { reached: true, inspection: readInspection(said) }
    : { reached: false, reason: lastLine };
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
