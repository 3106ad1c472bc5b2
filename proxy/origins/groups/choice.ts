/** How an origin of a group stands with respect to the next request. */
export interface Candidate {
  /**
   * `good`: may have any request. `trial`: has failed, and one request is to find out how it is. `doubtful`: its health
   * check fails, or nothing has its name. `out`: is not to be asked, or was asked already.
   */
  readonly standing: "good" | "trial" | "doubtful" | "out";
  /** `free`: a request would go out at once. `queue`: it would wait for others. `none`: it would be refused. */
  readonly room: "free" | "queue" | "none";
  /** Its part of the requests, beside those of the others; undefined in a group that goes by preference. */
  readonly weight: number | undefined;
  /** How much of its part it is given, from above 0 to 1: less for a while after it has come back. */
  readonly share: number;
}

/** What may be done with a request. */
export interface Wish {
  /** It can move on from an origin that fails. */
  readonly trial: boolean;
  /** It may wait for others. */
  readonly queue: boolean;
  /** Only one in good standing will do: it would leave another one that may yet answer. */
  readonly sure: boolean;
}

/**
 * The origin that the next request goes to: its index, or -1 for none. Those in good standing and with room share the
 * requests by weight, or the first of them has all. Nobody waits for an origin while another one is free, and a
 * doubtful one is better than none.
 *
 * @param random from 0 to below 1, another number each time
 */
export function choose(
  candidates: readonly Candidate[],
  { trial, queue, sure }: Wish,
  random: () => number,
): number {
  const those = (standing: Candidate["standing"], room: Candidate["room"] = "free"): number[] =>
    candidates.flatMap((candidate, index) =>
      candidate.standing === standing && candidate.room === room ? [index] : [],
    );
  const good = those("good");
  if (sure) return good.length > 0 ? draw(candidates, good, random) : -1;
  const onTrial = those("trial");
  if (trial && onTrial.length > 0) return onTrial[0]!;
  for (const free of [good, onTrial, those("doubtful")])
    if (free.length > 0) return draw(candidates, free, random);
  if (!queue) return -1;
  return [...those("good", "queue"), ...those("trial", "queue"), ...those("doubtful", "queue")][0] ?? -1;
}

/** One of those at `indices`, which are in order of preference. */
function draw(candidates: readonly Candidate[], indices: readonly number[], random: () => number): number {
  const last = indices.length - 1;
  if (candidates[indices[0]!]!.weight === undefined)
    return indices.find((index, at) => at === last || random() < candidates[index]!.share)!;
  const parts = indices.map((index) => candidates[index]!.weight! * candidates[index]!.share);
  let left = random() * parts.reduce((sum, part) => sum + part, 0);
  return indices[parts.findIndex((part) => (left -= part) < 0)] ?? indices[last]!;
}
