import { rmSync } from "node:fs";
import { ClusterLab } from "../e2e/cluster-lab";
import { describeOnCluster } from "../e2e/on-cluster";

/** What `tricloud recover --json` prints. */
interface Recovery {
  readonly import: readonly { readonly address: string }[];
  readonly forget: readonly { readonly revision: number; readonly status: string }[];
  readonly foreign: readonly { readonly kind: string; readonly name: string }[];
}

describeOnCluster("deploys of uk-workloads by Terraform", () => {
  let lab: ClusterLab;

  beforeAll(async () => {
    lab = await ClusterLab.boot();
  }, 900_000);
  afterAll(async () => {
    await lab?.stop();
  }, 60_000);

  const found = async (): Promise<Recovery> => JSON.parse((await lab.recover("--json")).stdout) as Recovery;

  /** The deploy goes through, the next has nothing to do, and nothing is left to be recovered. */
  const expectWholeAfterDeploy = async (): Promise<void> => {
    await lab.workloads.deploy();
    expect((await lab.workloads.attempt()).stdout).toMatch(/Resources: 0 added, 0 changed, 0 destroyed/);
    for (const workload of ["deployment/proxy", "daemonset/resolver"])
      await lab.cluster.rollout("tricloud", workload, 60);
    await lab.cluster.rollout("consul", "statefulset/consul-server", 60);
    expect(await lab.recover()).toMatchObject({
      code: 0,
      stdout: "uk-workloads: no deploy left anything behind\n",
    });
  };

  it("are recovered from no further than what is ours", async () => {
    // GIVEN somebody's own namespace, and a deploy that was cut at its first object
    await lab.cluster.kubectl("create", "namespace", "app");
    expect(
      await lab.deployCut({ at: (moment, step) => moment === "after" && step.includes("network_policy") }),
    ).toBe(true);
    // WHEN looked at THEN it is said whose is what
    const { foreign, import: ours } = await found();
    expect(foreign).toEqual([expect.objectContaining({ kind: "Namespace", name: "app" })]);
    expect(ours.map(({ address }) => address).join()).toMatch(/kubernetes_network_policy_v1\./);
    const { code, stdout } = await lab.recover("--yes");
    expect(stdout).toMatch(
      /not made by this project, and in the way of the next deploy.*\n {2}Namespace app\n/,
    );
    expect(code).toBe(1);
    await lab.cluster.kubectl("delete", "namespace", "app");
  }, 240_000);

  it("go on after one that was killed while Helm installed a release, none of it noted", async () => {
    // GIVEN
    expect(
      await lab.deployCut({
        at: (moment, step) => moment === "after" && step.startsWith("kubernetes_deployment_v1.proxy"),
        helmAtWork: true,
      }),
    ).toBe(true);
    // WHEN deployed again THEN Terraform and Helm refuse
    const { code, stderr } = await lab.workloads.attempt();
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/deployments\.apps "proxy" already exists/);
    expect(stderr).toMatch(/another operation \(install\/upgrade\/rollback\) is in progress/);
    // AND what had been noted is lost too, as in a bucket, where the state is written every 20 s
    rmSync(lab.workloads.stateFile);
    // WHEN recovered, without a word of consent at first
    const told = await lab.recover();
    expect(told.stdout).toMatch(
      /forget revision 1 of Helm release consul\/consul, pending-install since \d{4}-/,
    );
    expect(told.stdout).toMatch(/import Deployment tricloud\/proxy as kubernetes_deployment_v1\.proxy/);
    expect(told.stdout).toMatch(/nothing done; --yes does it\n$/);
    expect(told.code).toBe(1);
    expect((await found()).forget).toMatchObject([{ revision: 1, status: "pending-install" }]);
    expect(await lab.recover("--yes")).toMatchObject({
      stdout: expect.stringMatching(/\ndone; deploy again: /) as string,
      code: 0,
    });
    // THEN the next deploy ends whole
    await expectWholeAfterDeploy();
  }, 900_000);

  it("go on after one that was killed while Helm upgraded a release", async () => {
    // GIVEN more servers than there are nodes, which Helm waits for
    expect(
      await lab.deployCut({
        at: (_, step) => step.startsWith("helm_release."),
        helmAtWork: true,
        changes: { consulServers: 5 },
      }),
    ).toBe(true);
    const { code, stderr } = await lab.workloads.attempt({ consulServers: 5 });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/another operation \(install\/upgrade\/rollback\) is in progress/);
    // WHEN
    expect((await lab.recover("--yes")).stdout).toMatch(
      /forget revision \d of Helm release .*, pending-upgrade since/,
    );
    // THEN
    await expectWholeAfterDeploy();
  }, 900_000);
});
