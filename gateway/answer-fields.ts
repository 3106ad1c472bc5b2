import { type ResponseHead } from "../proxy/engine";
import { type Cors } from "./cors/cors";
import { type KeptFields } from "./fields/kept-fields";
import { type RateLimit, type Verdict } from "./limits/rate-limit";

/** What is changed in the fields of one answer. */
export class AnswerFields {
  /** Lists of draft-ietf-httpapi-ratelimit-headers-10, of those limits that the request was counted by. */
  private policies = "";
  private limits = "";

  /** @param origin of the page that asks */
  constructor(
    private readonly cors: Cors | undefined,
    private readonly origin: string | undefined,
    private readonly kept: KeptFields | undefined,
  ) {}

  /** The client is to know what is left of a quota. */
  tell({ options: { name, requests, window } }: RateLimit, { left, seconds }: Verdict): void {
    const comma = this.policies === "" ? "" : ", ";
    this.policies += `${comma}"${name}";q=${requests};w=${window}`;
    this.limits += `${comma}"${name}";r=${left};t=${seconds}`;
  }

  /** Has an answer leave out what is not its to say. @returns lines to put on it */
  amend(answer: ResponseHead | undefined): string {
    const told =
      this.policies === "" ? "" : `RateLimit-Policy: ${this.policies}\r\nRateLimit: ${this.limits}\r\n`;
    const { cors, kept } = this;
    if (kept !== undefined) answer?.withhold((name) => !kept.has(name));
    if (cors === undefined) return told;
    const vary = cors.varies && !namesOrigin(answer) ? "Vary: Origin\r\n" : "";
    answer?.withhold((name) => name.startsWith("access-control-"));
    return told + cors.linesFor(this.origin) + vary;
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
