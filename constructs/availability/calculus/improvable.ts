import { type Block, component, type Component, parallel } from "./block";
import { causeId, type CommonCauseGroup, ownCausesOf, splitFigures, withCommonCauses } from "./common-cause";
import { complement } from "./complement";
import { figuresOf } from "./evaluate";
import { failureGraph } from "./failure-graph";
import { replaced } from "./fold";
import { overPlannedWork, type RollingMaintenance } from "./planned-work";
import { ExactProbabilities, type Figures } from "./probability";
import { solve, type Solution } from "./solution";

const NODE_LIMIT = 500_000;

export interface Improvement {
  /** Unavailability of components that are made better, by id. */
  readonly better?: ReadonlyMap<string, number>;
  /** Ids of the components that get a second one beside them, which fails independently. */
  readonly doubled?: ReadonlySet<string>;
}

/** A composition in which every component has room for a second one: solved once for all changes. */
export class Improvable {
  private readonly indices: ReadonlyMap<string, number>;
  private readonly original: Figures;
  private readonly grouped: ReadonlySet<string>;

  private constructor(
    private readonly solution: Solution,
    private readonly components: readonly Component[],
    private readonly groups: readonly CommonCauseGroup[],
    private readonly plans: readonly RollingMaintenance[],
  ) {
    this.original = figuresOf(solution.graph.components);
    this.indices = new Map(solution.graph.components.map(({ id }, index) => [id, index]));
    this.grouped = new Set(groups.flatMap((group) => group.components));
  }

  static of(
    block: Block,
    components: readonly Component[],
    groups: readonly CommonCauseGroup[],
    plans: readonly RollingMaintenance[],
    deadline: number,
  ): Improvable | undefined {
    const spares = new Map(
      components.map((one) => [one.id, parallel(one, component(secondId(one.id), { unavailability: 1 }))]),
    );
    const roomy = replaced(block, (leaf) => (leaf.type === "component" ? spares.get(leaf.id) : undefined));
    const solution = solve(failureGraph(withCommonCauses(roomy, groups).block), {
      nodes: NODE_LIMIT,
      deadline,
    });
    if (solution.modules.some(({ diagram }) => diagram === undefined)) return undefined;
    return new Improvable(solution, components, groups, plans);
  }

  /** Whether its unavailability stands in a straight line to the whole's: not where it sets that of a cause. */
  isLinear(id: string): boolean {
    return !this.grouped.has(id);
  }

  unavailability({ better = new Map(), doubled = new Set() }: Improvement): number {
    const down = this.original.down.slice();
    const up = this.original.up.slice();
    const put = (id: string, unavailability: number): void => {
      const index = this.indices.get(id);
      if (index === undefined) return;
      down[index] = unavailability;
      up[index] = complement(unavailability);
    };
    const figures = new Map(this.components.map(({ id, unavailability }) => [id, unavailability]));
    for (const id of doubled) put(secondId(id), figures.get(id) as number);
    for (const [id, unavailability] of better) {
      figures.set(id, unavailability);
      put(id, unavailability);
    }
    if (better.size > 0 && this.groups.length > 0) {
      const { causes, own } = splitFigures(this.groups, (id) => figures.get(id) as number);
      for (const [group, unavailability] of causes) put(causeId(group), unavailability);
      for (const [id, unavailability] of own) put(ownCausesOf(id), unavailability);
    }
    const solved = (under: Figures) => new ExactProbabilities(this.solution, under).whole;
    const indexOf = (id: string) => (this.indices.get(ownCausesOf(id)) ?? this.indices.get(id)) as number;
    return overPlannedWork(this.plans, indexOf, { down, up }, solved).down;
  }
}

const secondId = (id: string): string => `${id} (second)`;
