/**
 * Which names lead to one another (Tarjan, 1972).
 *
 * @returns by name, the number of its group; a group is numbered after all that it leads to
 */
export function stronglyConnected(
  names: readonly string[],
  leadsTo: (name: string) => readonly string[],
): ReadonlyMap<string, number> {
  const groups = new Map<string, number>();
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const waiting: string[] = [];
  let count = 0;
  for (const start of names) {
    if (order.has(start)) continue;
    const path: { readonly name: string; readonly next: readonly string[]; at: number }[] = [];
    const enter = (name: string): void => {
      order.set(name, order.size);
      lowest.set(name, order.get(name) as number);
      waiting.push(name);
      path.push({ name, next: leadsTo(name), at: 0 });
    };
    enter(start);
    for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
      const next = step.next[step.at++];
      if (next !== undefined) {
        if (!order.has(next)) enter(next);
        else if (!groups.has(next)) lower(lowest, step.name, order.get(next) as number);
        continue;
      }
      path.pop();
      const above = path.at(-1);
      if (above !== undefined) lower(lowest, above.name, lowest.get(step.name) as number);
      if (lowest.get(step.name) !== order.get(step.name)) continue;
      for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
        groups.set(name, count);
        if (name === step.name) break;
      }
      count++;
    }
  }
  return groups;
}

function lower(values: Map<string, number>, name: string, value: number): void {
  values.set(name, Math.min(values.get(name) as number, value));
}
