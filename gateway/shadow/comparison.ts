import { difference, readJson, TooDeep } from "./json-difference";
import { type RecordedAnswer } from "../asking/recorded-answer";
import { JSON_TYPE } from "../json-type";

/** What comparing two answers comes to. */
export interface Comparison {
  readonly outcome: "same" | "status_differs" | "body_differs" | "not_compared";
  /** Where two JSON bodies differ first, as a JSON pointer. */
  readonly at?: string;
}

/**
 * Compares status and body: JSON with JSON by what it says, anything else by its bytes.
 *
 * @param ignored JSON pointers, segment by segment, to what does not count
 */
export async function compare(
  ours: RecordedAnswer,
  theirs: RecordedAnswer,
  ignored: readonly (readonly string[])[],
): Promise<Comparison> {
  if (ours.status !== theirs.status) return { outcome: "status_differs" };
  if (!ours.comparable || !theirs.comparable) return { outcome: "not_compared" };
  if (ours.contentEncoding === theirs.contentEncoding && ours.bytes.equals(theirs.bytes))
    return { outcome: "same" };
  const [our, their] = await Promise.all([ours.decoded(), theirs.decoded()]);
  if (our === undefined || their === undefined) return { outcome: "not_compared" };
  if (our.equals(their)) return { outcome: "same" };
  if (!JSON_TYPE.test(ours.contentType) || !JSON_TYPE.test(theirs.contentType))
    return { outcome: "body_differs" };
  return compareJson(our.toString(), their.toString(), ignored);
}

function compareJson(ours: string, theirs: string, ignored: readonly (readonly string[])[]): Comparison {
  try {
    const at = difference(readJson(ours), readJson(theirs), ignored);
    return at === undefined ? { outcome: "same" } : { outcome: "body_differs", at };
  } catch (error) {
    if (error instanceof TooDeep) return { outcome: "not_compared" };
    // What is not JSON after all has been compared by its bytes.
    if (error instanceof SyntaxError) return { outcome: "body_differs" };
    throw error;
  }
}
