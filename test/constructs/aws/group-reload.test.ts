import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { GroupService, type MadeUpMachine } from "./group-service";

const PROGRAM = join(__dirname, "../../../constructs/aws/reload/group-reload.mjs");

/** Where script/python-tools puts the AWS CLI when the machine has none. */
const PATH = `${process.env["PATH"] ?? ""}:${join(__dirname, "../../../.testbed/cache/python/bin")}`;
const withAwsCli = spawnSync("aws", ["--version"], { env: { ...process.env, PATH } }).status === 0;

const SERVES = "tricloud-proxy: runs with configuration 0123456789abcdef";
const serves = () => ({ code: 0, stdout: `${SERVES}\n`, stderr: "" });

const machine = (id: string, changes: Partial<MadeUpMachine> = {}): MadeUpMachine => ({
  ...{ id, state: "InService", agent: "online", answer: serves, ran: [] },
  ...changes,
});

jest.setTimeout(240_000);

(withAwsCli ? describe : describe.skip)("a group's reload (skipped without the AWS CLI)", () => {
  let service: GroupService | undefined;
  afterEach(() => service?.stop());

  const reload = async (
    machines: readonly MadeUpMachine[],
    task: { readonly boundSeconds?: number } = {},
    prepare: (started: GroupService) => void = () => undefined,
  ) => {
    service = await GroupService.start(machines);
    prepare(service);
    const told = {
      ...{ group: "us-proxy", what: "proxy.json", program: "#!/bin/bash\necho done\n" },
      ...{ boundSeconds: 120, pollSeconds: 0.5, deliverySeconds: 30, ...task },
    };
    return new Promise<{ code: number | null; out: string; err: string }>((resolve, reject) => {
      const child = spawn(process.execPath, [PROGRAM], {
        env: {
          ...{ PATH, HOME: "/nonexistent", AWS_REGION: "us-east-1", AWS_DEFAULT_REGION: "us-east-1" },
          ...{ AWS_ENDPOINT_URL: service!.url, AWS_ACCESS_KEY_ID: "AKIAEXAMPLE" },
          AWS_SECRET_ACCESS_KEY: "example",
          TRICLOUD_RELOAD: JSON.stringify(told),
        },
      });
      const said = { out: "", err: "" };
      child.stdout.setEncoding("utf8").on("data", (text: string) => (said.out += text));
      child.stderr.setEncoding("utf8").on("data", (text: string) => (said.err += text));
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, ...said }));
    });
  };

  it("has one machine take the file before the others, and tells what each runs with", async () => {
    // GIVEN three machines; the first one's answer is long
    const long = { code: 0, stdout: `${"word ".repeat(4_000)}\n${SERVES}\n`, stderr: "" };
    const machines = [machine("i-0a", { answer: () => long }), machine("i-0b"), machine("i-0c")];
    // WHEN they are to take a file
    const { code, out, err } = await reload(machines);
    // THEN each has, the first one before the others were told
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(machines.map(({ ran }) => ran)).toEqual(Array(3).fill(["#!/bin/bash\necho done\n"]));
    expect(service!.order[0]).toBe("i-0a");
    expect(out.indexOf(`us-proxy: i-0a: ${SERVES}`)).toBeLessThan(out.indexOf("us-proxy: i-0b: "));
    expect(out.trim().split("\n").at(-1)).toBe(`us-proxy: 3 of 3 machines: ${SERVES}`);
  });

  it("tells no other machine what the first one refuses, and fails with its words", async () => {
    // GIVEN machines that refuse
    const words = "tricloud-proxy: /etc/tricloud/proxy.json: port: -1 is not a port";
    const refuses = () => ({ code: 1, stdout: `${words}\n`, stderr: "" });
    const machines = ["i-0a", "i-0b"].map((id) => machine(id, { answer: refuses }));
    // WHEN they are to take a file
    const { code, err } = await reload(machines);
    // THEN
    expect(code).toBe(1);
    expect(err).toBe(
      `us-proxy: i-0a refuses proxy.json: ${words}\nus-proxy: proxy.json is refused; no other machine was told\n`,
    );
    expect(service!.order).toEqual(["i-0a"]);
  });

  it("begins with another machine where one is out of reach, and waits for that one while there is time", async () => {
    // GIVEN one that Systems Manager does not know yet, one that it does not reach, and one more
    const machines = [
      machine("i-0a", { agent: undefined }),
      machine("i-0b", { agent: "offline" }),
      machine("i-0c"),
    ];
    let looks = 0;
    // WHEN they are to take a file AND the two are there later on
    const { code, err } = await reload(machines, {}, (started) => {
      started.onLook = () => {
        if (++looks < 5) return;
        for (const each of machines) each.agent = "online";
      };
    });
    // THEN all have
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(service!.order[0]).toBe("i-0c");
    expect([...service!.order].sort()).toEqual(["i-0a", "i-0b", "i-0c"]);
  });

  it("waits for those that were about to come up, and for none that goes", async () => {
    // GIVEN a machine that boots, maybe with the file before, one that is out of reach and one that is on its way out
    const machines = [
      machine("i-0a"),
      machine("i-0b", { state: "Pending:Wait" }),
      machine("i-0c", { agent: "offline" }),
      machine("i-0d", { state: "Terminating:Wait" }),
    ];
    let looks = 0;
    // WHEN they are to take a file AND the one is in service later on, the other gone
    const { code } = await reload(machines, {}, (started) => {
      started.onLook = () => {
        if (++looks < 4) return;
        machines[1]!.state = "InService";
        machines[2]!.state = "Terminating";
      };
    });
    // THEN
    expect(code).toBe(0);
    expect(service!.order).toEqual(["i-0a", "i-0b"]);
  });

  it("gives up in its time, and says of each machine why it has not taken the file", async () => {
    // GIVEN a machine whose program is not there to be asked, and another one
    const restarts = () => ({ code: 100, stdout: "tricloud-proxy: nobody listens\n", stderr: "" });
    const machines = [machine("i-0a", { answer: restarts }), machine("i-0b")];
    // WHEN they are to take a file in no time THEN
    const { code, err } = await reload(machines, { boundSeconds: 0 });
    expect(code).toBe(1);
    expect(err).toBe(
      "us-proxy: i-0a has not taken proxy.json: tricloud-proxy: nobody listens\n" +
        "us-proxy: i-0b has not taken proxy.json: no other one has before it\n" +
        "us-proxy: 2 of 2 machines have not taken proxy.json in 0 s\n",
    );
  });
});
