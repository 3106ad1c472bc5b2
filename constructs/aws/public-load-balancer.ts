import { Lb } from "@cdktf/provider-aws/lib/lb";
import { LbListener } from "@cdktf/provider-aws/lib/lb-listener";
import { LbListenerCertificate } from "@cdktf/provider-aws/lib/lb-listener-certificate";
import { LbTargetGroup } from "@cdktf/provider-aws/lib/lb-target-group";
import { Construct } from "constructs";
import { type Block, type HasAvailability, slaComponent, type Switching } from "../availability";
import type { HasTopology, TopologyElement } from "../topology";
import { AccessLogBucket } from "./access-log-bucket";
import { EdgePolicy } from "./edge-policy";
import { Firewall, tcp } from "./firewall";
import { hostRules, type LoadBalancerRoute } from "./listener-rules";
import { checkLoadBalancerName } from "./load-balancer-name";
import type { INetwork } from "./network";
import type { Alarm, HasAlarms } from "./pager";
import type { ServerGroup } from "./server-group";

export interface PublicLoadBalancerProps {
  /** Names the load balancer, for example `us-app`. At most 32 characters. */
  readonly name: string;
  /** A network with public subnets in at least two zones. */
  readonly network: INetwork;
  /** Certificate for the names that lead here. */
  readonly certificateArn: string;
  /** Certificates for further names, by what each is called. @default - none */
  readonly otherCertificateArns?: Readonly<Record<string, string>>;
  /** What goes elsewhere than `to`, by host and path: of several that fit, to the one with the longest path. @default - nothing */
  readonly routes?: readonly LoadBalancerRoute[];
  /** Hosts of which only what `routes` say leads anywhere; the rest is answered 404. @default - none */
  readonly closedHosts?: readonly string[];
  /** Machines that requests go to. */
  readonly to: ServerGroup;
  /** What takes the requests there, as pictures call it. @default - an application without a name */
  readonly application?: string;
  /** Port on which the machines take plain HTTP. */
  readonly targetPort: number;
  /** Path that answers 200 while a machine can take requests. */
  readonly healthPath: string;
  /**
   * Whether an application serves on the machines: only then are machines that fail the check replaced, and people told
   * of unhealthy machines and failed requests.
   * @default true
   */
  readonly serving?: boolean;
  /** Time that requests of a machine on its way out are given to end. @default 40 */
  readonly drainSeconds?: number;
  /** Requests a minute from one address, beyond which it is refused for a while. @default 600 */
  readonly requestsPerMinute?: number;
  /** What is done about requests that look like attacks; see `EdgePolicy`. @default "report" */
  readonly attacks?: "report" | "refuse";
  /** How long it is kept who asked for what. @default 90 */
  readonly accessLogDays?: number;
  /** Refuse to destroy it, and its access logs. @default true */
  readonly deletionProtection?: boolean;
}

/** The one thing of a region that the internet reaches: HTTPS, spread over a group's machines in all zones. */
export class PublicLoadBalancer extends Construct implements HasAvailability, HasAlarms, HasTopology {
  readonly availability: Block;
  /** How long requests go on being sent to a machine that failed. */
  readonly switching: Switching = {
    seconds: CHECKS.intervalSeconds * CHECKS.failures + CHECKS.timeoutSeconds,
    // A machine that is down fails its checks.
    coverage: 1,
    source: `checked every ${CHECKS.intervalSeconds} s for up to ${CHECKS.timeoutSeconds} s, ${CHECKS.failures} must fail`,
  };
  readonly topology: readonly TopologyElement[];
  /** Name that the load balancer itself has. */
  readonly dnsName: string;
  /** Route 53's own zone for it, which aliases name. */
  readonly hostedZoneId: string;
  /** What it refuses before anything of ours sees it. */
  readonly policy: EdgePolicy;
  /** Name of the bucket that keeps who asked for what. */
  readonly accessLogBucketName: string;
  readonly alarms: readonly Alarm[];

  /**
   * @throws Error for a name, host or path that AWS would refuse, a health path without a leading slash, or a network of
   *   one zone or with a zone without a public subnet
   */
  constructor(scope: Construct, id: string, props: PublicLoadBalancerProps) {
    super(scope, id);
    const { name, network, to, targetPort, healthPath, drainSeconds = 40, deletionProtection = true } = props;
    const { serving = true, routes = [], closedHosts = [] } = props;
    checkLoadBalancerName(name);
    for (const each of [healthPath, ...routes.map((route) => route.healthPath)]) {
      if (each.startsWith("/")) continue;
      throw new Error(`load balancer ${name}: healthPath must start with /, got: ${JSON.stringify(each)}`);
    }
    const firewall = new Firewall(this, "firewall", {
      network,
      name: `${name}-public`,
      description: `Public load balancer ${name}`,
      outbound: false,
    });
    firewall.allowFrom(ANYWHERE, tcp(443), "Clients");
    firewall.allowFrom(ANYWHERE, tcp(80), "Clients that are sent on to HTTPS");
    for (const { to: group, port, healthPort = port } of [
      { to, port: targetPort } as Pick<LoadBalancerRoute, "to" | "port" | "healthPort">,
      ...routes,
    ]) {
      for (const each of new Set([port, healthPort])) {
        firewall.allowTo(group.firewall, tcp(each), "Machines behind it");
        group.firewall.allowFrom(firewall, tcp(each), "Public load balancer");
      }
    }

    const logs = new AccessLogBucket(this, "access-logs", {
      namePrefix: `${name.toLowerCase().slice(0, 29)}-access-`,
      days: props.accessLogDays,
      deletionProtection,
    });
    const balancer = new Lb(this, "load-balancer", {
      name,
      internal: false,
      loadBalancerType: "application",
      subnets: publicSubnets(network, name),
      securityGroups: [firewall.securityGroupId],
      dropInvalidHeaderFields: true,
      desyncMitigationMode: "strictest",
      accessLogs: { enabled: true, bucket: logs.bucketName },
      enableDeletionProtection: deletionProtection,
      lifecycle: { preventDestroy: deletionProtection },
      dependsOn: [...logs.ready],
    });
    const { requestsPerMinute, attacks } = props;
    this.policy = new EdgePolicy(this, "policy", {
      ...{ name, loadBalancerArn: balancer.arn, requestsPerMinute, attacks },
    });
    this.accessLogBucketName = logs.bucketName;
    this.dnsName = balancer.dnsName;
    this.hostedZoneId = balancer.zoneId;
    const targetsOf = (id: string, { called, port, path, healthPort, grpc = false }: TargetsProps) =>
      new LbTargetGroup(this, id, {
        // The provider ends the name, so that a changed list never meets its old self.
        namePrefix: called.slice(0, 6),
        vpcId: network.vpcId,
        protocol: "HTTP",
        // As HTTP2 it would have a call whole before it goes on to a machine ("does not support streaming to the targets").
        ...(grpc ? { protocolVersion: "GRPC" } : {}),
        port,
        targetType: "instance",
        deregistrationDelay: String(drainSeconds),
        loadBalancingAlgorithmType: "least_outstanding_requests",
        healthCheck: {
          enabled: true,
          protocol: "HTTP",
          path,
          ...(healthPort === undefined ? {} : { port: String(healthPort) }),
          // A status of gRPC, or of HTTP.
          matcher: grpc ? "0" : "200",
          interval: CHECKS.intervalSeconds,
          timeout: CHECKS.timeoutSeconds,
          healthyThreshold: 2,
          unhealthyThreshold: CHECKS.failures,
        },
        tags: { Name: id === "targets" ? name : `${name}-${called}${grpc ? "-calls" : ""}` },
        lifecycle: { createBeforeDestroy: true },
      });
    const targets = targetsOf("targets", { called: name, port: targetPort, path: healthPath });
    const listener = new LbListener(this, "https", {
      loadBalancerArn: balancer.arn,
      protocol: "HTTPS",
      port: 443,
      sslPolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06",
      certificateArn: props.certificateArn,
      defaultAction: [{ type: "forward", targetGroupArn: targets.arn }],
    });
    new LbListener(this, "http", {
      loadBalancerArn: balancer.arn,
      protocol: "HTTP",
      port: 80,
      defaultAction: [
        { type: "redirect", redirect: { protocol: "HTTPS", port: "443", statusCode: "HTTP_301" } },
      ],
    });
    for (const [called, certificateArn] of Object.entries(props.otherCertificateArns ?? {})) {
      new LbListenerCertificate(this, `certificate-${called}`, { listenerArn: listener.arn, certificateArn });
    }
    to.addToTargetGroup({
      arn: targets.arn,
      after: [listener, ...firewall.rules],
      replaceUnhealthy: serving,
    });
    const routed = routes.map((route) => {
      const { service: called, port, healthPath: path, healthPort, grpc } = route;
      return {
        ...route,
        targets: targetsOf(`targets-${called}`, { called, port, path, healthPort }),
        calls: grpc
          ? targetsOf(`calls-${called}`, { called, port, path: GRPC_HEALTH_CHECK, healthPort, grpc })
          : undefined,
      };
    });
    const rules = hostRules(this, {
      ...{ loadBalancer: name, listenerArn: listener.arn, closedHosts },
      routes: routed.map(({ targets: { arn }, calls, ...route }) => ({
        ...{ ...route, targetGroupArn: arn, callsTargetGroupArn: calls?.arn },
      })),
    });
    for (const { service, to: group, targets: own, calls } of routed) {
      // Machines on a list that no rule leads to are never checked.
      group.addToTargetGroup({ arn: own.arn, after: [...rules[service]!.requests, ...firewall.rules] });
      if (calls !== undefined)
        group.addToTargetGroup({ arn: calls.arn, after: [...rules[service]!.calls, ...firewall.rules] });
    }
    this.topology = [
      ...[...new Set([to, ...routes.map((route) => route.to)])].map(
        ({ hostName }) =>
          ({
            kind: "entrance",
            name,
            type: "public application load balancer",
            to: hostName,
            port: 443,
          }) as const,
      ),
      {
        kind: "workload",
        role: "application",
        name: props.application,
        on: [to.hostName],
        port: targetPort,
      },
    ];
    this.availability = slaComponent(`aws/${network.awsRegion}/load-balancer/${name}`, "aws.elb", {
      zones: network.zones.length,
    });
    const judged = [
      ...(serving ? [{ called: name, targetGroup: targets.arnSuffix }] : []),
      ...routed.flatMap(({ service, targets: own, calls }) => [
        { called: `${name}-${service}`, targetGroup: own.arnSuffix },
        ...(calls === undefined
          ? []
          : [{ called: `${name}-${service}-calls`, targetGroup: calls.arnSuffix }]),
      ]),
    ];
    this.alarms = judged.length === 0 ? [] : alarmsOf(name, balancer.arnSuffix, judged);
  }
}

/** A list of machines. */
interface TargetsProps {
  readonly called: string;
  readonly port: number;
  /** What is asked for health: a path, or of a list for calls a method of gRPC. */
  readonly path: string;
  readonly healthPort?: number;
  /** What goes there are calls of gRPC. @default false */
  readonly grpc?: boolean;
}

/** AWS asks machines that take calls for health by a call, and looks at its status. */
const GRPC_HEALTH_CHECK = "/grpc.health.v1.Health/Check";

/** How a machine is found out to be down. */
const CHECKS = { intervalSeconds: 10, timeoutSeconds: 5, failures: 2 };

const ANYWHERE = "0.0.0.0/0";

function publicSubnets(network: INetwork, name: string): string[] {
  if (network.zones.length < 2) {
    throw new Error(
      `load balancer ${name}: expected a network of at least two zones, got: ${network.zones.length}`,
    );
  }
  return network.zones.map(({ name: zone, publicSubnetId }) => {
    if (publicSubnetId === undefined) {
      throw new Error(
        `load balancer ${name}: expected a network with a public subnet in zone ${zone}, got: none`,
      );
    }
    return publicSubnetId;
  });
}

/** @param judged lists whose machines an application serves on */
function alarmsOf(
  name: string,
  loadBalancer: string,
  judged: readonly { readonly called: string; readonly targetGroup: string }[],
): Alarm[] {
  const namespace = "AWS/ApplicationELB";
  return [
    ...judged.map(({ called, targetGroup }): Alarm => ({
      name: `${called}-unhealthy-machines`,
      what: `Machines behind ${called} fail their health check`,
      namespace,
      metric: "UnHealthyHostCount",
      dimensions: { LoadBalancer: loadBalancer, TargetGroup: targetGroup },
      statistic: "Maximum",
      when: { above: 0 },
      minutes: 5,
    })),
    {
      name: `${name}-refused-requests`,
      what: `${name} found no machine to answer, or none in time`,
      namespace,
      metric: "HTTPCode_ELB_5XX_Count",
      dimensions: { LoadBalancer: loadBalancer },
      statistic: "Sum",
      when: { above: 10 },
      minutes: 3,
    },
    {
      name: `${name}-failed-requests`,
      what: `Machines behind ${name} answer requests with errors`,
      namespace,
      metric: "HTTPCode_Target_5XX_Count",
      dimensions: { LoadBalancer: loadBalancer },
      statistic: "Sum",
      when: { above: 10 },
      minutes: 5,
    },
  ];
}
