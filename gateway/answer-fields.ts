import { type ResponseHead } from "../proxy/engine";
import { type Cors } from "./cors/cors";

/** What is changed in the fields of one answer. */
export class AnswerFields {
  /** @param origin of the page that asks */
  constructor(
    private readonly cors: Cors,
    private readonly origin: string | undefined,
  ) {}

  /** Has an answer leave out what is not its to say. @returns lines to put on it */
  amend(answer: ResponseHead | undefined): string {
    const { cors } = this;
    const vary = cors.varies && !namesOrigin(answer) ? "Vary: Origin\r\n" : "";
    answer?.withhold((name) => name.startsWith("access-control-"));
    return cors.linesFor(this.origin) + vary;
  }
}

function namesOrigin(answer: ResponseHead | undefined): boolean {
  let named = false;
  answer?.someField("v", (name, value) => {
    if (name !== "vary") return false;
    named ||= value.split(",").some((each) => /^(?:\*|origin)$/i.test(each.trim()));
    return named;
  });
  return named;
}
