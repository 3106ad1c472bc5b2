import uk from "../../regions/uk";
import { ClusterLab } from "../e2e/cluster-lab";
import { describeOnCluster } from "../e2e/on-cluster";

/** Of the region's own value. The gate that waits for it asks Google about its certificate. */
const CHANGES = { entrance: { ...uk.entrance!, waitSeconds: 0 } };

describeOnCluster("uk-workloads, cut anywhere", () => {
  let lab: ClusterLab;

  beforeAll(async () => {
    lab = await ClusterLab.boot();
  }, 900_000);
  afterAll(async () => {
    await lab?.stop();
  }, 60_000);

  const recover = async (): Promise<void> => {
    const { code, stdout, stderr } = await lab.recover("--yes");
    if (code !== 0) throw new Error(`recover ended with ${code}:\n${stdout}${stderr}`);
  };

  it("is whole in the end, though each resource in turn was made and not noted", async () => {
    const met: string[] = [];
    // WHEN each deploy is cut at the first resource at which none was cut before, and recovered from
    while (
      await lab.deployCut({
        changes: CHANGES,
        at: (moment, step) => {
          if (moment === "before" || met.includes(step)) return false;
          met.push(step);
          return true;
        },
      })
    )
      await recover();
    // THEN all were met, those of the entrance among them, and the last deploy went through
    expect(met.length).toBeGreaterThan(25);
    for (const part of [/gateway_[0-9A-F]{8}/, /gateway_route/, /gateway_health-check/])
      expect(met.join()).toMatch(part);
    expect((await lab.workloads.attempt(CHANGES)).stdout).toMatch(
      /Resources: 0 added, 0 changed, 0 destroyed/,
    );
    for (const workload of ["deployment/proxy", "daemonset/resolver"])
      await lab.cluster.rollout("tricloud", workload, 120);
  });
});
