import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { type Cluster } from "./cluster";
import { imageFor } from "./images";
import { madeImage, type MadeImageProps } from "./made-image";
import { programFile } from "./program-file";

/**
 * HashiCorp's own chart of Consul, rendered by Helm as on a real cluster. Its containers run what there is here: the
 * testbed's Consul, and a stand-in for the chart's own program.
 */
export class HashicorpChart {
  private readonly made = new Map<string, Promise<string>>();

  private constructor(
    readonly directory: string,
    private readonly cluster: Cluster,
    private readonly work: string,
  ) {}

  /**
   * The chart that `CONSUL_CHART` names; undefined where it names none.
   *
   * @param work directory in which images may be made
   * @throws Error when what it names is no such chart
   */
  static fromEnvironment(cluster: Cluster, work: string): HashicorpChart | undefined {
    const directory = process.env["CONSUL_CHART"];
    if (directory === undefined || directory === "") return undefined;
    const file = join(directory, "Chart.yaml");
    const found = existsSync(file)
      ? `a chart "${(parse(readFileSync(file, "utf8")) as { name?: string }).name}"`
      : "no Chart.yaml";
    if (found !== 'a chart "consul"')
      throw new Error(
        `CONSUL_CHART=${directory}: expected the directory of a chart "consul", found ${found}`,
      );
    return new HashicorpChart(directory, cluster, work);
  }

  /** Name of the image on the nodes that stands in for one of a registry. */
  async imageFor(image: string): Promise<string> {
    const name = image.split("/").at(-1)!;
    if (/^consul-k8s-control-plane\b/.test(name)) return this.once("control-plane", CONTROL_PLANE);
    if (/^consul\b/.test(name)) return this.once("consul-of-chart", SERVER);
    return imageFor(image);
  }

  private once(name: string, image: Pick<MadeImageProps, "on" | "files">): Promise<string> {
    const known = this.made.get(name);
    if (known !== undefined) return known;
    const making = madeImage(this.cluster, {
      name,
      directory: this.work,
      command: ["sleep", "infinity"],
      ...image,
    });
    this.made.set(name, making);
    return making;
  }
}

const program = (name: string): string => readFileSync(programFile(name), "utf8");

const CONTROL_PLANE = {
  on: "node",
  files: {
    "usr/local/bin/consul-k8s-control-plane": program("consul-k8s-control-plane.cjs"),
    "program/catalog-sync.cjs": program("catalog-sync.cjs"),
  },
} as const;

/**
 * As the stock image has it, for Consul 1.8, which refuses three keys that the chart sets: they are taken out of a copy of
 * its configuration.
 */
const SERVER = {
  on: "consul",
  files: {
    "usr/local/bin/docker-entrypoint.sh": `#!/bin/sh
set -eu
mkdir -p /tmp/config
cp /consul/config/*.json /tmp/config
echo "without limits.request_limits, ports.grpc_tls and telemetry.enable_host_metrics, which this Consul refuses" >&2
perl -0pi -e 's/"request_limits":\\s*\\{[^{}]*\\},?//; s/"grpc_tls":\\s*-?\\d+,?//; s/,\\s*"enable_host_metrics":\\s*\\w+//' /tmp/config/*.json
for argument; do
  shift
  [ "$argument" != -config-dir=/consul/config ] || argument=-config-dir=/tmp/config
  set -- "$@" "$argument"
done
exec "$@"
`,
  },
} as const;
