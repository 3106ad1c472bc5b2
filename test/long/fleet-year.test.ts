import { Fleet } from "../e2e/fleet";
import { describeOnVirtualHosts } from "../e2e/virtual-hosts";

/** In a year, or as many as FLEET_CHANGES says; each takes a minute or two. */
const CHANGES = Number(process.env["FLEET_CHANGES"] ?? 40);
/** Another order of changes. */
const SEED = Number(process.env["FLEET_SEED"] ?? 1);

describeOnVirtualHosts("a year of a fleet", () => {
  let fleet: Fleet;

  beforeAll(async () => void (fleet = await Fleet.boot(SEED)), 30 * 60_000);
  afterAll(() => fleet?.stop());

  it("loses no look-up and no call, converges each time, and leaves hosts as new ones would be", async () => {
    // GIVEN changes in an order drawn from the seed
    console.log(`${CHANGES} changes, drawn from FLEET_SEED=${SEED}`);
    let made = 0;
    for await (const { what, wrong } of fleet.live(CHANGES)) {
      // WHEN
      console.log(`${++made}. ${what}`);
      // THEN
      expect({ seed: SEED, what, wrong }).toEqual({ seed: SEED, what, wrong: [] });
    }
    expect(await fleet.changedBySecondClone()).toEqual([]);
    expect(await fleet.unlikeFresh()).toEqual([]);
  });
});
