import uk from "../../regions/uk";
import { ClusterLab } from "../e2e/cluster-lab";
import { describeOnCluster } from "../e2e/on-cluster";

/** Of the region's own value. The gate that waits for it asks Google about its certificate. */
const CHANGES = { entrance: { ...uk.entrance!, waitSeconds: 0 } };

describeOnCluster("uk-workloads with an entrance, cut before anything is made", () => {
  let lab: ClusterLab;

  beforeAll(async () => {
    lab = await ClusterLab.boot();
  }, 900_000);
  afterAll(async () => {
    await lab?.stop();
  }, 60_000);

  it("is whole by deploys alone where nothing was made of each resource in turn", async () => {
    const met: string[] = [];
    // GIVEN deploys that change one resource at a time, so that none is half way
    // WHEN each is cut at the first resource at which none was cut before
    while (
      await lab.deployCut({
        oneByOne: true,
        changes: CHANGES,
        at: (moment, step) => {
          if (moment === "after" || met.includes(step)) return false;
          met.push(step);
          return true;
        },
      })
    );
    // THEN all were met, those of the entrance among them, and the last deploy went through
    expect(met.length).toBeGreaterThan(25);
    for (const part of [
      /gateway_[0-9A-F]{8}/,
      /gateway_route/,
      /gateway_health-check/,
      /gateway_backend-policy/,
    ])
      expect(met.join()).toMatch(part);
    const { stdout } = await lab.workloads.attempt(CHANGES);
    expect(stdout).toMatch(/Resources: 0 added, 0 changed, 0 destroyed/);
    for (const workload of ["deployment/proxy", "daemonset/resolver"])
      await lab.cluster.rollout("tricloud", workload, 120);
  });
});
