/** Patterns such as `api.example.com` or `*.example.com` (any depth below, not the name itself) that origins must match. */
export class AllowList {
  private readonly names = new Set<string>();
  private readonly suffixes: string[] = [];

  constructor(
    patterns: readonly string[],
    private readonly any: boolean,
  ) {
    for (const pattern of patterns) {
      const lower = pattern.toLowerCase();
      if (lower.startsWith("*.")) this.suffixes.push(lower.slice(1));
      else this.names.add(lower);
    }
  }

  allows(host: string): boolean {
    return this.any || this.names.has(host) || this.suffixes.some((suffix) => host.endsWith(suffix));
  }
}

/** True for what AllowList understands: a name or address, or `*.` and a name. A lone `*` is not: that is --allow-any. */
export function isPattern(text: string): boolean {
  return (
    /^(?:\*\.)?(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/i.test(text) ||
    /^[0-9a-f:]{2,39}$/i.test(text)
  );
}
