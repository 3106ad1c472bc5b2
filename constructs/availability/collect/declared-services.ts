import type { IConstruct } from "constructs";
import { type Block, blockOf, component, remote, type Remote } from "../calculus/block";
import { failureGraph } from "../calculus/failure-graph";
import { fold, replaced } from "../calculus/fold";
import { singlePoints } from "../calculus/probability";
import { requiredBlock, type Service } from "../calculus/service";

/** A construct that declares services: the collector finds it wherever it lies in the tree. */
export interface DeclaresServices {
  readonly services: readonly Service[];
}

export function declaresServices(value: unknown): value is DeclaresServices {
  const services: unknown = (value as Partial<DeclaresServices> | undefined)?.services;
  return (
    Array.isArray(services) && services.every((one: Partial<Service> | undefined) => one?.type === "service")
  );
}

/** A service and the stack that it belongs to. */
export interface DeclaredService {
  readonly stack: string;
  readonly service: Service;
}

/**
 * Every service declared under a construct.
 *
 * @throws RangeError when a stack declares two services of one name
 */
export function declaredServices(scope: IConstruct): DeclaredService[] {
  const found = new Map<string, DeclaredService>();
  for (const construct of scope.node.findAll()) {
    if (!declaresServices(construct)) continue;
    const stack = stackName(construct);
    for (const service of construct.services) {
      const key = `${stack}/${service.name}`;
      if (found.has(key))
        throw new RangeError(`stack "${stack}" declares two services named "${service.name}"`);
      found.set(key, { stack, service });
    }
  }
  return [...found.values()];
}

/** The construct right below the root, which is the app; or the root itself where there is nothing above. */
export function stackName(construct: IConstruct): string {
  const [root, stack] = construct.node.scopes;
  return (stack ?? root ?? construct).node.id;
}

/** The services of other stacks that a service requires itself, not by way of another. */
export const directDependencies = (service: Service): Remote[] => remotesIn(service.requires.map(blockOf));

/** The services of other stacks that stand in blocks, each once. */
export function remotesIn(blocks: readonly Block[]): Remote[] {
  const found = new Map<string, Remote>();
  const known = new Map<Block, void>();
  for (const block of blocks) {
    fold<void>(
      block,
      (one) => {
        if (one.type === "remote") found.set(remoteName(one), one);
      },
      known,
    );
  }
  return [...found.values()];
}

/** Of these, the ones without any of which the service is down: not those of which one of several will do. */
export function hardDependencies(service: Service): Remote[] {
  const idOf = (one: Remote): string => `remote ${remoteName(one)}`;
  const named = replaced(requiredBlock(service), (leaf) =>
    leaf.type === "remote" ? component(idOf(leaf), { unavailability: 0 }) : undefined,
  );
  const graph = failureGraph(named);
  const single = new Set(singlePoints(graph).map((index) => graph.components[index]?.id));
  return directDependencies(service).filter((dependency) => single.has(idOf(dependency)));
}

export const remoteName = ({ stack, service }: Remote): string => `${stack}/${service}`;

export const remoteOf = ({ stack, service }: DeclaredService): Remote => remote(stack, service.name);
