import type { IConstruct } from "constructs";
import { type Block, blockOf, type BlockSource, component, remote, type Remote } from "../block";
import { failureGraph } from "../calculus/failure-graph";
import { singlePoints } from "../calculus/probability";
import { isSoftened, requiredBlock, type Service } from "../calculus/service";

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

/**
 * The service with the compositions of other stacks' services in place of their names, so that a part shared
 * with them counts once.
 *
 * @throws RangeError for a service that is not declared, or services that require each other
 */
export function resolved({ stack, service }: DeclaredService, all: readonly DeclaredService[]): Service {
  const resolver = new RemoteResolver(all);
  const path = [remote(stack, service.name)];
  const resolve = (source: BlockSource): Block => resolver.resolve(blockOf(source), path);
  return {
    ...service,
    requires: service.requires.map(resolve),
    degradesWithout: service.degradesWithout.map((soft) =>
      isSoftened(soft) ? { ...soft, block: resolve(soft.block) } : resolve(soft),
    ),
  };
}

/** The services of other stacks that a service requires itself, not by way of another. */
export function directDependencies({ requires }: Service): Remote[] {
  const found = new Map<string, Remote>();
  const visit = (block: Block): void => {
    if (block.type === "remote") found.set(`${block.stack}/${block.service}`, block);
    else if (block.type !== "component") block.blocks.forEach(visit);
  };
  requires.map(blockOf).forEach(visit);
  return [...found.values()];
}

/** Of these, the ones without any of which the service is down: not those of which one of several will do. */
export function hardDependencies(service: Service): Remote[] {
  const idOf = ({ stack, service: name }: Remote): string => `remote ${stack}/${name}`;
  const named = (block: Block): Block => {
    if (block.type === "component") return block;
    if (block.type === "remote") return component(idOf(block), { unavailability: 0 });
    return { ...block, blocks: block.blocks.map(named) };
  };
  const graph = failureGraph(named(requiredBlock(service)));
  const single = new Set(singlePoints(graph).map((index) => graph.components[index]?.id));
  return directDependencies(service).filter((dependency) => single.has(idOf(dependency)));
}

class RemoteResolver {
  constructor(private readonly all: readonly DeclaredService[]) {}

  resolve(block: Block, path: readonly Remote[]): Block {
    if (block.type === "component") return block;
    if (block.type !== "remote")
      return { ...block, blocks: block.blocks.map((inner) => this.resolve(inner, path)) };
    const names = [...path, block].map(({ stack, service }) => `${stack}/${service}`);
    if (new Set(names).size < names.length) {
      throw new RangeError(`services require each other: ${names.join(" > ")}`);
    }
    const found = this.all.find(
      ({ stack, service }) => stack === block.stack && service.name === block.service,
    );
    if (found === undefined) {
      const known = this.all.map(({ stack, service }) => `${stack}/${service.name}`).join(", ") || "none";
      throw new RangeError(
        `${names[0]} requires ${names.at(-1)}, which no stack declares: expected one of ${known}`,
      );
    }
    const parts = found.service.requires.map((part) => this.resolve(blockOf(part), [...path, block]));
    return parts.length === 1 ? (parts[0] as Block) : { type: "series", blocks: parts };
  }
}
