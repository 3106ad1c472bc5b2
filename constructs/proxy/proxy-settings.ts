import { DEFINITIONS, type OptionName, type Options } from "../../proxy/options/options";

/** Options of the proxy that an operator sets and no construct does. */
const SETTABLE = [
  "keepaliveConns",
  "maxConnsPerHost",
  "readTimeout",
  "writeTimeout",
  "proxyReadTimeout",
  "connectTimeout",
  "clientIdleTimeout",
  "originIdleTimeout",
  "tunnelIdleTimeout",
  "maxHeaderBytes",
  "maxHeaderCount",
  "maxQueue",
  "queueTimeout",
  "ejectFailures",
  "circuitFailures",
  "circuitPause",
  "minBodyRate",
  "requestBuffering",
  "maxClients",
  "workers",
  "http2Origins",
  "allowAddress",
  "dnsServer",
  "stsize",
  "spfactor",
] as const satisfies readonly OptionName[];

/** Times are seconds, or texts such as "1m30s"; docs/proxy.md says what each option does. */
export type ProxySettings = {
  readonly [Name in (typeof SETTABLE)[number]]?:
    Options[Name] | (Options[Name] extends number ? string : never);
};

/** What each setting must be, by its name. */
export function settingExpectations(): Record<string, string> {
  return Object.fromEntries(
    SETTABLE.map((name) => {
      const { expects, repeatable = false } = DEFINITIONS[name];
      return [name, repeatable ? `a list, each ${expects}` : expects];
    }),
  );
}

/** One thing wrong with settings. */
export interface SettingProblem {
  /** Names and places that lead to it. */
  readonly path: readonly (string | number)[];
  readonly expectation: string;
}

/** What the proxy would not start with, in its own words. */
export function settingProblems(settings: Readonly<Record<string, unknown>>): SettingProblem[] {
  return Object.entries(settings).flatMap(([name, value]): SettingProblem[] => {
    if (!SETTABLE.some((one) => one === name))
      return [{ path: [name], expectation: `expected one of ${SETTABLE.join(", ")}` }];
    const { accepts, expects, repeatable = false } = DEFINITIONS[name as OptionName];
    if (!repeatable) return accepts(value) ? [] : [{ path: [name], expectation: `expected ${expects}` }];
    if (!Array.isArray(value)) return [{ path: [name], expectation: `expected a list, each ${expects}` }];
    return value.flatMap((item: unknown, index) =>
      accepts(item) ? [] : [{ path: [name, index], expectation: `expected ${expects}` }],
    );
  });
}
