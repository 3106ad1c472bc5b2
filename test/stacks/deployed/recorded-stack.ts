/** A resource of a stack as the record has it. */
export interface RecordedResource {
  readonly address: string;
  /** Its values as JSON, what a program or a long text holds left out: these have tests of their own. */
  readonly values: string;
}

/** What becomes of a stack's resources from one commit to the next. */
export interface StackDifference {
  /** There before, and neither now nor moved: Terraform destroys them. */
  readonly gone: readonly string[];
  /** There now, under an address that nothing was moved to. */
  readonly made: readonly string[];
  /** Addresses whose values differ. */
  readonly changed: readonly string[];
}

interface Synthesised {
  readonly resource?: Readonly<Record<string, Readonly<Record<string, object>>>>;
  readonly moved?: readonly { readonly from: string; readonly to: string }[];
}

/** Longer ones are files of machines, programs and policies. */
const LONGEST_TEXT = 120;

/** @param text a stack as Terraform reads it */
export function recordedResources(text: string): RecordedResource[] {
  const { resource = {} } = JSON.parse(text) as Synthesised;
  return Object.entries(resource)
    .flatMap(([type, named]) =>
      Object.entries(named).map(([name, values]) => ({
        address: `${type}.${name}`,
        values: JSON.stringify(values, withoutTexts),
      })),
    )
    .sort((one, other) => (one.address < other.address ? -1 : 1));
}

function withoutTexts(key: string, value: unknown): unknown {
  if (key === "//") return undefined;
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
  if (typeof value !== "string") return value;
  if (value.length > LONGEST_TEXT || value.includes("\n")) return "(text)";
  // Names of files that are told apart by what they hold.
  return value.replace(/\b([0-9a-f]{10,}|[0-9A-F]{32})\b/g, "(hash)");
}

/** One resource a line. */
export const recordOf = (resources: readonly RecordedResource[]): string =>
  resources.map(({ address, values }) => `${address} ${values}\n`).join("");

export const readRecord = (record: string): RecordedResource[] =>
  record
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const space = line.indexOf(" ");
      return { address: line.slice(0, space), values: line.slice(space + 1) };
    });

/** @param text the stack as it is now @throws Error for a move to where nothing is */
export function differenceOf(before: readonly RecordedResource[], text: string): StackDifference {
  const now = new Map(recordedResources(text).map(({ address, values }) => [address, values]));
  const { moved = [] } = JSON.parse(text) as Synthesised;
  const moves = new Map(moved.map(({ from, to }) => [from, to]));
  for (const [from, to] of moves) {
    if (!now.has(to)) throw new Error(`${from} is moved to ${to}: expected a resource of the stack there`);
  }
  const had = new Map(before.map(({ address, values }) => [moves.get(address) ?? address, values]));
  return {
    gone: [...had.keys()].filter((address) => !now.has(address)),
    made: [...now.keys()].filter((address) => !had.has(address)),
    changed: [...now].flatMap(([address, values]) =>
      had.has(address) && had.get(address) !== values ? [address] : [],
    ),
  };
}

/** Addresses that seem to have been renamed: of their type one is gone and another one made. */
export function renamed({ gone, made }: StackDifference): string[] {
  const typeOf = (address: string) => address.slice(0, address.indexOf("."));
  const types = new Set(made.map(typeOf));
  return gone.filter((address) => types.has(typeOf(address)));
}
