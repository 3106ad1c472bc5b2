import { type Outcome } from "./clients";
import { type Seen } from "./origins";
import { bytesOf, type Shape, trailersOf } from "./shapes";

/** What is wrong with how an exchange went, or undefined when it is as it has to be. */
export function complaint(shape: Shape, outcome: Outcome, seen: Seen | undefined): string | undefined {
  const { fault } = shape;
  if (outcome.end === "left") return undefined;
  if (outcome.end === "hung")
    return `hung with status ${outcome.status} after ${outcome.body.length} bytes; at the origin: ${seenOf(seen)}`;
  if (outcome.status === 502 && outcome.end === "whole" && mayFail(shape))
    return attemptsComplaint(shape, seen);
  if (outcome.end === "cut") {
    if (!mayFail(shape)) return `cut off: ${outcome.problem} (status ${outcome.status})`;
    const expected = bytesOf(shape.response).subarray(0, outcome.body.length);
    return expected.equals(outcome.body) ? undefined : "cut off, and what came before is wrong";
  }
  if (fault !== undefined && fault.at >= 0 && !(fault.kind === "goaway-graceful"))
    return `whole, though the origin broke off after ${fault.at} of ${shape.response.size} bytes`;
  return answerComplaint(shape, outcome) ?? requestComplaint(shape, seen) ?? attemptsComplaint(shape, seen);
}

function seenOf(seen: Seen | undefined): string {
  return seen === undefined
    ? "nothing"
    : `${seen.attempts} requests, ${seen.body?.length ?? "not all"} bytes of the last`;
}

/** A fault of its own, or one that may have hit its whole session. */
function mayFail(shape: Shape): boolean {
  if (shape.origin === "h2-rough") return true;
  if (shape.fault === undefined) return lost(shape);
  // A refused stream has not been acted on: it is asked for again, as long as all of the request is at hand.
  if (shape.fault.kind === "refuse" || shape.fault.kind === "goaway-graceful") return lost(shape);
  return true;
}

/** A request whose body has gone out in part cannot be sent again, nor can one whose origin closes while it is sent. */
function lost({ request, origin, fault, early }: Shape): boolean {
  if (request === undefined || (request.framing === "length" && request.size === 0)) return false;
  return origin === "h2-leaving" || fault?.kind === "refuse" || (early && origin.startsWith("h1"));
}

function answerComplaint(
  shape: Shape,
  { status, fields, trailers, body, interims }: Outcome,
): string | undefined {
  const { response } = shape;
  if (status !== shape.status) return `status ${status}, not ${shape.status}`;
  if (fields["x-shape"] !== shape.id) return `the answer to ${String(fields["x-shape"])}`;
  if (fields["x-chocon-id"] !== shape.id) return `id ${String(fields["x-chocon-id"])}`;
  if (fields["x-latin"] !== "caf\xe9") return `a field is ${String(fields["x-latin"])}`;
  if (JSON.stringify(fields["set-cookie"]) !== '["a=1; Path=/","b=2"]')
    return `cookies are ${JSON.stringify(fields["set-cookie"])}`;
  if (interims !== shape.interims) return `${interims} interim responses, not ${shape.interims}`;
  if (!body.equals(bytesOf(response)))
    return `body of ${body.length} bytes, not ${response.size}, or other ones`;
  const length = fields["content-length"];
  if (response.framing === "length" && status !== 204 && length !== String(response.size))
    return `length ${String(length)}, not ${response.size}`;
  // A length leaves HTTP/1.1 no room for trailers.
  const bodiless = shape.method === "HEAD" || status === 204 || status === 304;
  const http1 = shape.client === "h1" || shape.origin.startsWith("h1");
  const carried = response.trailers && !bodiless && !(http1 && response.framing === "length");
  return trailersComplaint(shape, trailers, carried, "answer");
}

function requestComplaint(shape: Shape, seen: Seen | undefined): string | undefined {
  const { request } = shape;
  if (seen === undefined) return "answered without the origin";
  if (shape.early) return undefined;
  if (request === undefined) return seen.body!.length === 0 ? undefined : "a body where none was sent";
  if (seen.body === undefined || !seen.body.equals(bytesOf(request)))
    return `request body of ${seen.body?.length} bytes, not ${request.size}, or other ones`;
  if (request.framing === "length" && request.size > 0 && seen.length !== String(request.size))
    return `request length ${seen.length}, not ${request.size}`;
  return trailersComplaint(
    shape,
    seen.trailers,
    request.trailers && request.framing === "chunked",
    "request",
  );
}

function trailersComplaint(
  shape: Shape,
  trailers: Readonly<Record<string, unknown>>,
  carried: boolean,
  of: string,
): string | undefined {
  const expected = carried ? trailersOf(shape) : {};
  const came = Object.fromEntries(Object.entries(trailers).filter(([name]) => name.startsWith("x-")));
  return JSON.stringify(came) === JSON.stringify(expected)
    ? undefined
    : `trailers of the ${of} are ${JSON.stringify(came)}, not ${JSON.stringify(expected)}`;
}

/** A request that the origin may have acted on is not sent to it twice, unless it may be. */
function attemptsComplaint(shape: Shape, seen: Seen | undefined): string | undefined {
  const attempts = seen?.attempts ?? 0;
  const refused =
    shape.fault?.kind === "refuse" || shape.origin === "h2-rough" || shape.origin === "h2-leaving";
  const most = refused ? 3 : shape.method === "POST" ? 1 : 2;
  return attempts <= most ? undefined : `sent ${attempts} times`;
}
