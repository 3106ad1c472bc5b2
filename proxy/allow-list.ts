/** Patterns such as `api.example.com` or `*.example.com` (any depth below, not the name itself) that origins must match. */
export class AllowList {
  private readonly names = new Set<string>();
  /** With the dot that they begin with. */
  private readonly suffixes = new Set<string>();

  constructor(
    patterns: readonly string[],
    private readonly any: boolean,
  ) {
    for (const pattern of patterns) {
      const lower = pattern.toLowerCase();
      if (lower.startsWith("*.")) this.suffixes.add(lower.slice(1));
      else this.names.add(lower);
    }
  }

  allows(host: string): boolean {
    return this.any || this.names.has(host) || this.isBelow(host);
  }

  /** As many look-ups as the name has dots, however many patterns there are. */
  private isBelow(host: string): boolean {
    if (this.suffixes.size === 0) return false;
    for (let dot = host.indexOf("."); dot >= 0; dot = host.indexOf(".", dot + 1))
      if (this.suffixes.has(host.slice(dot))) return true;
    return false;
  }
}

/** True for what AllowList understands: a name or address, or `*.` and a name. A lone `*` is not: that is --allow-any. */
export function isPattern(text: string): boolean {
  return (
    /^(?:\*\.)?(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/i.test(text) ||
    /^[0-9a-f:]{2,39}$/i.test(text)
  );
}
