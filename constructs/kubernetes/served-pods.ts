import { ServiceV1 } from "@cdktf/provider-kubernetes/lib/service-v1";
import { Construct } from "constructs";
import {
  type Block,
  type BlockSource,
  blockOf,
  type Failover,
  type HasFailover,
  type HasInstances,
  servicePool,
  type Switching,
} from "../availability";
import type { ConsulChart } from "./consul-chart";
import { labelsOf } from "./own-labels";
import { podSwitching } from "./pod-switching";
import { type IWorkerZones, spreadOver } from "./worker-zones";

/** Name of the port that takes requests, of pods and of their Service. */
export const REQUESTS_PORT = "http";
/** Name of the port of a Service that takes calls of gRPC. */
const CALLS_PORT = "grpc";

export interface ServedPodsProps {
  /** Of their objects. */
  readonly name: string;
  readonly namespace: string;
  /** Name under which service discovery knows them. */
  readonly serviceName: string;
  /** Port that takes requests. */
  readonly port: number;
  /**
   * Port of the Service, by which load balancers speak HTTP/2 to the port of the pods that takes requests. @default - none
   */
  readonly callsPort?: number;
  /** Nodes that they run on, by zone. */
  readonly workers: IWorkerZones;
  /** Pods that always run. */
  readonly count: number;
}

/** Pods that take requests, any of which can answer: their Service, and how others find them and leave lost ones. */
export abstract class ServedPods extends Construct implements HasInstances, HasFailover {
  /** Name under which service discovery knows it, once registered. */
  readonly serviceName: string;
  /** Port on which it takes requests. */
  readonly port: number;
  /** Labels that only its pods have. */
  readonly podLabels: Readonly<Record<string, string>>;
  /** The zones that its pods are spread over. */
  readonly instances: readonly BlockSource[];
  private readonly service: ServiceV1;
  private switching: Switching | undefined;

  constructor(
    scope: Construct,
    id: string,
    private readonly served: ServedPodsProps,
  ) {
    super(scope, id);
    const { name, namespace, serviceName, port, callsPort, workers, count } = served;
    this.serviceName = serviceName;
    this.port = port;
    this.podLabels = labelsOf(name);
    this.instances = [...new Set(spreadOver(workers, count))];
    this.service = new ServiceV1(this, "service", {
      metadata: { name, namespace, labels: this.podLabels },
      spec: {
        type: "ClusterIP",
        selector: this.podLabels,
        port: [
          { name: REQUESTS_PORT, port, targetPort: REQUESTS_PORT, protocol: "TCP" },
          ...(callsPort === undefined
            ? []
            : [
                {
                  ...{ name: CALLS_PORT, port: callsPort, targetPort: REQUESTS_PORT, protocol: "TCP" },
                  // By prior knowledge, without TLS.
                  appProtocol: "kubernetes.io/h2c",
                },
              ]),
        ],
      },
    });
  }

  /** Works while one zone has a pod; names of a lost node's pods take their time to go once they are registered. */
  get availability(): Block {
    return this.pool.availability;
  }

  get failover(): Failover | undefined {
    return this.pool.failover;
  }

  private get pool() {
    return servicePool(this, this.instances.map(blockOf), this.switching);
  }

  /** Makes each ready pod known to service discovery by its own address. */
  registerWith(consul: ConsulChart): void {
    const { name, namespace } = this.served;
    this.switching = podSwitching(consul.serviceTtlSeconds(this.serviceName));
    this.service.putMetadata({
      ...{ name, namespace, labels: this.podLabels },
      annotations: { ...consul.registration(this.serviceName, REQUESTS_PORT) },
    });
  }
}
