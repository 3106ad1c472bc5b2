import { z } from "zod";
import { HOURS_PER_MONTH } from "../../../constructs/availability/calculus/common-cause";
import type { Region } from "../regions";
import { HOST_ROLES, type HostRole } from "../regions/dedicated-region";
import { healthPath, once, publicHosts } from "../public-hosts";
import { dnsLabel } from "../regions/region";
import { problemsOf, type ValueProblem } from "../regions/region-errors";
import type { GatewayRoute } from "../../../constructs/gateway";
import { groupProblem, type ProxyGroup } from "../../../constructs/proxy/proxy-groups";
import { routesOfService } from "../route-value";
import { DATABASE_PARTS } from "../../../constructs/service/database-access";
import { SECRET_NAME } from "../../../constructs/service/service-secrets";
import { DEFAULT_TASK_SECONDS, taskFaults } from "../../../constructs/service/service-task";

/** A service as it is written down: a container, a port, a health path, what it calls, where it runs. */
export interface ServiceInput {
  /** DNS label under which it is found: `NAME.service.consul`. */
  readonly name: string;
  /**
   * Image by digest, `REPOSITORY@sha256:...`: a repository of each region's own registry, or one with its registry in
   * front (`registry.example.com/shop/web@sha256:...`).
   */
  readonly image: string;
  /** TCP port that it takes HTTP requests on, 1024 to 65535; it is told of it as `PORT`. */
  readonly port: number;
  readonly health: ServiceHealthInput;
  /** Environment of the container, besides `PORT` and `TRICLOUD_REGION`. @default {} */
  readonly env?: Readonly<Record<string, string>>;
  /** Names of what it finds as `/run/secrets/NAME`: lower-case words with hyphens between them. @default [] */
  readonly secrets?: readonly string[];
  /**
   * Database of each region that it runs in, by the name that the region has for it: it finds how to sign in there as
   * `/run/secrets/database-url`, and in parts beside it.
   * @default - none
   */
  readonly database?: string;
  /** Memory that one instance may take, in megabytes; one that takes more is ended and started again. @default 512 */
  readonly memoryMegabytes?: number;
  /**
   * Processors' time of one instance, in processors: on a host the most that it may take, in a cluster what it can count
   * on.
   * @default - 1 on a host, 0.25 in a cluster
   */
  readonly cpus?: number;
  /**
   * How long an instance that is on its way out waits for its callers to close their connections, in seconds. What is
   * left then is ended with it.
   * @default 30
   */
  readonly drainSeconds?: number;
  /**
   * How long its answer may take to begin, in seconds: then those who call it by its one URL have a GET or HEAD asked of
   * another instance, or in another region, where one is in good standing. A POST waits on.
   * @default 10
   */
  readonly answerSeconds?: number;
  /** Services, by name, and origins outside, as `https://HOST`, that it calls. @default [] */
  readonly calls?: readonly string[];
  /** Those of `calls` without which it still answers, if not as it should. @default [] */
  readonly degradesWithout?: readonly string[];
  /**
   * What the proxies answer to GET and HEAD where nobody answers for this service: always the same, or (`stale`) what it
   * answered before. All who call it say in `degradesWithout` that they can do without it.
   * @default - the failure
   */
  readonly substitute?: ProxyGroup["substitute"];
  readonly stale?: ProxyGroup["stale"];
  /** How the internet reaches it, in each region that it runs in. @default - it does not */
  readonly public?: ServicePublicInput;
  /**
   * Which requests API gateways send to it, by the name that metrics and log have for them: docs/gateway.md tells of each
   * field. Hosts choose the gateway where there are several.
   * @default - none
   */
  readonly routes?: Readonly<Record<string, GatewayRoute>>;
  /** How often releases take it down, for its availability. @default - they are not counted */
  readonly releases?: ServiceReleases;
  /** What its image does besides: before each release, or at times of the day. @default {} */
  readonly tasks?: Readonly<Record<string, ServiceTaskInput>>;
  /** Where it runs, by region. */
  readonly in: Readonly<Record<string, ServicePlacementInput>>;
}

/** Releases of a service, which reach all of its instances wherever they run: no other cloud helps against a bad one. */
export interface ServiceReleases {
  /** Releases in 30 days. */
  readonly perMonth: number;
  /** Share of them that take the service down, 0 to 1. */
  readonly failureShare: number;
  /** From a bad release to the one before it running again, in hours. */
  readonly hoursToTakeBack: number;
}

/** A run of the service's image with another command, to its end. One of `when` and `every` says when. */
export interface ServiceTaskInput {
  /** Program and its arguments, in place of the image's own entry point. */
  readonly command: readonly string[];
  /** Once in each region before any instance is replaced: the release stops when it fails. */
  readonly when?: "before-release";
  /** Daily at a time of a zone, `03:00 Asia/Tokyo`, or every so many minutes, `15 minutes`: once in each region. */
  readonly every?: string;
  /** How long it may take, in seconds, before it is ended and has failed. @default 600 */
  readonly timeoutSeconds?: number;
  /** Regions that it runs in. @default - all that the service runs in */
  readonly in?: readonly string[];
}

/** Host names and paths by which the internet reaches a service. */
export interface ServicePublicInput {
  /** Host names that clients ask for: `www.example.com`. */
  readonly hosts: readonly string[];
  /** What paths begin with, whole segments: `/api` is `/api` and what lies below. @default ["/"] */
  readonly paths?: readonly string[];
}

export interface ServiceHealthInput {
  /** Path that answers 200 to 299 while the instance can do its job. */
  readonly path: string;
  /** How long a new instance may take until it does, in seconds. @default 60 */
  readonly startSeconds?: number;
}

/** How it runs in one region. */
export interface ServicePlacementInput {
  /**
   * Instances, one a host: on EC2 and in a cluster that many at least, spread over zones.
   * @default - one on each host with the role; 3 in a cluster
   */
  readonly instances?: number;
  /** On EC2 and in a cluster: instances at most, when there is much to do. @default - `instances` */
  readonly atMost?: number;
  /** On hosts: their role, on EC2 that of their group. @default "app" */
  readonly on?: HostRole;
}

/** A service, validated and with defaults filled in. */
export interface ServiceValue {
  readonly name: string;
  readonly image: string;
  readonly port: number;
  readonly health: Required<ServiceHealthInput>;
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  /** undefined: none. */
  readonly database?: string | undefined;
  readonly memoryMegabytes: number;
  /** undefined: what suits the platform. */
  readonly cpus?: number | undefined;
  readonly drainSeconds: number;
  readonly answerSeconds: number;
  readonly calls: readonly string[];
  readonly degradesWithout: readonly string[];
  /** undefined: callers see its failures. */
  readonly substitute?: ProxyGroup["substitute"];
  readonly stale?: ProxyGroup["stale"];
  /** undefined: the internet does not reach it. */
  readonly public?: Required<ServicePublicInput> | undefined;
  /** Those of its public hosts that the stack `names` leads to regions. */
  readonly named: readonly string[];
  /** As the service says them; the gateways' own values have them whole. */
  readonly routes: Readonly<Record<string, GatewayRoute>>;
  /** undefined: not counted. */
  readonly releases?: ServiceReleases | undefined;
  readonly tasks: Readonly<Record<string, ServiceTaskValue>>;
  readonly in: Readonly<Record<string, ServicePlacement>>;
  /** For each region that says which others are near it: those of `in`, nearest first. */
  readonly nearest: Readonly<Record<string, readonly string[]>>;
  /** Where regions show it to the internet, in the order of `in`. */
  readonly entrances: readonly ServiceEntrance[];
  /** Regions whose proxies answer those of other regions for it. */
  readonly peers: readonly ServicePeers[];
}

export interface ServiceTaskValue {
  readonly command: readonly string[];
  readonly when?: "before-release" | undefined;
  readonly every?: string | undefined;
  readonly timeoutSeconds: number;
  /** undefined: wherever the service runs. */
  readonly in?: readonly string[] | undefined;
}

/** Where a region shows a service to the internet: by HTTPS, itself alone, under a name that only it answers. */
export interface ServiceEntrance {
  readonly region: string;
  readonly platform: Region["platform"];
  readonly host: string;
}

/** A region whose proxies have its own instances answer other regions' proxies, by mutual TLS. */
export interface ServicePeers {
  readonly region: string;
  readonly platform: Region["platform"];
  /** Name in the proxies' certificates. */
  readonly peer: string;
  /** `HOST:PORT` of each proxy, or of the one name that all of them have. */
  readonly addresses: readonly string[];
  /** Regions whose proxies they know. */
  readonly from: readonly string[];
}

export interface ServicePlacement {
  /** undefined: one on each host with the role, 3 in a cluster. */
  readonly instances?: number | undefined;
  /** undefined: no more than `instances`. */
  readonly atMost?: number | undefined;
  /** undefined: app. */
  readonly on?: HostRole | undefined;
}

const REPOSITORY = /^[a-z0-9]+([._-]+[a-z0-9]+)*(:\d{1,5})?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/;

const image = z.string().superRefine((value, context) => {
  const refuse = (message: string): void => context.addIssue({ code: "custom", message });
  const [repository = "", digest, ...more] = value.split("@");
  if (digest === undefined) {
    refuse(
      "expected an image by its digest, REPOSITORY@sha256:...: what a tag names can change between two hosts of one release (npx tricloud push prints it)",
    );
  } else if (!/^sha256:[0-9a-f]{64}$/.test(digest) || more.length > 0) {
    refuse("expected sha256: and 64 lower-case hex digits after the @");
  } else if (!REPOSITORY.test(repository)) {
    refuse("expected a repository without tag in front of the @, in lower case");
  }
});

const OUTSIDE = /^https?:\/\/[a-z0-9-]+(\.[a-z0-9-]+)+(:\d{1,5})?$/;

const call = z.string().refine((value) => dnsLabel.safeParse(value).success || OUTSIDE.test(value), {
  error: "expected the name of a service, or an origin such as https://api.example.com",
});

/** What the platform says itself. */
const OWN_VARIABLES = ["PORT", "TRICLOUD_REGION"];

const env = z
  .record(
    z.string(),
    z.string().refine((value) => !/[\n\r\0]/.test(value), { error: "expected a text without line breaks" }),
  )
  .superRefine((variables, context) => {
    for (const name of Object.keys(variables)) {
      const message = !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)
        ? "expected a variable's name of letters, digits and _"
        : OWN_VARIABLES.includes(name)
          ? "expected no such variable, for every container is told it already"
          : undefined;
      if (message !== undefined) context.addIssue({ code: "custom", path: [name], message });
    }
  });

const secrets = z
  .array(
    z.string().regex(SECRET_NAME, {
      error: "expected lower-case words with hyphens between them, such as session-key",
    }),
  )
  .superRefine(once("each secret"));

/** They stand in the front's configuration, where nothing of them must need quoting. */
const entrance = z.strictObject({
  hosts: publicHosts,
  paths: z
    .array(
      z.string().regex(/^\/$|^(\/[A-Za-z0-9._~-]+)+$/, {
        error:
          "expected the beginning of paths, such as /api, of letters, digits and ._~- without a / at its end",
      }),
    )
    .min(1, { error: "expected one path at least" })
    .superRefine(once("each"))
    .default(["/"]),
});

const releases = z
  .strictObject({
    perMonth: z.number().min(0),
    failureShare: z.number().min(0).max(1, { error: "expected a share from 0 to 1" }),
    hoursToTakeBack: z.number().min(0),
  })
  .refine(
    ({ perMonth, failureShare, hoursToTakeBack }) =>
      perMonth * failureShare * hoursToTakeBack <= HOURS_PER_MONTH,
    {
      error: `expected bad releases that are taken back within the ${HOURS_PER_MONTH} hours of 30 days, all of them together`,
    },
  );

const tasks = z
  .record(
    z.string(),
    z.strictObject({
      command: z.array(z.string()),
      when: z.literal("before-release", { error: "expected before-release" }).optional(),
      every: z.string().optional(),
      timeoutSeconds: z.number().default(DEFAULT_TASK_SECONDS),
      in: z
        .array(z.string())
        .min(1, { error: "expected one region at least" })
        .superRefine(once("each"))
        .optional(),
    }),
  )
  .superRefine((all, context) => {
    for (const [name, task] of Object.entries(all)) {
      for (const [field, , message] of taskFaults(name, task)) {
        context.addIssue({ code: "custom", path: field === "" ? [name] : [name, field], message });
      }
    }
  });

const placement = z.strictObject({
  instances: z.int().min(1, { error: "expected one instance at least" }).optional(),
  atMost: z.int().min(1, { error: "expected one instance at least" }).optional(),
  on: z.enum(HOST_ROLES, { error: `expected one of ${HOST_ROLES.join(", ")}` }).optional(),
});

const schema = z
  .strictObject({
    name: dnsLabel,
    image,
    port: z
      .int()
      .min(1024, {
        error: "expected a port from 1024 to 65535, for a container has no right to the lower ones",
      })
      .max(65535, { error: "expected a port from 1024 to 65535" }),
    health: z.strictObject({ path: healthPath, startSeconds: z.int().min(1).max(3600).default(60) }),
    env: env.default({}),
    secrets: secrets.default([]),
    database: dnsLabel.optional(),
    memoryMegabytes: z.int().min(16).default(512),
    cpus: z.number().min(0.05).optional(),
    drainSeconds: z.int().min(0).max(3600).default(30),
    answerSeconds: z.number().min(0.1).max(3600).default(10),
    calls: z.array(call).default([]),
    degradesWithout: z.array(z.string()).default([]),
    substitute: z.custom<ProxyGroup["substitute"]>().optional(),
    stale: z.custom<ProxyGroup["stale"]>().optional(),
    public: entrance.optional(),
    routes: routesOfService.default({}),
    releases: releases.optional(),
    tasks: tasks.default({}),
    in: z.record(dnsLabel, placement).refine((regions) => Object.keys(regions).length > 0, {
      error: "expected one region at least",
    }),
  })
  .superRefine(({ calls, degradesWithout }, context) => {
    for (const [index, soft] of degradesWithout.entries()) {
      if (calls.includes(soft)) continue;
      context.addIssue({
        code: "custom",
        path: ["degradesWithout", index],
        message: `expected one of calls (${calls.join(", ") || "none"})`,
      });
    }
  })
  .superRefine(({ database, secrets: names }, context) => {
    if (database === undefined) return;
    for (const [index, name] of names.entries()) {
      if (!(DATABASE_PARTS as readonly string[]).includes(name)) continue;
      context.addIssue({
        code: "custom",
        path: ["secrets", index],
        // It is the name of one.
        params: { value: JSON.stringify(name) },
        message: `expected another name, for a part of database ${database} has it (${DATABASE_PARTS.join(", ")})`,
      });
    }
  })
  .superRefine(({ name, substitute, stale }, context) => {
    const problem = groupProblem(name, { origins: [`http://${name}`], substitute, stale });
    if (problem !== undefined)
      context.addIssue({ code: "custom", path: [...problem.path], message: problem.expectation });
  });

/** Checks a value by itself: what comes of it, or all that is wrong with it. */
export function readService(
  value: unknown,
): Omit<ServiceValue, "nearest" | "entrances" | "peers" | "named"> | readonly ValueProblem[] {
  const result = schema.safeParse(value);
  return result.success ? result.data : problemsOf(value, result.error);
}

/** The host of a call that leads outside; undefined for a call to a service. */
export const outsideHost = (called: string): string | undefined =>
  OUTSIDE.test(called) ? new URL(called).hostname : undefined;

/** Whether an image names the registry that it comes from. */
export const hasRegistry = (reference: string): boolean =>
  /^([^/]*[.:][^/]*|localhost)\/./.test(reference.split("@")[0]!);

/** Those of a service's tasks that a region has. */
export const tasksIn = (
  { tasks: all }: Pick<ServiceValue, "tasks">,
  { name }: { readonly name: string },
): Readonly<Record<string, ServiceTaskValue>> =>
  Object.fromEntries(Object.entries(all).filter(([, task]) => task.in?.includes(name) ?? true));
