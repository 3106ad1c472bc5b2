/** Upstream's version, or a Debian package's, with its epoch and revision or without. */
export const PACKAGE_VERSION = /^\d[A-Za-z0-9.+~:-]*$/;
export const PACKAGE_VERSION_EXPECTED =
  "expected a version such as 1.22.3, or a Debian package's such as 1.22.3-1";

/** Whether an installed package's version is the one that is wanted, which may be upstream's alone. */
export function isVersion(installed: string, wanted: string): boolean {
  const withoutEpoch = installed.replace(/^\d+:/, "");
  return (
    [installed, withoutEpoch].includes(wanted) ||
    ["-", "+"].some((mark) => withoutEpoch.startsWith(`${wanted}${mark}`))
  );
}

/**
 * Name and version of a package that a profile wants as `NAME` or `NAME=VERSION`.
 *
 * @throws Error when the version can be no Debian package's
 */
export function packageFields(wanted: string): { readonly name: string; readonly version?: string } {
  const [name = "", version] = wanted.split(/=(.*)/s);
  if (version !== undefined && !PACKAGE_VERSION.test(version)) {
    throw new Error(`package ${name}: ${PACKAGE_VERSION_EXPECTED}, got: ${JSON.stringify(version)}`);
  }
  return { name, version };
}
