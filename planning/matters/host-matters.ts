import { takesRestart } from "../../constructs/proxy/proxy-config";
import { type ResourceChange } from "../plan/plan-json";
import {
  type Change,
  changedVersions,
  type Contents,
  fileChange,
  type HeldService,
  packageChanges,
  serviceName,
  shortName,
} from "./contents";
import { type StackHost } from "./stack-hosts";
import { type Matter, turnsOf } from "./matter";

/**
 * What a plan does to dedicated servers. What changes is told by the digests in the plan; the texts come from what the
 * hosts shall hold and held.
 *
 * @param before what a host held, by its name; hosts of which it is not known are told of by digests alone
 */
export function hostMatters(
  hosts: readonly StackHost[],
  changes: readonly ResourceChange[],
  before: ReadonlyMap<string, Contents>,
): Matter[] {
  const delivered = hosts.flatMap((host) => {
    const change = changes.find(({ address }) => address === host.delivery);
    return change === undefined || !isDelivered(change) ? [] : [{ host, change }];
  });
  const turns = turnsOf(delivered.map(({ host }) => host.turn));
  return delivered
    .sort((one, other) => one.host.turn - other.host.turn)
    .map(({ host, change }) => {
      const held = before.get(host.name);
      const isNew = change.change.actions.length === 1;
      const turn = { what: "batch", number: turns.get(host.turn) ?? 1, of: turns.size } as const;
      if (isNew) return { place: host.name, changes: [settingUp(host.contents)], effects: [], turn };
      const named = changedNames(change);
      const moved = new Set(held && changedVersions(held.packages, host.contents.packages));
      const affected = host.contents.services.filter(
        ({ name, reads, runs }) =>
          named.has(name) || reads.some((path) => named.has(path)) || runs.some((one) => moved.has(one)),
      );
      const isReloaded = ({ reloads, reads, reloadsFor = reads, runs }: HeldService) =>
        reloads &&
        !runs.some((one) => moved.has(one)) &&
        reads.every(
          (path) => !named.has(path) || (reloadsFor.includes(path) && !restarts(path, held, host.contents)),
        );
      const starts = (name: string) => named.get(name) === "new";
      const removed = [...named].flatMap(([name, how]) => (isUnit(name) && how === "gone" ? [name] : []));
      return {
        place: host.name,
        changes: changesOf(named, held, host.contents),
        effects: [
          ...affected.map(
            (service) =>
              `${serviceName(service.name)} ${starts(service.name) ? "starts" : isReloaded(service) ? "reloads" : "restarts"}`,
          ),
          ...removed.map((name) => `${serviceName(name)} stops`),
        ],
        turn,
        atLeastSeconds: leastSeconds(
          affected
            .filter((service) => !isReloaded(service) && !starts(service.name))
            .map(({ reads }) => reads),
          held ?? host.contents,
        ),
      };
    });
}

/** Whether a change of the proxy's configuration is one that it takes a restart for, where both texts are known. */
function restarts(path: string, before: Contents | undefined, after: Contents): boolean {
  if (!path.endsWith("/proxy.json")) return false;
  const [old, wanted] = [before?.files.get(path)?.text, after.files.get(path)?.text];
  return old !== undefined && wanted !== undefined && takesRestart(old, wanted);
}

const isDelivered = ({ change: { actions } }: ResourceChange): boolean => actions.includes("create");

const settingUp = ({ files, packages, services }: Contents): Change => ({
  what:
    `is set up: ${files.size} files, packages ${packages.join(", ")}, ` +
    `services ${services.map(({ name }) => serviceName(name)).join(", ")}`,
});

type How = "new" | "gone" | "changed";

/** Names of the things whose digests differ, and how. */
function changedNames({ change }: ResourceChange): Map<string, How> {
  const triggers = (side: "before" | "after" | "after_unknown") =>
    (change[side]?.["triggers_replace"] ?? {}) as Record<string, unknown>;
  const [before, after, unknown] = [triggers("before"), triggers("after"), triggers("after_unknown")];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after), ...Object.keys(unknown)])];
  return new Map(
    names.flatMap((name): Array<[string, How]> => {
      if (!(name in before)) return [[name, "new"]];
      if (name in unknown) return [[name, "changed"]];
      if (!(name in after)) return [[name, "gone"]];
      return before[name] === after[name] ? [] : [[name, "changed"]];
    }),
  );
}

const isUnit = (name: string): boolean => /^[^/ ]+\.(service|timer|socket|path)$/.test(name);

function changesOf(named: ReadonlyMap<string, How>, before: Contents | undefined, after: Contents): Change[] {
  if (named.size === 0) return [{ what: "everything is delivered again: the last deploy did not end" }];
  return [...named].flatMap(([name, how]): Change[] => {
    if (name.startsWith("/")) {
      const change = fileChange(name, before?.files.get(name), after.files.get(name));
      if (before !== undefined && change !== undefined) return [change];
      const verb = how === "new" ? "is new" : how === "gone" ? "goes" : "changes";
      return [
        { what: `${shortName(name)} ${verb}${withoutText(after.files.get(name)?.kind)}`, subject: name },
      ];
    }
    if (name === "packages")
      return before === undefined
        ? [{ what: "packages change" }]
        : packageChanges(before.packages, after.packages);
    if (isUnit(name)) {
      // What a service that comes or goes does is among the effects.
      return how === "changed" ? [{ what: `${name}'s commands change`, subject: name }] : [];
    }
    return [{ what: `its ${name} ${how === "changed" ? "changes" : how === "new" ? "is new" : "goes"}` }];
  });
}

function withoutText(kind: string | undefined): string {
  return kind === "secret" ? " (secret)" : kind === "asset" ? " (program)" : " (its text is not known here)";
}

/** Services that finish what is under way before they stop say in their configuration for how long they wait at least. */
function leastSeconds(reads: ReadonlyArray<readonly string[]>, held: Contents): number | undefined {
  const seconds = reads.map((paths) =>
    Math.max(0, ...paths.map((path) => drainSeconds(held.files.get(path)?.text))),
  );
  const total = seconds.reduce((sum, one) => sum + one, 0);
  return total > 0 ? total : undefined;
}

function drainSeconds(text: string | undefined): number {
  const [, seconds = "0"] = /^ *"drainDelay": (\d+)/m.exec(text ?? "") ?? [];
  return Number(seconds);
}
