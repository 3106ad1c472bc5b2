import type { DedicatedRegionInput } from "../../../constructs/region";

/** A well-formed public key that belongs to no machine. */
export const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

/** Another of them. */
export const otherHostKey =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";

/** A valid region on three dedicated servers, with `changes` to it. */
export function dedicatedRegionValue(changes: Partial<DedicatedRegionInput> = {}): DedicatedRegionInput {
  return {
    name: "jp",
    platform: "dedicated",
    cidr: "10.10.0.0/16",
    servers: [
      { name: "jp-1", address: "10.10.0.11", hostKey, roles: ["consul-server", "proxy"] },
      { name: "jp-2", address: "10.10.0.12", hostKey, roles: ["consul-server", "proxy"] },
      { name: "jp-3", address: "10.10.0.13", hostKey, roles: ["consul-server", "app"] },
    ],
    proxy: { allow: ["*.example.com"] },
    dns: { forwarders: ["10.10.0.2"] },
    ...changes,
  };
}
