import { z } from "zod";
import type { ProxyGroup, ProxyGroups, ProxyOrigin } from "../../../constructs/proxy";
import { groupProblem } from "../../../constructs/proxy/proxy-groups";
import { isServiceName } from "../../../constructs/proxy/service-groups";

/** What an origin promises: a figure, or what another region's service comes to. */
export type OriginFigure = z.output<typeof figure>;

/** An origin under its own name, on port 443 where the name says no other. */
export type LoneOrigin = OriginFigure & {
  /** TLS connections kept open. @default - none until the first call */
  readonly warm?: number;
};

/** Several origins under one name, of which any can answer. */
export type OriginGroup = Omit<ProxyGroup, "origins"> & {
  /** In order of preference, or each with a weight. */
  readonly origins: readonly (ProxyOrigin & OriginFigure)[];
};

export type Origin = LoneOrigin | OriginGroup;

export const isGroup = (origin: Origin): origin is OriginGroup => "origins" in origin;

/** What somebody else promises. */
export const promise = {
  availability: z.number().gt(0).lt(1),
  /** Where the figure is written, or "assumed". */
  source: z.string().min(1),
  /** How long one outage lasts in the mean. @default - not known, and so not how often there is one */
  meanOutageHours: z.number().gt(0).optional(),
};

const figure = z.union(
  [
    z.strictObject(promise),
    z.strictObject({
      /** A stack of this app, and a service that it declares. */
      stack: z.string(),
      service: z.string(),
    }),
  ],
  { error: "expected { availability, source }, or { stack, service } of another region" },
);

const FIGURE_FIELDS = ["availability", "source", "meanOutageHours", "stack", "service"];

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Of an origin's name: what services call one another by comes from their `calls`. */
export const noService = (name: string): boolean => !isServiceName(name.replace(/:\d*$/, ""));
export const NO_SERVICE =
  "expected a host name that is no service's: those are called by what names them in calls";

const originName = z
  .string()
  .regex(/^[a-z0-9_-]+(\.[a-z0-9_-]+)*(:\d{1,5})?$/i, {
    error: "expected a host name such as api.example.com, with a port where callers give one",
  })
  .refine(noService, { error: NO_SERVICE });

/** Where calls to other clouds end, by the name that callers use. */
export const origins = z
  .record(originName, z.custom<Origin>(isObject, { error: "expected an object that describes the origin" }))
  .superRefine((value, context) => {
    for (const [name, origin] of Object.entries(value)) {
      for (const { path, expectation } of originProblems(name, origin))
        context.addIssue({ code: "custom", path: [name, ...path], message: expectation });
    }
  });

interface OriginProblem {
  readonly path: readonly (string | number)[];
  readonly expectation: string;
}

function originProblems(name: string, origin: Origin): OriginProblem[] {
  if (!isGroup(origin)) return loneOriginProblems(origin);
  const members: unknown = origin.origins;
  if (!Array.isArray(members) || !members.every(isObject))
    return [{ path: ["origins"], expectation: "expected a list of origins, each an object with its url" }];
  const figures = members.flatMap((member, index) => figureProblems(member, ["origins", index]));
  const problem = groupProblem(name, { ...origin, origins: members.map(withoutFigure) });
  return [...figures, ...(problem === undefined ? [] : [problem])];
}

function loneOriginProblems(origin: LoneOrigin): OriginProblem[] {
  const { warm, ...others } = origin as Record<string, unknown>;
  const isCount = Number.isInteger(warm) && Number(warm) >= 1 && Number(warm) <= 1000;
  return [
    ...Object.keys(others)
      .filter((key) => !FIGURE_FIELDS.includes(key))
      .map((key) => ({
        path: [key],
        expectation: `expected one of ${FIGURE_FIELDS.join(", ")}, warm, origins`,
      })),
    ...(warm === undefined || isCount
      ? []
      : [{ path: ["warm"], expectation: "expected a number of connections from 1 to 1000" }]),
    ...figureProblems(others, []),
  ];
}

function figureProblems(value: Record<string, unknown>, path: readonly (string | number)[]): OriginProblem[] {
  const given = Object.fromEntries(Object.entries(value).filter(([key]) => FIGURE_FIELDS.includes(key)));
  const { error } = figure.safeParse(given);
  return (error?.issues ?? []).map(({ message }) => ({ path, expectation: message }));
}

const withoutFigure = (member: object): object =>
  Object.fromEntries(Object.entries(member).filter(([key]) => !FIGURE_FIELDS.includes(key)));

/** What a proxy must know of the origins that a region describes. */
export interface ProxiedOrigins {
  readonly allow: readonly string[];
  readonly warm: readonly string[];
  readonly groups: ProxyGroups;
}

/** What is said of origins in one place and another, as the proxies are told it. */
export function proxiedOrigins(
  described: Readonly<Record<string, Origin>>,
  { allow, warm }: Pick<ProxiedOrigins, "allow" | "warm">,
): ProxiedOrigins {
  const lone = Object.entries(described).flatMap(([name, origin]) =>
    isGroup(origin) ? [] : [{ name, ...origin }],
  );
  const groups = Object.entries(described).filter((entry): entry is [string, OriginGroup] =>
    isGroup(entry[1]),
  );
  const kept = lone.filter((origin) => origin.warm !== undefined);
  return {
    allow: [...new Set([...lone.map(({ name }) => name.replace(/:.*$/, "")), ...allow])],
    warm: [
      ...kept.map(({ name, warm: count }) => `${name.includes(":") ? name : `${name}:443`}=${count}`),
      ...warm,
    ],
    groups: Object.fromEntries(
      groups.map(([name, group]) => [
        name,
        { ...group, origins: group.origins.map((member) => withoutFigure(member) as ProxyOrigin) },
      ]),
    ),
  };
}
