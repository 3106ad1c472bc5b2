import { Fleet } from "./fleet";
import { describeOnVirtualHosts } from "./virtual-hosts";

/** A tenth of the year that `npm run test:long` lives through. */
const CHANGES = 3;
/** One whose first changes concern addresses, disks and the Consul servers; FLEET_SEED draws others. */
const SEED = Number(process.env["FLEET_SEED"] ?? 28);

describeOnVirtualHosts("a month of a fleet", () => {
  let fleet: Fleet;

  beforeAll(async () => void (fleet = await Fleet.boot(SEED)), 10 * 60_000);
  afterAll(() => fleet?.stop());

  it(
    "loses no look-up and no call, converges each time, and leaves hosts as new ones would be",
    async () => {
      // GIVEN changes in an order drawn from the seed
      console.log(`${CHANGES} changes, drawn from FLEET_SEED=${SEED}`);
      for await (const { what, wrong } of fleet.live(CHANGES)) {
        // WHEN
        console.log(what);
        // THEN
        expect({ seed: SEED, what, wrong }).toEqual({ seed: SEED, what, wrong: [] });
      }
      expect(await fleet.unlikeFresh()).toEqual([]);
    },
    20 * 60_000,
  );
});
