import { loadRegions } from "../stacks/values/regions";
import { type Opening, openings } from "../stacks/openings/openings";
import { readOptions } from "../planning/read-options";
import { tableText } from "./table-text";

const USAGE = `usage: tricloud openings [--json]

Tells which addresses and ports must be open between the regions that federate, between proxies
of regions with "peered", and from the internet to fronts.
TRICLOUD_REGIONS names another directory of regions.

  --json  print a list of openings as JSON`;

/** @returns the exit code: 0, or 2 for wrong arguments */
export function main(args: readonly string[], write: (text: string) => void, directory: string): number {
  const { values } = readOptions("openings", {
    args: [...args],
    options: {
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    write(`${USAGE}\n`);
    return 0;
  }
  const found = openings(loadRegions(directory));
  if (values.json) write(`${JSON.stringify(found, undefined, 2)}\n`);
  else
    write(
      found.length === 0
        ? "no region names another in consul.peers, no two have peered, and none has fronts: nothing need be open\n"
        : table(found),
    );
  return 0;
}

function table(found: readonly Opening[]): string {
  const side = ({ region, addresses }: Opening["from"]) => `${region} ${addresses.join(",")}`;
  const rows = [
    ["FROM", "TO", "PORT", "FOR"],
    ...found.map(({ from, to, protocol, port, why }) => [side(from), side(to), `${port}/${protocol}`, why]),
  ];
  return tableText(rows);
}
