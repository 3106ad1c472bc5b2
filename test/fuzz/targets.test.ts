import { GuidedSearch, numbers } from "./guided-search";
import { TARGETS } from "./targets";

test.each(Object.entries(TARGETS))(
  "%s: nothing is wrong with the seeds, nor with some hundreds of inputs next to them",
  async (_name, target) => {
    const search = new GuidedSearch(target, undefined, numbers(1));
    await search.begin([]);
    await search.step();
    expect(search.tried).toBeGreaterThan(target.seeds.length);
  },
);
