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

/** The head that this origin of the service is to read: its lines, without the empty one. */
export function headTo(
  { authority }: Origin,
  { keepHost, target, lines }: Call,
  head: RequestHead,
  id: string,
): string {
  return `${head.forwarded(keepHost && head.host !== "" ? head.host : authority, target)}${lines}X-Chocon-Id: ${id}\r\n`;
}
