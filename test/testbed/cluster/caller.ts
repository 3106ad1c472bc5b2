import { readFileSync } from "node:fs";
import { type Cluster } from "./cluster";
import { imageTag } from "./images";
import { programFile } from "./program-file";
import { type CallsOutcome, callsDuring } from "./steady-calls";

/** A pod of somebody's own, restricted as the namespace wants it, that looks up names and calls. */
export class Caller {
  private constructor(
    private readonly cluster: Cluster,
    private readonly name: string,
    private readonly programs = PROGRAMS,
  ) {}

  /** A pod that is there, and that is lent the programs it calls with. @param programs where its image has them */
  static in(cluster: Cluster, pod: string, programs: string): Caller {
    return new Caller(cluster, pod, programs);
  }

  /** @param node where it is to run @default - anywhere */
  static async create(cluster: Cluster, name: string, node?: string): Promise<Caller> {
    const metadata = { name, namespace: NAMESPACE };
    const program = (file: string) => [file, readFileSync(programFile(file), "utf8")];
    await cluster.apply(
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata,
        data: Object.fromEntries(["steady-calls.cjs", "look-up.cjs"].map(program)),
      },
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata,
        spec: {
          ...(node === undefined ? {} : { nodeSelector: { "kubernetes.io/hostname": node } }),
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 0,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65532,
            seccompProfile: { type: "RuntimeDefault" },
          },
          dnsConfig: { options: [{ name: "ndots", value: "2" }] },
          containers: [
            {
              name: "caller",
              image: imageTag("node"),
              imagePullPolicy: "Never",
              command: ["sleep", "infinity"],
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
              volumeMounts: [{ name: "programs", mountPath: PROGRAMS, readOnly: true }],
            },
          ],
          volumes: [{ name: "programs", configMap: { name } }],
        },
      },
    );
    await cluster.kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", `pod/${name}`, "--timeout=60s");
    return new Caller(cluster, name);
  }

  /** Runs a program in the pod, which must succeed. */
  run(...command: readonly string[]): Promise<string> {
    return this.cluster.kubectl("-n", NAMESPACE, "exec", this.name, "--", ...command);
  }

  /** Runs a program in the pod and returns what it said, whatever its exit code. */
  attempt(...command: readonly string[]): ReturnType<Cluster["attempt"]> {
    return this.cluster.attempt("-n", NAMESPACE, "exec", this.name, "--", ...command);
  }

  /** How often which answer came to `times` questions in a row for each name. */
  async lookUp(
    times: number,
    server: string,
    names: readonly string[],
  ): Promise<Record<string, Readonly<Record<string, number>>>> {
    const said = await this.run("node", `${this.programs}/look-up.cjs`, String(times), server, ...names);
    return JSON.parse(said) as Record<string, Record<string, number>>;
  }

  /**
   * Calls a URL at a steady rate while `work` is done.
   *
   * @param postEvery which of the calls are POSTs: each so-and-so-many-th @default - none
   */
  async during(
    url: string,
    perSecond: number,
    work: () => Promise<void>,
    postEvery?: number,
  ): Promise<CallsOutcome> {
    const [program, ...before] = this.cluster.kubectlCommand;
    const posts = postEvery === undefined ? [] : [String(postEvery)];
    const command = ["node", `${this.programs}/steady-calls.cjs`, url, String(perSecond), ...posts];
    return callsDuring(
      program,
      [...before, "-n", NAMESPACE, "exec", "-i", this.name, "--", ...command],
      work,
    );
  }
}

const NAMESPACE = "app";
const PROGRAMS = "/programs";
