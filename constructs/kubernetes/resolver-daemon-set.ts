import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  DaemonSetV1,
  type DaemonSetV1SpecTemplateSpecContainer,
} from "@cdktf/provider-kubernetes/lib/daemon-set-v1";
import { ServiceV1 } from "@cdktf/provider-kubernetes/lib/service-v1";
import type { ITerraformDependable } from "cdktf";
import { Construct } from "constructs";
import { type Block, type HasAvailability, parallel } from "../availability";
import { unboundConf, type UnboundOptions } from "../dns";
import { textContent } from "../host";
import { ConfigFiles } from "./config-files";
import { IngressPolicy, METRICS_COLLECTORS } from "./ingress-policy";
import { labelsOf } from "./own-labels";
import { HARDENED_CONTAINER, HARDENED_POD } from "./pod-hardening";
import { type IWorkerZones } from "./worker-zones";

export interface ResolverDaemonSetProps {
  /** Namespace of its pods; `WorkloadNamespace` makes one that suits. */
  readonly namespace: string;
  /** Image that has `unbound` and `unbound-control` on its path. */
  readonly image: string;
  /** Nodes it runs on, by zone. */
  readonly workers: IWorkerZones;
  /** Address of the Service that answers, inside the cluster's range for Services. */
  readonly serviceAddress: string;
  /** Networks that may ask: those of the nodes and of the pods. */
  readonly clients: readonly string[];
  /** The oldest unbound release that the image may hold. @default "1.22" */
  readonly unboundRelease?: string;
  /** Image that has `node` on its path, for what tells its metrics. @default - nobody is told any */
  readonly metricsImage?: string;
  /** What it resolves and how. */
  readonly options: ResolverOptions;
}

/** What a resolver on a cluster is told of names; the rest follows from where it runs. */
export type ResolverOptions = Pick<
  UnboundOptions,
  "forwardZones" | "upstreams" | "proxySuffixes" | "staticRecords" | "privateNetworks"
>;

/** unbound on every node, behind one address that answers by UDP and TCP. */
export class ResolverDaemonSet extends Construct implements HasAvailability {
  /** Where it answers, port 53. */
  readonly serviceAddress: string;
  /** Any node's resolver answers for all. */
  readonly availability: Block;
  /** For what must wait until it answers. */
  readonly answering: readonly ITerraformDependable[];
  /** Where metrics are collected from; undefined where none are told. */
  readonly metrics:
    { readonly podLabels: Readonly<Record<string, string>>; readonly port: string } | undefined;

  constructor(scope: Construct, id: string, props: ResolverDaemonSetProps) {
    super(scope, id);
    const { namespace, clients } = props;
    this.serviceAddress = props.serviceAddress;
    const isMeasured = props.metricsImage !== undefined;
    this.metrics = isMeasured ? { podLabels: LABELS, port: "metrics" } : undefined;
    this.availability = parallel(...props.workers.zones);
    const conf = unboundConf({
      ...props.options,
      release: props.unboundRelease ?? "1.22",
      interfaces: ["0.0.0.0"],
      port: DNS_PORT,
      accessControl: clients.map((netblock) => ({ netblock, action: "allow" })),
      controlSocket: CONTROL_SOCKET,
      // The forwarder is on the node itself; a trust anchor would have to come with the image and be kept current.
      validate: false,
    });
    const files = new ConfigFiles(this, "files", {
      name: "resolver",
      namespace,
      files: {
        [CONF_FILE]: textContent(conf),
        ...(isMeasured && { [METRICS_FILE]: textContent(readFileSync(METRICS_PROGRAM, "utf8")) }),
      },
    });
    this.answering = [this.addDaemonSet(props, files.configMapName), this.addService(namespace)];
    new IngressPolicy(this, "ingress", {
      name: "resolver",
      namespace,
      podLabels: LABELS,
      // Nodes ask too, and no policy can name them: who may ask is for unbound itself to say.
      allow: [
        { from: [{ anywhere: true }], tcp: [DNS_PORT], udp: [DNS_PORT] },
        ...(isMeasured ? [{ from: [METRICS_COLLECTORS], tcp: [METRICS_PORT] }] : []),
      ],
    });
  }

  private addDaemonSet(
    { namespace, image, metricsImage }: ResolverDaemonSetProps,
    configMap: string,
  ): DaemonSetV1 {
    return new DaemonSetV1(this, "daemon-set", {
      metadata: { name: "resolver", namespace, labels: LABELS },
      spec: {
        selector: { matchLabels: LABELS },
        // The new one is up before the old one goes.
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "1", maxUnavailable: "0" } },
        template: {
          metadata: { labels: LABELS },
          spec: {
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            // Its own look-ups must not come back to it.
            dnsPolicy: "Default",
            securityContext: HARDENED_POD,
            toleration: [{ operator: "Exists" }],
            container: [
              this.container(image),
              ...(metricsImage === undefined ? [] : [metricsContainer(metricsImage)]),
            ],
            volume: [
              { name: "files", configMap: { name: configMap } },
              { name: "run", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
            ],
          },
        },
      },
    });
  }

  private container(image: string): DaemonSetV1SpecTemplateSpecContainer {
    const conf = `${FILES}/${CONF_FILE}`;
    const probe = { exec: { command: ["unbound-control", "-c", conf, "status"] }, timeoutSeconds: 2 };
    return {
      name: "unbound",
      image,
      imagePullPolicy: "IfNotPresent",
      command: ["unbound", "-d", "-p", "-c", conf],
      port: [
        { name: "dns", containerPort: DNS_PORT, protocol: "UDP" },
        { name: "dns-tcp", containerPort: DNS_PORT, protocol: "TCP" },
      ],
      startupProbe: { ...probe, periodSeconds: 1, failureThreshold: 30 },
      livenessProbe: { ...probe, periodSeconds: 10, failureThreshold: 3 },
      readinessProbe: { ...probe, periodSeconds: 2, failureThreshold: 2 },
      resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "256Mi" } },
      securityContext: HARDENED_CONTAINER,
      volumeMount: [
        { name: "files", mountPath: FILES, readOnly: true },
        { name: "run", mountPath: RUN },
      ],
    };
  }

  private addService(namespace: string): ServiceV1 {
    return new ServiceV1(this, "service", {
      metadata: { name: "resolver", namespace, labels: LABELS },
      spec: {
        type: "ClusterIP",
        clusterIp: this.serviceAddress,
        // Who asks is on a node that has one: a lost node takes nobody's questions along but its own.
        internalTrafficPolicy: "Local",
        selector: LABELS,
        port: [
          { name: "dns", port: 53, targetPort: "dns", protocol: "UDP" },
          { name: "dns-tcp", port: 53, targetPort: "dns-tcp", protocol: "TCP" },
        ],
      },
    });
  }
}

/** Asks unbound by its control socket, which the containers of the pod share. */
const metricsContainer = (image: string): DaemonSetV1SpecTemplateSpecContainer => ({
  name: "metrics",
  image,
  imagePullPolicy: "IfNotPresent",
  command: [
    "node",
    "--max-old-space-size=32",
    `${FILES}/${METRICS_FILE}`,
    CONTROL_SOCKET,
    String(METRICS_PORT),
  ],
  port: [{ name: "metrics", containerPort: METRICS_PORT, protocol: "TCP" }],
  resources: { requests: { cpu: "5m", memory: "48Mi" }, limits: { memory: "128Mi" } },
  securityContext: HARDENED_CONTAINER,
  volumeMount: [
    { name: "files", mountPath: FILES, readOnly: true },
    { name: "run", mountPath: RUN },
  ],
});

const LABELS = labelsOf("resolver");
/** Above 1023, so that no right is needed to bind it. */
const DNS_PORT = 5353;
const FILES = "/etc/unbound";
const RUN = "/run/unbound";
const CONF_FILE = "unbound.conf";
const CONTROL_SOCKET = `${RUN}/control.sock`;
const METRICS_FILE = "resolver-metrics.mjs";
const METRICS_PROGRAM = join(__dirname, METRICS_FILE);
/** What unbound's exporters have by custom. */
const METRICS_PORT = 9167;
