import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { attempt, run, until } from "../command";
import { type Ledger } from "../ledger";
import { startProcess, type StartedProcess } from "../network";
import { identify, kill } from "../process-identity";
import { type NodeLink } from "./cluster-network";
import { containerdConfig } from "./containerd-config";
import { type ClusterAuthority } from "./credentials";
import { programFile } from "./program-file";

export interface ClusterNodeProps {
  readonly ledger: Ledger;
  readonly name: string;
  readonly zone: string;
  readonly link: NodeLink;
  readonly authority: ClusterAuthority;
  /** Where the API server answers. */
  readonly server: string;
  /** Where its pods ask for names: an address of its own. */
  readonly dnsAddress: string;
  /** Range of all pods' addresses. */
  readonly podRange: string;
  /** Project whose internal names its resolv.conf searches. */
  readonly project: string;
  /** Directories of its root file system, upper first. */
  readonly lower: string;
  readonly kubernetes: string;
  /** What its containerd begins with. */
  readonly images: string;
}

/** A node: containerd, kubelet and kube-proxy in network, process and mount namespaces of their own. */
export class ClusterNode {
  readonly name: string;
  readonly zone: string;
  readonly address: string;
  /** A pipe: the node takes the rules for packets to its pods from there. */
  readonly policies: string;
  private readonly directory: string;
  private process: StartedProcess | undefined;
  private readonly tags = new Map<string, string>();

  private constructor(private readonly props: ClusterNodeProps) {
    this.name = props.name;
    this.zone = props.zone;
    this.address = props.link.address;
    this.directory = join(props.ledger.directory, "nodes", props.name);
    this.policies = join(this.directory, "etc/policies");
  }

  /** Makes its files; it is not running yet. */
  static async create(props: ClusterNodeProps): Promise<ClusterNode> {
    const node = new ClusterNode(props);
    const { authority, server, name } = props;
    for (const made of ["storage", "root", "log", "etc/images", "disk"])
      mkdirSync(join(node.directory, made), { recursive: true });
    // What a persistent disk is elsewhere: it outlives the node, and whoever mounts it may write.
    chmodSync(join(node.directory, "disk"), 0o777);
    const kubelet = await authority.kubeconfig(
      `kubelet-${name}`,
      server,
      `system:node:${name}`,
      "system:nodes",
    );
    const proxy = await authority.kubeconfig(`proxy-${name}`, server, "system:kube-proxy", "cluster");
    for (const [file, content] of Object.entries({
      "containerd.toml": containerdConfig(),
      "kubelet.json": node.kubeletConfig(),
      "kubelet.kubeconfig": readFileSync(kubelet, "utf8"),
      "kube-proxy.json": node.proxyConfig(),
      "kube-proxy.kubeconfig": readFileSync(proxy, "utf8"),
      "authority.pem": readFileSync(authority.certificate, "utf8"),
      "cni.conflist": node.cniConfig(),
      "resolv.conf": `nameserver 169.254.169.254\nsearch c.${props.project}.internal google.internal\n`,
      "main.sh": node.main(),
      "image-tags": "",
    })) {
      writeFileSync(join(node.directory, "etc", file), content);
    }
    await run("mkfifo", [node.policies]);
    await node.makeCgroups();
    return node;
  }

  async start(): Promise<void> {
    const { ledger, link, lower, kubernetes, images } = this.props;
    await link.connect(true);
    this.process = await startProcess(ledger, join(this.directory, "log/init.log"), "env", [
      ...[`LOWER=${lower}`, `KUBERNETES=${kubernetes}`, `IMAGES=${images}`, "nsenter"],
      ...[`--net=/run/netns/${link.namespace}`, "unshare", "--mount", "--pid", "--fork", "--kill-child"],
      ...["sh", programFile("node-init.sh"), this.directory, "main.sh"],
    ]);
  }

  /** Ends the node as a power cut does: all of its processes at once, and its network. */
  async cutPower(): Promise<void> {
    await this.props.link.connect(false);
    const identity = this.process && identify(this.process.pid);
    if (identity !== undefined) kill(identity);
    await until(`node ${this.name} ended`, 10_000, async () => !this.process?.isRunning() || undefined);
  }

  /** Runs a program in the node's own namespaces. */
  async run(file: string, ...args: readonly string[]): Promise<string> {
    return run("nsenter", [...(await this.namespaces()), file, ...args]);
  }

  /** Gives images that the node has more names, which it keeps when it is started again. */
  async tagImages(tags: Readonly<Record<string, string>>): Promise<void> {
    const more = Object.entries(tags).filter(([tag]) => !this.tags.has(tag));
    if (more.length === 0) return;
    for (const [tag, image] of more) this.tags.set(tag, image);
    const lines = (entries: Iterable<readonly [string, string]>) =>
      [...entries].map(([tag, image]) => `${image} ${tag}\n`).join("");
    writeFileSync(join(this.directory, "etc/image-tags"), lines(this.tags));
    if (this.process?.isRunning() === true) await this.run("sh", "-euc", TAG_IMAGES);
  }

  /** Gives the node an image, which it keeps when it is started again. @param archive path on this machine */
  async importImage(archive: string): Promise<void> {
    const file = basename(archive);
    cpSync(archive, join(this.directory, "etc/images", file));
    await this.run("ctr", "-n", "k8s.io", "images", "import", `${ETC}/images/${file}`);
  }

  /** The first process inside: the only child of the one that was started. */
  private async namespaces(): Promise<string[]> {
    const parent = this.process?.pid;
    const { stdout } = await attempt("ps", ["-o", "pid=", "--ppid", String(parent)]);
    const pid = stdout.trim();
    if (parent === undefined || !/^\d+$/.test(pid)) throw new Error(`node ${this.name} is not running`);
    return ["-t", pid, "--mount", "--pid", "--net", "--root", "--wd"];
  }

  /** A cgroup of the node's own in each hierarchy, for the kubelet to put its pods' below. */
  private async makeCgroups(): Promise<void> {
    const root = "/sys/fs/cgroup";
    const hierarchies = existsSync(`${root}/cgroup.controllers`)
      ? [root]
      : readdirSync(root).map((name) => join(root, name));
    for (const hierarchy of hierarchies) {
      const path = join(hierarchy, this.cgroup);
      this.props.ledger.record({ kind: "cgroup", path });
      mkdirSync(path, { recursive: true });
      // A new cpuset is empty, and nothing can run in it.
      for (const file of ["cpuset.cpus", "cpuset.mems"]) {
        if (hierarchy === root || !existsSync(join(path, file))) continue;
        writeFileSync(join(path, file), readFileSync(join(hierarchy, file), "utf8"));
      }
    }
  }

  private get cgroup(): string {
    return `tricloud-${this.props.ledger.id}-${this.name}`;
  }

  private kubeletConfig(): string {
    return JSON.stringify({
      apiVersion: "kubelet.config.k8s.io/v1beta1",
      kind: "KubeletConfiguration",
      authentication: { anonymous: { enabled: false }, x509: { clientCAFile: `${ETC}/authority.pem` } },
      containerRuntimeEndpoint: "unix:///run/containerd/containerd.sock",
      clusterDNS: [this.props.dnsAddress],
      clusterDomain: "cluster.local",
      resolvConf: `${ETC}/resolv.conf`,
      cgroupDriver: "cgroupfs",
      cgroupRoot: `/${this.cgroup}`,
      enforceNodeAllocatable: [],
      failCgroupV1: false,
      failSwapOn: false,
      localStorageCapacityIsolation: false,
      // The machine's disk and memory are everybody's: a full one must not move the test's pods about.
      evictionHard: { "memory.available": "1Mi", "nodefs.available": "0%", "imagefs.available": "0%" },
      imageGCHighThresholdPercent: 100,
      imageGCLowThresholdPercent: 99,
    });
  }

  private proxyConfig(): string {
    return JSON.stringify({
      apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
      kind: "KubeProxyConfiguration",
      mode: "nftables",
      clusterCIDR: this.props.podRange,
      clientConnection: { kubeconfig: `${ETC}/kube-proxy.kubeconfig` },
      hostnameOverride: this.name,
      // These belong to the whole machine.
      conntrack: { maxPerCore: 0, min: 0 },
    });
  }

  /** Pods keep their own addresses wherever they go: policies and resolvers believe them. */
  private cniConfig(): string {
    const ranges = [[{ subnet: this.props.link.podCidr }]];
    // Not on a bridge: packets to pods of the same node are to meet its rules too.
    const routed = {
      ...{ type: "ptp", ipMasq: false },
      ipam: { type: "host-local", dataDir: "/run/cni", ranges, routes: [{ dst: "0.0.0.0/0" }] },
    };
    return JSON.stringify({
      cniVersion: "1.0.0",
      name: "pods",
      plugins: [routed, { type: "portmap", capabilities: { portMappings: true } }],
    });
  }

  /** What systemd does on a real node. */
  private main(): string {
    const { name, zone, link } = this.props;
    const labels = [
      `topology.kubernetes.io/zone=${zone}`,
      `topology.kubernetes.io/region=${zone.slice(0, -2)}`,
    ];
    const kubelet = [
      `--config=${ETC}/kubelet.json --kubeconfig=${ETC}/kubelet.kubeconfig`,
      `--hostname-override=${name} --node-ip=${link.address} --node-labels=${labels.join(",")}`,
    ];
    return `set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cp ${ETC}/resolv.conf /etc/resolv.conf
printf '127.0.0.1 localhost\\n%s %s\\n' ${link.address} ${name} >/etc/hosts
cp ${ETC}/cni.conflist /etc/cni/net.d/pods.conflist
# Still there when the node is started again.
ip address replace ${this.props.dnsAddress}/32 dev lo
keep() { log=/var/log/$1.log; shift; while :; do "$@" >>$log 2>&1 || sleep 1; done; }
keep containerd containerd --config ${ETC}/containerd.toml &
until ctr version >/dev/null 2>&1; do sleep 0.1; done
${IMPORT_IMAGES}
${TAG_IMAGES}
keep policies sh -c 'nft -f - <${ETC}/policies' &
keep kubelet kubernetes kubelet ${kubelet.join(" ")} &
keep kube-proxy kubernetes kube-proxy --config=${ETC}/kube-proxy.json &
while :; do wait; done
`;
  }
}

const ETC = "/etc/kubernetes";

/** An image that is pulled from nowhere would be missed for good, and containerd begins with the node's own alone. */
const IMPORT_IMAGES = `for archive in ${ETC}/images/*.tar; do [ ! -e "$archive" ] || ctr -n k8s.io images import "$archive"; done`;
const TAG_IMAGES = `while read -r image tag; do ctr -n k8s.io images tag --force "$image" "$tag"; done <${ETC}/image-tags`;
