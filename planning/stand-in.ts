/**
 * Every text that stands in for one nobody knows holds this mark, wherever it comes to stand. Rules on the
 * form of texts do not apply to it: what the cloud will answer is not theirs to judge.
 */
const MARK = "planned-";

/**
 * A text that stands in for an unknown one.
 *
 * @param name tells stand-ins apart, and the reader what they stand for
 * @param prefix what the text starts with, e.g. the kind of thing it identifies
 */
export function standIn(name: string, prefix = ""): string {
  return `${prefix}${MARK}${name}`;
}

/** Whether a text is or holds a stand-in. */
export function holdsStandIn(text: string): boolean {
  return text.includes(MARK);
}
