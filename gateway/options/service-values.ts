import {
  BadValue,
  type Fields,
  fieldsOf,
  GROUP_KEYS,
  known,
  type Path,
  readGroup,
  isServiceName,
  readUpstream,
} from "../../proxy/grammar";
import { MONOLITH, type ServiceOptions } from "./gateway-options";

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const URL_EXPECTS = "http://host[:port] or https://host[:port]";

/** Reads the value of `services`: an object of services by name. @throws BadValue */
export function readServices(value: unknown): readonly ServiceOptions[] {
  return Object.entries(fieldsOf(value, ["services"], "an object of services by name")).map(
    ([name, service]) => {
      const path = ["services", name];
      if (!NAME.test(name))
        throw new BadValue(path, name, "a name of lower-case letters, digits and hyphens");
      if (name === MONOLITH)
        throw new BadValue(path, name, "another name: the monolith has a key of its own");
      return readService(name, service, path);
    },
  );
}

/** Reads the value of `monolith`. @throws BadValue */
export function readMonolith(value: unknown): readonly ServiceOptions[] {
  return [readService(MONOLITH, value, [MONOLITH])];
}

function readService(name: string, value: unknown, path: Path): ServiceOptions {
  if (typeof value === "string") {
    return { name, keepHost: false, origin: readUrl(value, path), group: undefined };
  }
  const { host, url, ...group } = known(value, path, ["url", "host", ...GROUP_KEYS], "a URL, or an object");
  if (host !== undefined && host !== "keep") throw new BadValue([...path, "host"], host, '"keep"');
  const keepHost = host === "keep";
  if (url === undefined) return { name, keepHost, origin: undefined, group: readOrigins(name, group, path) };
  if (group["origins"] !== undefined)
    throw new BadValue([...path, "origins"], group["origins"], "left out where there is a url");
  const origin = readUrl(url, [...path, "url"]);
  if (Object.keys(group).length === 0) return { name, keepHost, origin, group: undefined };
  return { name, keepHost, origin: undefined, group: readOrigins(name, { ...group, origins: [url] }, path) };
}

function readUrl(url: unknown, path: Path): NonNullable<ServiceOptions["origin"]> {
  const origin = typeof url === "string" ? readUpstream(url) : undefined;
  if (origin === undefined) throw new BadValue(path, url, URL_EXPECTS);
  // SRV records have several places, which a group of the engine judges.
  if (isServiceName(origin.host))
    throw new BadValue(path, url, 'the URL of a host: a service with SRV records goes among "origins"');
  return origin;
}

function readOrigins(name: string, group: Fields, path: Path): ServiceOptions["group"] {
  const read = readGroup(name, group, path);
  const at = read.origins.findIndex(({ peer }) => peer !== undefined);
  if (at >= 0)
    throw new BadValue(
      [...path, "origins", at, "peer"],
      read.origins[at]!.peer,
      "left out: proxies alone have peers",
    );
  return read;
}
