import { BadValue, fieldsOf, known, members, type Reader, seconds, whole } from "../../proxy/grammar";
import { type PathPattern } from "../routes/path-pattern";
import { pathMadeOf } from "./path-values";
import { type JoinPart } from "./join-options";
import { onOrOff, readText } from "./text-values";

/** Seconds that a joined answer may take where the route says nothing of it. */
export const JOIN_SECONDS = 5;
/** Who changes something is answered by one service. */
export const JOIN_METHODS = ["GET", "HEAD"];

/** So that it can stand in a field of the answer, too. */
const MEMBER = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;
/** What is joined takes memory, once for each request under way. */
const MOST_BYTES = 16_777_216;

/**
 * Reads the parts of a route's answer.
 *
 * @param pattern the route's path
 * @param service the route's, which has the parts that name none
 */
export const joinOf =
  (pattern: PathPattern, service: string): Reader<readonly JoinPart[]> =>
  (value, path) => {
    const parts = Object.entries(fieldsOf(value, path, "an object of parts by name"));
    if (parts.length === 0) throw new BadValue(path, value, "at least one part");
    return parts.map(([name, part]) => {
      const where = [...path, name];
      if (!MEMBER.test(name))
        throw new BadValue(path, name, "a name of letters, digits, - and _ that begins with a letter");
      const fields = known(part, where, ["service", "path", "soft", "timeout", "maxBytes"], "an object");
      const from = members(fields, where);
      return {
        name,
        service: from<string>(
          "service",
          (given, at) => readText(given, at, "the name of a service"),
          service,
        ),
        path: from<PathPattern | undefined>("path", pathMadeOf(pattern), undefined),
        soft: from("soft", onOrOff, false),
        timeout: from("timeout", seconds, 0),
        maxBytes: from("maxBytes", whole(1, MOST_BYTES), 1_048_576),
      };
    });
  };
