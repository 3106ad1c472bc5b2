import { BadValue, known, members, type Path, type Reader } from "../../proxy/grammar";
import { type CorsOptions } from "./cors-options";
import { checkMethods, readMethods } from "./method-values";
import { between, onOrOff, readList, TOKEN } from "./text-values";

const KEYS = ["origins", "methods", "headers", "exposed", "credentials", "maxAge"];
/** As RFC 6454 section 6.2 writes it: in lower case, and without the port that is the scheme's own. */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[1-9]\d{0,4})?$/;
const OWN_PORT = /^(?:http:.*:80|https:.*:443)$/;
/** What a route that names no methods lets pages use: what they may send without asking. */
const SIMPLE = ["GET", "HEAD", "POST"];
const DAY = 86_400;

/**
 * A reader of a route's `cors`.
 *
 * @param taken the methods that the route takes; none for any
 */
export const corsOf =
  (taken: readonly string[]): Reader<CorsOptions> =>
  (value, path) => {
    const fields = known(value, path, KEYS, "an object");
    const from = members(fields, path);
    const credentials = from("credentials", onOrOff, false);
    const names = namesUnless(credentials);
    const methods = from("methods", readMethods, taken.length > 0 ? taken : SIMPLE);
    checkMethods(fields["methods"], methods, taken, [...path, "methods"]);
    return {
      origins: readOrigins(fields["origins"], [...path, "origins"], credentials),
      methods,
      headers: from("headers", names, []),
      exposed: from("exposed", names, []),
      credentials,
      maxAge: from("maxAge", between(0, DAY, "at most 24h"), 600),
    };
  };

function readOrigins(value: unknown, path: Path, credentials: boolean): readonly string[] {
  if (isAll(value)) {
    if (credentials) throw new BadValue(path, value, "a list of origins where there are credentials");
    return [];
  }
  const origins = readList(value, path, ORIGIN, "an origin such as https://app.example.com, or * alone");
  origins.forEach((origin, index) => {
    if (OWN_PORT.test(origin)) throw new BadValue([...path, index], origin, "without the scheme's own port");
  });
  return origins;
}

/** With credentials browsers take `*` for a name like any other. */
const namesUnless =
  (credentials: boolean): Reader<readonly string[]> =>
  (value, path) => {
    if (isAll(value)) {
      if (credentials) throw new BadValue(path, value, "a list of field names where there are credentials");
      return ["*"];
    }
    const names = readList(value, path, TOKEN, "a field name, or * alone");
    if (names.includes("*")) throw new BadValue(path, value, "* alone, or field names");
    return names;
  };

const isAll = (value: unknown): boolean => Array.isArray(value) && value.length === 1 && value[0] === "*";
