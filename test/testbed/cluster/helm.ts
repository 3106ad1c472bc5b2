import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Manifest } from "../../constructs/kubernetes/manifests";

/** Real Helm, installing charts that are made of given objects. */
export class Helm {
  private readonly running = new Set<ChildProcess>();

  /**
   * @param program path of the binary
   * @param directory for its charts and what it keeps
   */
  constructor(
    private readonly program: string,
    private readonly directory: string,
    private readonly kubeconfig: string,
  ) {}

  /** A chart whose objects are these, whatever values it is given. */
  chart(name: string, version: string, objects: readonly Manifest[]): string {
    const chart = join(this.directory, name);
    rmSync(chart, { recursive: true, force: true });
    mkdirSync(join(chart, "templates"), { recursive: true });
    writeFileSync(join(chart, "Chart.yaml"), JSON.stringify({ apiVersion: "v2", name, version }));
    for (const [index, object] of objects.entries()) {
      // What Helm would take for a template's action, it writes as it is.
      const text = JSON.stringify(object).replaceAll("{{", '{{ "{{" }}');
      writeFileSync(join(chart, "templates", `${index}.yaml`), text);
    }
    return chart;
  }

  /** Arguments that give a release these values. @param text in YAML or JSON */
  values(name: string, text: string): string[] {
    const file = join(this.directory, `${name}-values.yaml`);
    writeFileSync(file, text);
    return ["--values", file];
  }

  /** @throws Error with what Helm says */
  async run(...args: readonly string[]): Promise<string> {
    const keep = (name: string) => join(this.directory, `helm-${name}`);
    const child = spawn(this.program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        KUBECONFIG: this.kubeconfig,
        ...{ HELM_CACHE_HOME: keep("cache"), HELM_CONFIG_HOME: keep("config"), HELM_DATA_HOME: keep("data") },
      },
    });
    this.running.add(child);
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
    const [code, signal] = (await once(child, "close")) as [number | null, string | null];
    this.running.delete(child);
    if (code !== 0) throw new Error(`helm ${args[0]}: ${signal ?? said.trim()}`);
    return said;
  }

  /** Ends whatever it is doing, as it ends inside a provider that is killed. */
  kill(): void {
    for (const child of this.running) child.kill("SIGKILL");
  }
}
