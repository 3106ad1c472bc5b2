import { Cidr } from "../../constructs/grammar/cidr";
import type { Answers, Platform } from "./questions";

/** A region value of answers, right or wrong: what is not answered is not there. */
export function regionValue(platform: Platform, answers: Answers): Record<string, unknown> {
  const one = (name: string): string | undefined => answers[name]?.[0];
  const origins = answers["origin"];
  const shared = {
    name: one("name"),
    platform,
    cidr: one("cidr"),
    proxy: origins === undefined ? undefined : { allow: origins },
  };
  switch (platform) {
    case "dedicated":
      return {
        ...shared,
        servers: serversOf(answers["server"] ?? [], answers["host-key"] ?? []),
        dns: { forwarders: answers["forwarder"] },
      };
    case "ec2":
      return {
        ...shared,
        awsRegion: one("aws-region"),
        availabilityZones: answers["zone"],
        image: one("image"),
        architecture: /-arm64-/.test(one("image") ?? "") ? "arm64" : undefined,
        // Each VPC has its own resolver at this address.
        dns: { forwarders: ["169.254.169.253"] },
      };
    case "gke":
      return {
        ...shared,
        project: one("project"),
        gcpRegion: one("gcp-region"),
        zones: answers["zone"],
        ranges: rangesOf(one("cidr") ?? ""),
        // Compute Engine's own resolver.
        dns: { forwarders: ["169.254.169.254"] },
      };
  }
}

/** Consul on the first three, proxies on two of them, applications on the third and all others. */
function serversOf(servers: readonly string[], hostKeys: readonly string[]): unknown[] {
  return servers.map((text, index) => {
    const [, name, address] = /^([^=]*)=(.*)$/s.exec(text) ?? [undefined, text];
    const roles = index < 2 ? ["consul-server", "proxy"] : index === 2 ? ["consul-server", "app"] : ["app"];
    return { name, address, hostKey: hostKeys[index], roles };
  });
}

/** Half of the network for pods, a sixteenth each for the rest. Of a network that is none, or too small, nothing. */
function rangesOf(text: string): Record<string, string> | undefined {
  const network = Cidr.parse(text);
  if (network === undefined || network.prefixLength > 24) return undefined;
  const sixteenth = network.prefixLength + 4;
  const part = (prefixLength: number, n: number): string => network.subnet(prefixLength, n).toString();
  return {
    nodes: part(sixteenth, 0),
    services: part(sixteenth, 1),
    controlPlane: part(28, 2 * 2 ** (28 - sixteenth)),
    data: part(sixteenth, 3),
    pods: part(network.prefixLength + 1, 1),
  };
}
