import { setTimeout as delay } from "node:timers/promises";
import { until } from "../testbed";
import { type LoadReport, placeLoad, postsRun, startServiceLoad } from "../e2e/calls-to-services";
import { describeOnCluster } from "../e2e/on-cluster";
import { IN_JP, IN_UK, SEARCH_UNIT, SEARCH_URL, TwoCloudsLab } from "./jp-and-uk/two-clouds-lab";

/*
 * A service moves from JP's virtual hosts to a Kubernetes cluster and back while it is called by its one URL. Prints a
 * table of what failed.
 */

/** Where both the caller and a proxy are; search is on none of them. */
const CALLER = "jp-1";
const HOSTS = ["jp-3", "jp-4"];
const CALLS_PER_SECOND = Number(process.env["TRICLOUD_MOVE_CALLS"] ?? 300);
const IN_BOTH = { ...IN_JP, ...IN_UK };
/** Of calls before and after a deploy. */
const BESIDE_MS = 5000;

describeOnCluster("a service that moves to another cloud under load", () => {
  let lab: TwoCloudsLab;

  beforeAll(async () => {
    lab = await TwoCloudsLab.boot(IN_JP);
    placeLoad(lab.testbed.host(CALLER));
    await until("search answers", 60_000, async () => (await answeredBy()) === "jp" || undefined);
    process.stdout.write(
      "| deploys | calls a second | GET | POST | failed | answered in |\n| --- | --- | --- | --- | --- | --- |\n",
    );
  }, 1_200_000);
  afterAll(() => lab?.stop(), 120_000);

  it("answers in both once it runs in both, without a failed call", async () => {
    // GIVEN calls to search in JP WHEN it is deployed to the cluster too
    const report = await during("to the cluster too", async () => {
      await lab.deployToCluster(IN_BOTH);
      await lab.deployToHosts(IN_BOTH);
    });
    // THEN what is near goes on answering
    expect(report.failures).toEqual([]);
    expect(Object.keys(report.versions)).toEqual(["jp"]);
    expect(await postedWrong(report)).toEqual([]);
  }, 900_000);

  it("answers on the cluster once it is taken from JP, without a failed call", async () => {
    // GIVEN search in both WHEN it is deployed to the cluster alone
    const report = await during("from JP", () => lab.deployToHosts(IN_UK));
    // THEN no call failed, and nothing is left of it in JP
    expect(report.failures).toEqual([]);
    expect(await answeredBy()).toBe("uk");
    expect(await postedWrong(report)).toEqual([]);
    for (const name of HOSTS) {
      const { stdout } = await lab.testbed.host(name).attempt(`systemctl is-active ${SEARCH_UNIT}`);
      expect(stdout).toBe("inactive\n");
    }
  }, 900_000);

  it("moves back the same way", async () => {
    // GIVEN search on the cluster alone WHEN it is deployed to JP too, and then taken from the cluster
    const report = await during("back", async () => {
      await lab.deployToHosts(IN_BOTH);
      await lab.deployToHosts(IN_JP);
      await lab.deployToCluster(IN_JP);
    });
    // THEN
    expect(report.failures).toEqual([]);
    expect(await answeredBy()).toBe("jp");
    expect(await postedWrong(report)).toEqual([]);
  }, 900_000);

  /** Calls while something happens, and a moment before and after. */
  async function during(what: string, happens: () => Promise<unknown>): Promise<LoadReport> {
    const { hostname } = new URL(SEARCH_URL);
    const load = startServiceLoad(lab.testbed.host(CALLER), CALLS_PER_SECOND, [{ host: hostname, port: 80 }]);
    const began = Date.now();
    let report: LoadReport | undefined;
    try {
      await delay(BESIDE_MS);
      await happens();
      await delay(BESIDE_MS);
      const seconds = (Date.now() - began) / 1000;
      report = await load.end();
      const { gets, posts, failures, versions } = report;
      const perSecond = Math.round((gets + posts.length + failures.length) / seconds);
      const where = Object.entries(versions).map(([name, calls]) => `${name} ${calls}`);
      const cells = [what, perSecond, gets, posts.length, failures.length, where.join(", ")];
      process.stdout.write(`| ${cells.join(" | ")} |\n`);
      return report;
    } finally {
      if (report === undefined) await load.end();
    }
  }

  /** POSTs that were answered and not run, and those that were run twice, wherever. */
  async function postedWrong(report: LoadReport): Promise<readonly string[]> {
    const hosts = HOSTS.map((name) => lab.testbed.host(name));
    const ran = [...(await postsRun(hosts, SEARCH_UNIT)), ...lab.recorder.posted()];
    const once = new Set(ran);
    expect(report.posts.length).toBeGreaterThan(10);
    return [
      ...report.posts.filter((id) => !once.has(id)).map((id) => `${id} was not run`),
      ...ran.filter((id, index) => ran.indexOf(id) !== index).map((id) => `${id} was run twice`),
    ];
  }

  /** The cloud that answers a call now. */
  async function answeredBy(): Promise<string | undefined> {
    const { stdout } = await lab.testbed.host(CALLER).attempt(`curl -s -m 10 ${SEARCH_URL}`);
    return /version (\S+)/.exec(stdout)?.[1];
  }
});
