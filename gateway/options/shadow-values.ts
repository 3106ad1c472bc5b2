import { BadValue, fraction, known, members, type Reader, seconds, whole } from "../../proxy/grammar";
import { type ShadowOptions } from "./gateway-options";
import { checkMethods, readMethods } from "./method-values";
import { readList, readText, stepsOf } from "./text-values";

const KEYS = ["service", "share", "methods", "ignore", "maxConcurrent", "maxBytes", "timeout"];
/** RFC 6901, without the empty one, which is all of the answer. */
const POINTER = /^(?:\/(?:[^~/]|~[01])*)+$/;
/** What may be asked twice without asking anybody. */
const SAFE = ["GET", "HEAD"];

/**
 * A reader of a route's `shadow`.
 *
 * @param taken the methods that the route takes; none for any
 */
export const shadowOf =
  (taken: readonly string[]): Reader<ShadowOptions> =>
  (value, path) => {
    const fields = known(value, path, KEYS, "an object");
    const from = members(fields, path);
    const methods = from("methods", readMethods, SAFE);
    checkMethods(fields["methods"], methods, taken, [...path, "methods"]);
    return {
      service: readText(fields["service"], [...path, "service"], "the name of a service"),
      share: from("share", fraction, 1),
      methods,
      ignore: from("ignore", readPointers, []),
      maxConcurrent: from("maxConcurrent", whole(1, 10_000), 20),
      maxBytes: from("maxBytes", whole(1, 1_048_576), 65_536),
      timeout: from("timeout", moreThanNone, 10),
    };
  };

const readPointers: Reader<ShadowOptions["ignore"]> = (value, path) =>
  readList(value, path, POINTER, "a JSON pointer such as /took or /items/*/id").map(stepsOf);

const moreThanNone: Reader<number> = (value, path) => {
  const time = seconds(value, path);
  if (time === 0) throw new BadValue(path, value, "more than 0 s");
  return time;
};
