import { BadValue, fieldsOf, type Path } from "../../proxy/grammar";

/** Of a route, an issuer or a limit. It stands between quotes in RateLimit fields. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Reads an option that is an object of things by name.
 *
 * @param option its name, which is also what people call the things
 * @throws BadValue
 */
export const readNamed = <T>(
  value: unknown,
  option: string,
  read: (name: string, value: unknown, path: Path) => T,
): readonly T[] =>
  Object.entries(fieldsOf(value, [option], `an object of ${option} by name`)).map(([name, each]) => {
    const path = [option, name];
    if (!NAME.test(name))
      throw new BadValue(path, name, "a name of at most 64 letters, digits, dots, hyphens and underscores");
    return read(name, each, path);
  });
