import { tableText } from "../table-text";
import { type Answer, type PinnedValue, shownValue } from "./pinned-values";

/** A pinned value with what became of asking. */
export interface Told {
  readonly pinned: PinnedValue;
  readonly answer?: Answer;
  /** Why there is no answer. */
  readonly problem?: string;
}

/** What is to be put in the place of what is held; undefined where nothing is. */
const put = ({ answer }: Told): string | undefined =>
  answer === undefined || ["newest", "one's own"].includes(answer.standing) ? undefined : answer.newest;

export function reportJson(told: readonly Told[]): string {
  const values = told.map((each) => ({
    region: each.pinned.region,
    field: each.pinned.field.join("."),
    holds: each.pinned.holds ?? null,
    ...each.answer,
    put: put(each) ?? null,
    service: each.pinned.service,
    ...(each.problem !== undefined && { problem: each.problem }),
  }));
  return `${JSON.stringify({ values }, undefined, 2)}\n`;
}

/**
 * A table of all values, and for each region that something is newer for, what to put into its value.
 *
 * @param inJson names of the regions whose values are files of JSON, where fields are quoted
 */
export function reportText(told: readonly Told[], inJson: ReadonlySet<string>): string {
  const rows = told.map(({ pinned: { region, field, holds }, answer }) => [
    region,
    field.join("."),
    holds === undefined ? "" : shownValue(holds),
    answer === undefined ? "" : shownValue(answer.newest),
    answer?.standing ?? "not known",
    answer?.later ?? "",
  ]);
  const regions = [...new Set(told.map(({ pinned }) => pinned.region))];
  return [
    tableText([["REGION", "FIELD", "HOLDS", "NEWEST", "STATE", "LATER"], ...rows]),
    ...regions.map((region) =>
      linesToPut(
        told.filter(({ pinned }) => pinned.region === region),
        inJson.has(region),
      ),
    ),
  ].join("");
}

/** A line for each field at the top of the region's value; of one that holds others, with those that change. */
function linesToPut(told: readonly Told[], isJson: boolean): string {
  const quoted = (field: string): string => (isJson ? JSON.stringify(field) : field);
  const inField = new Map<string, string[]>();
  for (const each of told) {
    const value = put(each);
    if (value === undefined) continue;
    const [field, inner] = each.pinned.field;
    const text = JSON.stringify(value);
    inField.set(field, [
      ...(inField.get(field) ?? []),
      inner === undefined ? text : `${quoted(inner)}: ${text}`,
    ]);
  }
  if (inField.size === 0) return "";
  const lines = [...inField].map(([field, texts]) => {
    const isNested = told.some(({ pinned }) => pinned.field[0] === field && pinned.field[1] !== undefined);
    return `  ${quoted(field)}: ${isNested ? `{ ${texts.join(", ")} }` : texts.join()},\n`;
  });
  return `\nto put into the value of region ${told[0]!.pinned.region}:\n${lines.join("")}`;
}
