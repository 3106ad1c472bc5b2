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
  /**
   * Runs a program on this host once it and all of `fellows` have what is delivered to them, and before any of them is
   * activated: none is when it fails. Hosts that come up by themselves have no such method.
   */
  runBeforeActivation?(run: RunBeforeActivation): void;
  /**
   * Has each new machine of the group find, before anything starts there, what operators have had kept for it under this
   * name. Hosts that stay as they are, and keep such things by themselves, have no such method.
   *
   * @param name lower-case letters, for example `drained`
   * @returns a directory with a file for each of these things
   */
  findKept?(name: string): string;
}

export interface RunBeforeActivation {
  /** Construct that the run is a part of; it stays the same run on another host. */
  readonly scope: IConstruct;
  /** Names it in that construct. */
  readonly id: string;
  /** A program among the host's files and its words: a path, and letters, digits and `._-`. */
  readonly command: string;
  /** It is run again once this is another, or it has failed. */
  readonly key: string;
  /** Hosts of which none is activated before it has succeeded. */
  readonly fellows: readonly IHost[];
}
