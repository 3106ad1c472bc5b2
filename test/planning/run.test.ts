import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type App } from "cdktf";
import { readCommandLine } from "../../planning/command-line";
import { run } from "../../planning/run";
import { ToyAwsStack, removeDirectories, synthesise, testDirectory } from "./toy-app";

jest.setTimeout(60_000);
afterAll(removeDirectories);

/** Runs a command and collects what it says. */
async function runWith(...args: string[]): Promise<{ code: number; printed: string; notes: string }> {
  const printed: string[] = [];
  const notes: string[] = [];
  const code = await run(readCommandLine(args), {
    print: (text) => printed.push(text),
    note: (text) => notes.push(text),
    colour: false,
  });
  return { code, printed: printed.join("\n"), notes: notes.join("\n") };
}

const toy =
  (cidr = "10.0.0.0/16", tag = "toy") =>
  (app: App): void =>
    void new ToyAwsStack(app, "toy", cidr, tag);

/** An availability report with one service of one stack. */
function writeAvailability(out: string, unavailability: number): void {
  const correlated = { availability: 1 - unavailability, unavailability };
  const results = { correlated };
  const services = [{ service: "calls", results, target: { atLeast: 0.9995, verdict: "met" } }];
  const report = { schema: "tricloud/availability/v1", stacks: [{ stack: "toy", services }] };
  writeFileSync(join(out, "availability.json"), JSON.stringify(report));
}

test("prints Terraform's own plan of the stacks asked for, without colours", async () => {
  // GIVEN two stacks
  const out = synthesise((app) => {
    new ToyAwsStack(app, "one");
    new ToyAwsStack(app, "two");
  });

  // WHEN one is planned
  const { code, printed } = await runWith("two", "--out", out);

  // THEN its plan is printed alone
  expect(code).toBe(0);
  expect(printed).toContain("── two ──");
  expect(printed).not.toContain("── one ──");
  expect(printed).toContain("Plan: 3 to add, 0 to change, 0 to destroy.");
  // eslint-disable-next-line no-control-regex
  expect(printed).not.toMatch(/\u001b\[/);
});

test("tells of an unknown stack which ones there are", async () => {
  const out = synthesise((app) => {
    new ToyAwsStack(app, "one");
    new ToyAwsStack(app, "two");
  });
  await expect(runWith("three", "--out", out)).rejects.toThrow(
    'unknown stack "three": known stacks are one, two',
  );
});

test("tells how to synthesise when nothing is", async () => {
  await expect(runWith("--out", testDirectory())).rejects.toThrow(
    /nothing is synthesised in .* run "npm run synth" first/,
  );
});

test("tells when there is no Terraform", async () => {
  const out = synthesise((app) => {
    new ToyAwsStack(app, "one");
    new ToyAwsStack(app, "two");
  });
  const path = process.env["PATH"];
  process.env["PATH"] = "";
  try {
    await expect(runWith("--out", out)).rejects.toThrow("terraform is not on the PATH");
  } finally {
    process.env["PATH"] = path;
  }
});

test("answers 1 when a stack does not plan, and still plans the others", async () => {
  // GIVEN a good and a bad stack
  const out = synthesise((app) => {
    new ToyAwsStack(app, "bad").vpc.addOverride("cidr_block", ["10.0.0.0/16"]);
    new ToyAwsStack(app, "good");
  });

  // WHEN both are planned
  const { code, printed } = await runWith("--out", out);

  // THEN both are reported
  expect(code).toBe(1);
  expect(printed).toContain('Inappropriate value for attribute "cidr_block"');
  expect(printed).toContain("Plan: 3 to add");
});

test("gives Terraform's plans and their summaries as one JSON document", async () => {
  const out = synthesise((app) => {
    new ToyAwsStack(app, "bad").vpc.addOverride("cidr_block", ["10.0.0.0/16"]);
    new ToyAwsStack(app, "good");
  });
  const { printed } = await runWith("--out", out, "--json");
  const { stacks } = JSON.parse(printed) as { stacks: Array<Record<string, unknown>> };
  expect(stacks).toEqual([
    { stack: "bad", succeeded: false, errors: expect.stringContaining("cidr_block") as string },
    {
      stack: "good",
      succeeded: true,
      summary: expect.objectContaining({ total: { add: 3, change: 0, replace: 0, destroy: 0 } }) as object,
      matters: [],
      plan: expect.objectContaining({ resource_changes: expect.any(Array) as unknown[] }) as object,
    },
  ]);
});

test("keeps a state on apply, plans against it, and forgets it", async () => {
  // GIVEN a stack that is applied against the double
  const state = join(testDirectory(), "states");
  const applied = await runWith("apply", "--out", synthesise(toy()), "--state", state);
  expect(applied.code).toBe(0);
  expect(existsSync(join(state, "toy.tfstate"))).toBe(true);

  // WHEN it changes THEN the plan says how, and on what it rests
  const out = synthesise(toy("10.0.0.0/16", "other"));
  const changed = await runWith("--out", out, "--state", state);
  expect(changed.printed).toContain("Plan: 0 to add, 1 to change, 0 to destroy.");
  expect(changed.notes).toContain('starting from the states "apply" kept');

  // WHEN the change is applied too THEN nothing is left to do
  await runWith("apply", "--out", out, "--state", state);
  expect((await runWith("--out", out, "--state", state)).printed).toContain("No changes.");

  // WHEN the state is forgotten THEN everything is to be added again
  await runWith("forget", "--out", out, "--state", state);
  expect((await runWith("--out", out, "--state", state)).printed).toContain("Plan: 3 to add");
});

test("an apply that fails keeps no state", async () => {
  const out = synthesise((app) => {
    new ToyAwsStack(app).vpc.addOverride("cidr_block", ["10.0.0.0/16"]);
  });
  const state = testDirectory();
  const { code, printed } = await runWith("apply", "--out", out, "--state", state);
  expect(code).toBe(1);
  expect(printed).toContain("Inappropriate value");
  expect(existsSync(join(state, "toy.tfstate"))).toBe(false);
});

describe("a comparison with another checkout", () => {
  test("shows in Markdown what is replaced and what becomes of availability", async () => {
    // GIVEN a base, and a head with another network, more downtime and one stack less
    const base = synthesise((app) => {
      toy()(app);
      new ToyAwsStack(app, "gone");
    });
    const head = synthesise(toy("10.1.0.0/16"));
    writeAvailability(base, 0.0001);
    writeAvailability(head, 0.0002);
    const file = join(testDirectory(), "plan.md");

    // WHEN they are compared
    const { code } = await runWith("--out", head, "--base", base, "--markdown", file);

    // THEN the summary says so
    expect(code).toBe(0);
    const text = readFileSync(file, "utf8");
    expect(text).toContain("### toy: 0 to add, 0 to change, 2 to replace, 0 to destroy");
    expect(text).toContain("| `aws_vpc` |  |  | 1 |  |");
    expect(text).toContain("- `aws_vpc.vpc` because of `cidr_block`");
    expect(text).toContain("| calls | 99.99 % | 99.98 % | 52.6 min/year more downtime | met (99.95 %) |");
    expect(text).toContain("### gone\n\nOnly the base has this stack");
  });

  test("accepts the root of a checkout", async () => {
    // GIVEN a checkout whose output lies where cdktf puts it
    const root = testDirectory();
    synthesise(toy(), join(root, "cdktf.out"));

    // WHEN the same is planned THEN nothing changes
    const { printed } = await runWith("--out", synthesise(toy()), "--base", root);
    expect(printed).toContain("No changes.");
  });

  test("says when it is the base that does not plan", async () => {
    const base = synthesise((app) => {
      new ToyAwsStack(app).vpc.addOverride("cidr_block", ["10.0.0.0/16"]);
    });
    await expect(runWith("--out", synthesise(toy()), "--base", base)).rejects.toThrow(
      /the base does not plan: stack "toy":[^]*Inappropriate value/,
    );
  });
});

test("a stack that does not plan is shown in Markdown with Terraform's words", async () => {
  const out = synthesise((app) => {
    new ToyAwsStack(app).vpc.addOverride("cidr_block", ["10.0.0.0/16"]);
  });
  const { printed } = await runWith("--out", out, "--markdown", "-");
  expect(printed).toContain("### toy: does not plan\n\n````\n");
  expect(printed).toContain("Inappropriate value for attribute");
});

describe("an app that does not synthesise", () => {
  test("for a missed target leaves a summary that says what is missed and what would reach it", async () => {
    // GIVEN what an app leaves that has assessed its stacks and refused one
    const out = testDirectory();
    const explanation = [
      "target 99.99 % is missed: the composition can promise 99.9 %",
      "cheapest change: a second zone",
    ];
    const services = [{ service: "calls", target: { atLeast: 0.9999, verdict: "missed", explanation } }];
    const report = { schema: "tricloud/availability/v1", stacks: [{ stack: "toy", services }] };
    writeFileSync(join(out, "availability.json"), JSON.stringify(report));
    const file = join(testDirectory(), "plan.md");

    // WHEN it is planned, with what the app said
    const said = join(testDirectory(), "synth.txt");
    writeFileSync(said, "error: toy/calls: target 99.99 % is missed\n");
    const { code, printed } = await runWith("--out", out, "--said", said, "--markdown", file);

    // THEN the summary says so, and nothing passes for well
    expect(code).toBe(1);
    const text = readFileSync(file, "utf8");
    expect(text).toContain("Not planned: an availability target is missed");
    expect(text).toContain("### toy/calls: target 99.99 % is missed: the composition can promise 99.9 %\n");
    expect(text).toContain("- cheapest change: a second zone\n");
    expect(printed).toBe(text);
  });

  test("for another reason leaves a summary with the app's words", async () => {
    const out = testDirectory();
    const said = join(out, "synth.txt");
    writeFileSync(said, "\u001b[31merror\u001b[39m: region jp: cidr: expected an IPv4 network\n");
    const { code, printed } = await runWith("--out", out, "--said", said, "--markdown", "-");
    expect(code).toBe(1);
    expect(printed).toContain("\nerror: region jp: cidr: expected an IPv4 network\n");
  });
});
