import type { DedicatedRegionInput } from "../../../../stacks/values/regions";

/** Well-formed public keys that belong to no machine, another one for each number. */
export function hostKeyOf(machine: number): string {
  const field = (content: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(content.length);
    return Buffer.concat([length, content]);
  };
  const key = Buffer.alloc(32);
  key.writeUInt32BE(machine);
  return `ssh-ed25519 ${Buffer.concat([field(Buffer.from("ssh-ed25519")), field(key)]).toString("base64")}`;
}

export const hostKey = hostKeyOf(1);
/** Another machine's. */
export const otherHostKey = hostKeyOf(1000);

/** A valid region on three dedicated servers, with `changes` to it. */
export function dedicatedRegionValue(changes: Partial<DedicatedRegionInput> = {}): DedicatedRegionInput {
  return {
    name: "jp",
    platform: "dedicated",
    cidr: "10.10.0.0/16",
    servers: [
      { name: "jp-1", address: "10.10.0.11", hostKey, roles: ["consul-server", "proxy"] },
      { name: "jp-2", address: "10.10.0.12", hostKey: hostKeyOf(2), roles: ["consul-server", "proxy"] },
      { name: "jp-3", address: "10.10.0.13", hostKey: hostKeyOf(3), roles: ["consul-server", "app"] },
    ],
    proxy: { allow: ["*.example.com"] },
    dns: { forwarders: ["10.10.0.2"] },
    ...changes,
  };
}

/** A second one, one of whose proxies is retired, with `changes` to it. */
export const westRegionValue = (changes: Partial<DedicatedRegionInput> = {}): DedicatedRegionInput => ({
  ...dedicatedRegionValue(),
  name: "west",
  cidr: "10.30.0.0/16",
  servers: [
    { name: "west-1", address: "10.30.0.11", hostKey: hostKeyOf(31), roles: ["consul-server", "proxy"] },
    { name: "west-2", address: "10.30.0.12", hostKey: hostKeyOf(32), roles: ["consul-server", "proxy"] },
    { name: "west-3", address: "10.30.0.13", hostKey: hostKeyOf(33), roles: ["consul-server", "app"] },
    { name: "west-4", address: "10.30.0.14", hostKey: hostKeyOf(34), roles: ["proxy"], retired: true },
  ],
  ...changes,
});
