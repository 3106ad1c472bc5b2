import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { attempt, until } from "../command";
import { type Ledger } from "../ledger";
import { startProcess, type StartedProcess } from "../network";
import { addressIn, type ClusterNetwork } from "./cluster-network";
import { type ClusterAuthority } from "./credentials";

export interface ControlPlaneProps {
  readonly ledger: Ledger;
  readonly network: ClusterNetwork;
  /** Namespace that it runs in: the rack's. */
  readonly namespace: string;
  /** Address of that namespace at which this machine reaches it. */
  readonly address: string;
  readonly authority: ClusterAuthority;
  readonly programs: { readonly kubernetes: string; readonly etcd: string };
}

/** etcd, the API server, the controllers and the scheduler, in the rack's namespace. */
export class ControlPlane {
  private constructor(
    private readonly props: ControlPlaneProps,
    private readonly directory: string,
    /** For this machine's kubectl: everything is allowed. */
    readonly kubeconfig: string,
    /** Where nodes and pods reach it. */
    readonly server: string,
  ) {}

  static async start(props: ControlPlaneProps): Promise<ControlPlane> {
    const { ledger, authority, network, address } = props;
    const directory = join(ledger.directory, "control-plane");
    mkdirSync(directory);
    const server = `https://${network.gateway}:${PORT}`;
    const kubeconfig = await authority.kubeconfig(
      "admin",
      `https://${address}:${PORT}`,
      "admin",
      "system:masters",
    );
    const made = new ControlPlane(props, directory, kubeconfig, server);
    await made.startEtcd();
    await made.startApiServer();
    await Promise.all([made.startControllers(), made.startScheduler()]);
    return made;
  }

  private async startEtcd(): Promise<void> {
    await this.run("etcd", this.props.programs.etcd, [
      ...["--data-dir", join(this.directory, "etcd"), "--unsafe-no-fsync"],
      ...[
        "--listen-client-urls",
        ETCD,
        "--advertise-client-urls",
        ETCD,
        "--listen-peer-urls",
        "http://127.0.0.1:2380",
      ],
    ]);
  }

  private async startApiServer(): Promise<void> {
    const { authority, network, address } = this.props;
    const serving = await authority.issue("apiserver", "apiserver", "cluster", [
      ...[address, network.gateway, "127.0.0.1", addressIn(network.ranges.services, 1)],
      ...["kubernetes", "kubernetes.default", "kubernetes.default.svc"],
    ]);
    const kubelets = await authority.issue("apiserver-to-kubelets", "apiserver", "system:masters");
    const process = await this.component("kube-apiserver", {
      "etcd-servers": ETCD,
      "secure-port": PORT,
      "advertise-address": network.gateway,
      "service-cluster-ip-range": network.ranges.services,
      "tls-cert-file": serving.certificate,
      "tls-private-key-file": serving.key,
      "client-ca-file": authority.certificate,
      "kubelet-client-certificate": kubelets.certificate,
      "kubelet-client-key": kubelets.key,
      "kubelet-preferred-address-types": "InternalIP",
      "service-account-issuer": "https://kubernetes.default.svc",
      "service-account-key-file": authority.serviceAccountKey,
      "service-account-signing-key-file": authority.serviceAccountKey,
      "authorization-mode": "Node,RBAC",
      "enable-admission-plugins": "NodeRestriction",
      "allow-privileged": "true",
      // It would name the rack's first address, which pods do not reach.
      "endpoint-reconciler-type": "none",
    });
    await until("the API server is ready", 60_000, async () => {
      if (!process.isRunning())
        throw new Error(`the API server ended: see ${this.directory}/kube-apiserver.log`);
      const { code } = await this.kubectl(["get", "--raw", "/readyz"]);
      return code === 0 || undefined;
    });
  }

  private async startControllers(): Promise<void> {
    const { authority } = this.props;
    await this.component("kube-controller-manager", {
      kubeconfig: await this.kubeconfigFor("kube-controller-manager"),
      "service-account-private-key-file": authority.serviceAccountKey,
      "root-ca-file": authority.certificate,
      "use-service-account-credentials": "true",
      "leader-elect": "false",
    });
  }

  private async startScheduler(): Promise<void> {
    await this.component("kube-scheduler", {
      kubeconfig: await this.kubeconfigFor("kube-scheduler"),
      "leader-elect": "false",
    });
  }

  /** kubectl as anybody on this machine would run it. */
  kubectl(args: readonly string[], input?: string): ReturnType<typeof attempt> {
    const [program, ...before] = this.kubectlCommand;
    return attempt(program, [...before, ...args], { input });
  }

  /** How kubectl is run on this machine. */
  get kubectlCommand(): readonly [string, ...string[]] {
    return [this.props.programs.kubernetes, "kubectl", "--kubeconfig", this.kubeconfig];
  }

  get apiAddress(): string {
    return `${this.props.address}:${PORT}`;
  }

  get authority(): string {
    return this.props.authority.certificate;
  }

  get port(): number {
    return Number(PORT);
  }

  private kubeconfigFor(component: string): Promise<string> {
    return this.props.authority.kubeconfig(
      component,
      `https://127.0.0.1:${PORT}`,
      `system:${component}`,
      "cluster",
    );
  }

  private component(name: string, flags: Readonly<Record<string, string>>): Promise<StartedProcess> {
    const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    return this.run(name, this.props.programs.kubernetes, [name, ...args]);
  }

  private run(name: string, file: string, args: readonly string[]): Promise<StartedProcess> {
    const { ledger, namespace } = this.props;
    const log = join(this.directory, `${name}.log`);
    return startProcess(ledger, log, "nsenter", [`--net=/run/netns/${namespace}`, file, ...args]);
  }
}

const ETCD = "http://127.0.0.1:2379";
const PORT = "6443";
