import type { IConstruct } from "constructs";
import type { Block } from "../availability";
import type { HostProfilePart } from "./host-profile";

/** A machine with an operating system that Tricloud configures, or a group of machines that are all alike. */
export interface IHost extends IConstruct {
  /** Name of the machine or of the group. */
  readonly hostName: string;
  /** One availability block for each machine, its failure domains included. */
  readonly machines: readonly Block[];
  /**
   * How a Consul agent elsewhere finds this host: an address, or a cloud auto-join expression such as
   * `provider=aws tag_key=role tag_value=consul-server`.
   */
  readonly joinAddress: string;
  /**
   * Address the host's own services bind to and advertise: an IP address, or the go-sockaddr template
   * `{{ GetPrivateIP }}` where each machine of a group has its own.
   */
  readonly bindAddress: string;
  /** Adds to what the host holds. Throws when the part contradicts what another construct asked for. */
  addToProfile(part: HostProfilePart): void;
  /** Changes to this host are activated only after those to `other` are active and healthy. */
  activateAfter(other: IHost): void;
  /**
   * Changes to this host are activated before those to any host of `fellows`, which are all asked so, unless the command
   * succeeds on it: one that cannot do its part yet must not wait for others that wait for it. Hosts that come up all at
   * once have no such method.
   */
  activateFirst?(unless: string, fellows: readonly IHost[]): void;
}
