import { RUNTIME_PATHS } from "../constructs/service/container-runtime";
import { imagesInUnits } from "../constructs/service/container-unit";
import { readOptions } from "../planning/read-options";
import { type AnswerOfHost, onHosts, REGION_OPTIONS, WHICH_REGION_USAGE } from "./region-hosts";
import { shortDigest } from "./images/short-digest";
import { tableText } from "./table-text";

const USAGE = `usage: tricloud services --region NAME [--json] [--out DIR]

Shows what runs of each service, host by host: which version, since when, and whether callers are told of it. A version is
the digest of its image; one that is not the one synthesised here is marked.

${WHICH_REGION_USAGE}  --json         the same as JSON, digests whole

Exit codes: 0 every instance is healthy and of the version here; 1 one is not, or its host is out of reach; 2 wrong usage.
`;

/** What an instance of a service is up to; `unknown`: its host is out of reach. */
export type InstanceState = "healthy" | "not healthy" | "starting" | "stopping" | "not running" | "unknown";

export interface ServiceInstance {
  readonly host: string;
  /** Digest of the image that it runs, `sha256:...`; null where none runs. */
  readonly version: string | null;
  readonly state: InstanceState;
  /** Since when its unit has been active, ISO 8601; null where it is not. */
  readonly since: string | null;
  /** Why nothing is known of it. */
  readonly problem?: string;
}

export interface RunningService {
  readonly service: string;
  /** Digest of the image in what is synthesised here. */
  readonly version: string;
  readonly healthy: number;
  readonly wanted: number;
  readonly instances: readonly ServiceInstance[];
}

/** @returns the exit code, as the usage says */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = readOptions("services", {
    args: [...args],
    options: REGION_OPTIONS,
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const answers = await onHosts(
    {
      ...values,
      what: "services",
      has: ({ contents }) => imagesInUnits(contents.files).size > 0,
    },
    SERVICES_PROGRAM,
  );
  if (answers === undefined) return 1;
  const services = running(answers);
  process.stdout.write(values.json ? `${JSON.stringify({ services }, undefined, 2)}\n` : text(services));
  return services.every(isAsWanted) ? 0 : 1;
}

/** Tells of each service that is here: its name, its unit's state, since when, its image, whether callers are told of it. */
export const SERVICES_PROGRAM = `export CONTAINERS_STORAGE_CONF=${RUNTIME_PATHS.storage} CONTAINERS_CONF_OVERRIDE=${RUNTIME_PATHS.engine}
for file in ${RUNTIME_PATHS.units}/tricloud-service-*.container; do
  [ -e "$file" ] || continue
  name=\${file##*/tricloud-service-}
  name=\${name%.container}
  unit=tricloud-service-$name.service
  state=$(systemctl show -P ActiveState "$unit")
  since=$(systemctl show -P ActiveEnterTimestamp --timestamp=unix "$unit")
  image=$(podman inspect --type container -f '{{.ImageName}}' "$name" 2>/dev/null || true)
  if ${RUNTIME_PATHS.guard} known "$name" >/dev/null 2>&1; then known=known; else known=unknown; fi
  printf '%s|%s|%s|%s|%s\\n' "$name" "$state" "$since" "$image" "$known"
done
`;

/** Services by name, of what is wanted on hosts and what these have answered. */
export function running(answers: readonly AnswerOfHost[]): RunningService[] {
  const instances = answers.flatMap(({ host, answer }) => {
    const told = new Map(answer.said.split("\n").map((line) => [line.split("|")[0]!, line]));
    return [...imagesInUnits(host.contents.files)].map(([service, image]) => ({
      service,
      wanted: digestOf(image),
      instance:
        answer.code === 0
          ? instanceOf(host.name, told.get(service))
          : { ...NOTHING, host: host.name, state: "unknown" as const, problem: answer.lastLine },
    }));
  });
  const names = [...new Set(instances.map(({ service }) => service))].sort();
  return names.map((service) => {
    const own = instances.filter((each) => each.service === service);
    return {
      service,
      version: own[0]!.wanted,
      healthy: own.filter(({ instance }) => instance.state === "healthy").length,
      wanted: own.length,
      instances: own.map(({ instance }) => instance),
    };
  });
}

const NOTHING = { version: null, since: null };

function instanceOf(host: string, line: string | undefined): ServiceInstance {
  const [, state = "inactive", since = "", image = "", known] = line?.split("|") ?? [];
  const seconds = Number(since.replace("@", ""));
  return {
    host,
    version: image === "" ? null : digestOf(image),
    state:
      STATES[state] ?? (state === "active" ? (known === "known" ? "healthy" : "not healthy") : "not running"),
    since: state === "active" && seconds > 0 ? new Date(seconds * 1000).toISOString() : null,
  };
}

/** Of systemd's words for a unit those that mean one thing here. */
const STATES: Readonly<Record<string, InstanceState>> = {
  activating: "starting",
  deactivating: "stopping",
};

const digestOf = (image: string): string => image.slice(image.indexOf("@") + 1);

const isAsWanted = ({ version, instances }: RunningService): boolean =>
  instances.every((instance) => instance.state === "healthy" && instance.version === version);

/** A table of instances, and a line for each service. */
function text(services: readonly RunningService[]): string {
  const rows = services.flatMap(({ service, version: here, instances }) =>
    instances.map(({ host, version, state, since, problem }) => [
      service,
      host,
      version === null
        ? ""
        : `${shortDigest(version)}${version === here ? "" : ` (here ${shortDigest(here)})`}`,
      state,
      problem ?? since ?? "",
    ]),
  );
  const lines = services.map(
    ({ service, healthy, wanted }) => `${service}: ${healthy} of ${wanted} healthy\n`,
  );
  return `${tableText([["SERVICE", "HOST", "VERSION", "STATE", "SINCE"], ...rows])}\n${lines.join("")}`;
}
