import { type RequestHead } from "../../proxy/engine";
import { type CorsOptions } from "../options/cors-options";

/** A browser asks whether a page may send a request (Fetch, "CORS-preflight request"). @returns its method */
export function preflightedMethod(head: RequestHead): string | undefined {
  if (head.method !== "OPTIONS" || head.fieldValue("origin") === undefined) return undefined;
  return head.fieldValue("access-control-request-method");
}

/** What the pages of other origins may do with a route. */
export class Cors {
  private readonly exact: ReadonlySet<string>;
  private readonly below: readonly { readonly scheme: string; readonly ending: string }[];
  private readonly shared: string;
  /** Field lines that an answer to a preflight has besides those of all. */
  readonly preflightLines: string;

  constructor(private readonly options: CorsOptions) {
    const { origins, methods, headers, exposed, credentials, maxAge } = options;
    const isPattern = (origin: string): boolean => origin.includes("://*.");
    this.exact = new Set(origins.filter((origin) => !isPattern(origin)));
    this.below = origins.filter(isPattern).map((origin) => {
      const star = origin.indexOf("*");
      return { scheme: origin.slice(0, star), ending: origin.slice(star + 1) };
    });
    this.shared =
      (credentials ? "Access-Control-Allow-Credentials: true\r\n" : "") +
      (exposed.length > 0 ? `Access-Control-Expose-Headers: ${exposed.join(", ")}\r\n` : "");
    this.preflightLines =
      `Access-Control-Allow-Methods: ${methods.join(", ")}\r\n` +
      (headers.length > 0 ? `Access-Control-Allow-Headers: ${headers.join(", ")}\r\n` : "") +
      `Access-Control-Max-Age: ${Math.floor(maxAge)}\r\n`;
  }

  /** Answers are not the same to all origins: caches have to know. */
  get varies(): boolean {
    return this.options.origins.length > 0;
  }

  allows(origin: string): boolean {
    if (!this.varies || this.exact.has(origin)) return true;
    return this.below.some(
      ({ scheme, ending }) =>
        origin.startsWith(scheme) &&
        origin.endsWith(ending) &&
        /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/.test(origin.slice(scheme.length, origin.length - ending.length)),
    );
  }

  /** Field lines for answers to this origin, besides Vary. */
  linesFor(origin: string | undefined): string {
    if (!this.varies) return `Access-Control-Allow-Origin: *\r\n${this.shared}`;
    if (origin === undefined || !this.allows(origin)) return "";
    return `Access-Control-Allow-Origin: ${origin}\r\n${this.shared}`;
  }
}
