/**
 * Whether `release` ("1.17", "1.22.0") is `minimum` or later.
 *
 * @throws Error naming `what` when `release` is no release number.
 */
export function isAtLeast(release: string, minimum: string, what: string): boolean {
  const have = parts(release, what);
  const want = parts(minimum, what);
  for (let i = 0; i < want.length; i++) {
    const difference = (have[i] ?? 0) - (want[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function parts(release: string, what: string): number[] {
  if (!/^\d+\.\d+(\.\d+)?$/.test(release)) {
    throw new Error(`${what} must be a release such as "1.22", got: ${JSON.stringify(release)}`);
  }
  return release.split(".").map(Number);
}
