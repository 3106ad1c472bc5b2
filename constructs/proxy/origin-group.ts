import { DEFINITIONS } from "../../proxy/options/options";
import { type GroupOptions } from "../../proxy/options/group-options";
import { readGroups } from "../../proxy/options/group-values";
import {
  type Block,
  blockOf,
  type BlockSource,
  type HasFailover,
  parallel,
  series,
  type Switching,
  type SwitchingCost,
  switchingFrom,
} from "../availability";
import { type ProxyGroups } from "./proxy-groups";
import { type ProxySettings } from "./proxy-settings";

/**
 * What a group of origins promises: one of them is enough, less what it costs that the proxy must find out that one has
 * failed. By preference that is a failure of the first alone; by weight each carries a part.
 *
 * @param origins what each promises, in the group's order; where services of other stacks are among those that carry
 *   requests, what moving from them costs is added once these are known
 * @param settings the proxy's, whose `proxyReadTimeout` bounds an answer where the group does not
 * @param region whose proxies ask it. @default - the name alone tells groups apart
 * @param proxies that ask it, for origins that may fall with them. @default - origins fall by themselves
 */
export function originGroup(
  name: string,
  group: ProxyGroups[string],
  origins: readonly BlockSource[],
  settings: ProxySettings = {},
  region?: string,
  proxies: readonly BlockSource[] = [],
): HasFailover {
  const blocks = origins.map(blockOf);
  const whole = parallel(...blocks);
  if (blocks.length < 2) return { availability: whole, failover: undefined };
  const called = `origins of ${name}${region === undefined ? "" : ` in ${region}`}`;
  const switching = switchingOf(name, group, settings);
  const isWeighted = grammarOf(name, group).origins.some(({ weight }) => weight !== undefined);
  const carrying = isWeighted ? blocks : blocks.slice(0, 1);
  const elsewhere = carrying.flatMap(servicesElsewhere);
  const cost: SwitchingCost =
    elsewhere.length > 0
      ? { parts: [], times: undefined, unknown: elsewhere }
      : switchingFrom(called, carrying, switching, { by: proxies.map(blockOf) });
  return {
    availability: cost.parts.length === 0 ? whole : series(whole, ...cost.parts),
    failover: { name: called, switching, cost, ...(elsewhere.length > 0 ? { from: carrying } : {}) },
  };
}

/** Services of other stacks that stand in a block, as `STACK/SERVICE`. */
function servicesElsewhere(block: Block): string[] {
  switch (block.type) {
    case "component":
      return [];
    case "remote":
      return [`${block.stack}/${block.service}`];
    default:
      return block.blocks.flatMap(servicesElsewhere);
  }
}

/** A request that meets a failed origin waits for a connection, then for a byte, and is sent to the next one. */
function switchingOf(
  name: string,
  group: ProxyGroups[string],
  { proxyReadTimeout }: ProxySettings,
): Switching {
  const { connectTimeout, firstByteTimeout } = grammarOf(name, group);
  const { initial, read } = DEFINITIONS.proxyReadTimeout;
  const answer =
    firstByteTimeout > 0
      ? firstByteTimeout
      : Number(typeof proxyReadTimeout === "string" ? read(proxyReadTimeout) : (proxyReadTimeout ?? initial));
  return {
    seconds: connectTimeout + answer,
    source: `the proxy waits ${connectTimeout} s for a connection and ${answer} s for an answer, then asks the next origin`,
  };
}

/** The group as the proxy reads it. */
function grammarOf(name: string, group: ProxyGroups[string]): GroupOptions {
  const [read] = readGroups({ [name]: group });
  return read!;
}
