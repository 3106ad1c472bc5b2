import { z } from "zod";
import type { HostRole } from "./dedicated-region";
import { Cidr } from "./cidr";
import { consulServersProblem, cidr, sharedFields } from "./region";

const awsRegion = z
  .string({ error: "expected an AWS region such as us-east-1" })
  .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, {
    error: "expected an AWS region such as us-east-1",
  });

const availabilityZone = z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/, {
  error: "expected an availability zone such as us-east-1a",
});

const instanceType = z.string().regex(/^[a-z][a-z0-9-]*\.[a-z0-9-]+$/, {
  error: "expected an EC2 instance type such as t3.small",
});

const imageId = z.string().regex(/^ami-[0-9a-f]{8,17}$/, {
  error: "expected an image id such as ami-0123456789abcdef0",
});

/** Largest group: one instance refresh replaces it in reasonable time, and its Consul gossip pool stays one. */
const MOST_INSTANCES = 100;

const group = (instanceTypeByDefault: string) =>
  z.strictObject({
    count: z.int().min(1).max(MOST_INSTANCES).default(3),
    instanceType: instanceType.default(instanceTypeByDefault),
    diskGib: z.int().min(8).max(16384).default(16),
  });

const servers = z.strictObject({
  "consul-server": group("t3.small").prefault({}),
  proxy: group("t3.small").prefault({}),
  app: group("t3.small").prefault({}),
} satisfies Record<HostRole, unknown>);

/** A region on EC2: a VPC of its own over several availability zones, one auto-scaling group for each role. */
export const ec2Region = z
  .strictObject({
    ...sharedFields,
    platform: z.literal("ec2"),
    awsRegion,
    /** Zones the region spreads over; what needs a quorum needs three. */
    availabilityZones: z
      .array(availabilityZone)
      .min(2, { error: "expected at least two availability zones" })
      .max(4, { error: "expected at most four availability zones" }),
    /** One NAT gateway for all zones is cheaper; one per zone does not fall with another zone. */
    nat: z.enum(["single", "per-zone"], { error: 'expected "single" or "per-zone"' }).default("per-zone"),
    architecture: z.enum(["x86_64", "arm64"], { error: 'expected "x86_64" or "arm64"' }).default("x86_64"),
    /** Debian 13 image. @default - the newest that Debian publishes for the architecture */
    imageId: imageId.optional(),
    servers: servers.prefault({}),
    /** Networks that the servers of `consul.peers` live in: let in for gossip between datacenters. */
    consulWanNetworks: z.array(cidr).default([]),
  })
  .superRefine((region, context) => {
    region.availabilityZones.forEach((zone, index) => {
      if (!zone.startsWith(region.awsRegion) || zone.length !== region.awsRegion.length + 1) {
        context.addIssue({
          code: "custom",
          path: ["availabilityZones", index],
          message: `expected a zone of ${region.awsRegion}`,
        });
      }
      if (region.availabilityZones.indexOf(zone) !== index) {
        context.addIssue({
          code: "custom",
          path: ["availabilityZones", index],
          message: "expected a zone that is not in the list already",
        });
      }
    });
    if (Object.keys(region.consul.peers).length > 0 && region.consulWanNetworks.length === 0) {
      context.addIssue({
        code: "custom",
        path: ["consulWanNetworks"],
        message: "expected the networks of the datacenters in consul.peers, which could not get in otherwise",
      });
    }
    const network = Cidr.parse(region.cidr);
    const prefixLength = Number(region.cidr.split("/")[1]);
    if (network !== undefined && (prefixLength < 16 || prefixLength > 24)) {
      context.addIssue({
        code: "custom",
        path: ["cidr"],
        message: "expected a network of /16 to /24, which a VPC can hold and twelve subnets fit in",
      });
    }
    const { count } = region.servers["consul-server"];
    const message = consulServersProblem(count, region.consul.singleServer);
    if (message !== undefined) {
      context.addIssue({ code: "custom", path: ["servers", "consul-server", "count"], message });
    }
  });

export type Ec2RegionInput = z.input<typeof ec2Region>;
export type Ec2Region = z.output<typeof ec2Region>;
