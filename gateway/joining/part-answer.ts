import { type Miss } from "../asking/own-request";
import { type RecordedAnswer } from "../asking/recorded-answer";

/** What came of asking for a part: its JSON as the service wrote it, or why there is none. */
export type PartAnswer =
  | { readonly json: string }
  | {
      /** One word, for the answer's field and for metrics. */
      readonly reason: string;
      /** For the log. */
      readonly problem: string;
      /** An answer of the service's own that says what is wrong with the request. */
      readonly refusal?: { readonly status: number; readonly contentType: string; readonly body: Buffer };
    };

/** Reads what a service has answered; `miss` where it has not. */
export async function partAnswer(
  answer: RecordedAnswer,
  miss: Miss | undefined,
  problem = "no answer in time",
): Promise<PartAnswer> {
  if (miss !== undefined) return { reason: miss, problem };
  const { status, contentType } = answer;
  const body = answer.whole && answer.comparable ? await answer.decoded() : undefined;
  if (body === undefined) return { reason: "unusable", problem: "an answer that is too large, or no JSON" };
  if (status === 204) return { json: "null" };
  if (status < 200 || status > 299) {
    const missed = { reason: `status_${status}`, problem: `the answer is ${status}` };
    return status >= 400 && status <= 499 ? { ...missed, refusal: { status, contentType, body } } : missed;
  }
  const json = jsonOf(body);
  return json === undefined ? { reason: "unusable", problem: "an answer that is no JSON" } : { json };
}

/** The text itself, since numbers of more digits than a double has are to stay what they are. */
function jsonOf(body: Buffer): string | undefined {
  try {
    const text = UTF8.decode(body);
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });
