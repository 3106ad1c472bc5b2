import { type Destination, type Origin, type RequestHead } from "../proxy/engine";

/** How a request goes to a service. */
export interface Call {
  /** Connections to the service. */
  readonly service: Destination;
  readonly keepHost: boolean;
  /** What the service is asked for, where that is not what the client asked for. */
  readonly target: string | undefined;
  /** Field lines that go with it. */
  readonly lines: string;
}

/** What a service reads in Host: its own name, or the client's where it is to keep that and there is one. */
export const hostOf = ({ authority }: Origin, keepHost: boolean, { host }: RequestHead): string =>
  keepHost && host !== "" ? host : authority;

/** The head that this origin of the service is to read: its lines, without the empty one. */
export function headTo(
  origin: Origin,
  { keepHost, target, lines }: Call,
  head: RequestHead,
  id: string,
): string {
  return `${head.forwarded(hostOf(origin, keepHost, head), target)}${lines}X-Chocon-Id: ${id}\r\n`;
}
