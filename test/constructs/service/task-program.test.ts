import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { taskFile } from "../../../constructs/service/task-files";
import { taskProgram } from "../../../constructs/service/task-program";
import type { ServiceTask } from "../../../constructs/service";

/** What Consul keeps for all machines: sessions, keys, and whether anybody is there. As curl answers. */
const CURL = `#!/bin/sh
consul=$CONSUL_STANDIN
[ ! -e "$consul/away" ] || exit 7
while [ $# -gt 0 ]; do
  case $1 in
    http*) path=\${1#*/v1/} ;;
    -X) method=$2; shift ;;
    -d) body=$2; shift ;;
    -m | -o | -H) shift ;;
  esac
  shift
done
key=$(printf %s "\${path%%\\?*}" | tr / _)
case $path in
  status/leader) echo '"10.0.0.1:8300"' ;;
  session/create)
    session=$(mktemp -u XXXXXXXX)
    : >"$consul/session-$session"
    echo "{\\"ID\\": \\"$session\\"}"
    ;;
  session/destroy/*)
    session=\${path##*/}
    rm -f "$consul/session-$session"
    for lock in "$consul"/*_lock; do
      [ ! -e "$lock" ] || [ "$(tail -n 1 "$lock")" != "$session" ] || rm -f "$lock"
    done
    ;;
  *\\?acquire=*)
    (set -C; printf '%s\\n%s\\n' "$body" "\${path##*=}" >"$consul/$key") 2>/dev/null && echo true || echo false
    ;;
  *\\?raw) [ -e "$consul/$key" ] || exit 22; head -n 1 "$consul/$key" ;;
  kv/*) [ "$method" = PUT ]; printf '%s\\n' "$body" >"$consul/$key" ;;
esac
`;

/** Runs what stands last on its command line: a shell program in place of a container. */
const PODMAN = `#!/bin/sh
case $1 in
  run)
    for last; do :; done
    echo $$ >"$CONSUL_STANDIN/container"
    exec sh -c "\${last#*@}"
    ;;
  stop) kill "$(cat "$CONSUL_STANDIN/container")" ;;
esac
`;

describe("the program that runs tasks", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "tricloud-tasks-"));
    mkdirSync(join(directory, "consul"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const MIGRATE: ServiceTask = { command: ["migrate"], when: "before-release" };
  const REPORT: ServiceTask = { command: ["report"], every: "03:00 Asia/Tokyo" };

  /** A machine that holds a task; what stands in for its image is what the task does. */
  function machine(name: string, task: ServiceTask, does: string) {
    const root = join(directory, name);
    const put = (path: string, text: string): void => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
      chmodSync(join(root, path), 0o755);
    };
    put("bin/curl", CURL);
    put("bin/podman", PODMAN);
    put("bin/hostname", `#!/bin/sh\necho ${name}\n`);
    put("usr/local/lib/tricloud/service-container", "#!/bin/sh\n");
    const held = { service: "web", name: "task", image: "image", env: {}, secrets: [], limits: [], ...task };
    const { content } = taskFile(held);
    const text = content.kind === "text" ? content.text : "";
    put("etc/tricloud/services/tasks/web.task", text.replace("Image=image", `Image='@${does}'`));
    // Everything that it keeps is the machine's own.
    put("task", taskProgram({}).replaceAll("/var/lib/tricloud-services", join(root, "state")));
    const call = async (mode: string, why: string, more: Record<string, string> = {}) => {
      const child = spawn("sh", [join(root, "task"), mode, "web", "task", why], {
        env: {
          PATH: `${join(root, "bin")}:${process.env["PATH"]}`,
          STAGED: root,
          CONSUL_STANDIN: join(directory, "consul"),
          ...more,
        },
      });
      let said = "";
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (chunk) => (said += String(chunk)));
      const [code] = (await once(child, "close")) as [number];
      return { code, said };
    };
    return {
      /** As its unit runs it, from its beginning to its end. */
      run: async (why: string) => {
        const outcome = await call("exec", why);
        await call("ended", why, { EXIT_CODE: "exited", EXIT_STATUS: String(outcome.code) });
        return outcome;
      },
      figures: () => {
        const path = join(root, "state/metrics/web.task.prom");
        return existsSync(path) ? readFileSync(path, "utf8") : "";
      },
    };
  }
  const consul = (path: string) => join(directory, "consul", path);

  it("runs a task once for a time, whichever machine comes first, and frees the lock", async () => {
    // GIVEN
    const machines = ["one", "two", "three"].map((name) => machine(name, REPORT, "sleep 1; echo reported"));
    // WHEN all take their turn at once, and again
    const said = await Promise.all(machines.map(({ run }) => run("turn")));
    const again = await machines[0]!.run("turn");
    // THEN
    const all = [...said, again];
    expect(all.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(all.filter((each) => each.said === "reported\n")).toHaveLength(1);
    expect(
      all.filter((each) => /^it (is under way|has run) on (one|two|three)\n$/.test(each.said)),
    ).toHaveLength(3);
    expect(existsSync(consul("kv_tricloud_locks_tasks_web_task_lock"))).toBe(false);
    // AND who has run it tells how it went
    expect(
      machines.map(({ figures }) => figures()).filter((text) => text.includes("exit_status")),
    ).toHaveLength(1);
    expect(JSON.parse(readFileSync(consul("kv_tricloud_locks_tasks_web_task_last"), "utf8"))).toMatchObject({
      status: 0,
    });
  });

  it("misses a turn while Consul is away, and says so", async () => {
    const one = machine("one", REPORT, "echo reported");
    writeFileSync(consul("away"), "");
    expect(await one.run("turn")).toEqual({
      code: 75,
      said: "task task of service web: missed: Consul is away, which would say whose turn it is\n",
    });
    expect(one.figures()).toContain('tricloud_task_exit_status{service="web",task="task"} 75\n');
    // AND takes the next one
    rmSync(consul("away"));
    expect(await one.run("turn")).toEqual({ code: 0, said: "reported\n" });
  });

  it("has new machines wait for the one that runs what comes before their release", async () => {
    // GIVEN two machines of a release WHEN both start
    const [one, two] = ["one", "two"].map((name) => machine(name, MIGRATE, "sleep 1; echo migrated"));
    const said = await Promise.all([one!.run("boot"), two!.run("boot")]);
    // THEN one has migrated, and the other begins once it has
    expect(said.map((each) => each.said).sort()).toEqual(["", "migrated\n"]);
    // AND a third that comes later has nothing to do, nor one that starts again while Consul is away
    expect(await machine("three", MIGRATE, "echo migrated").run("boot")).toEqual({ code: 0, said: "" });
    writeFileSync(consul("away"), "");
    expect(await two!.run("boot")).toEqual({ code: 0, said: "" });
  });

  it("has another machine try what has failed before a release", async () => {
    const bad = await machine("one", MIGRATE, "echo no table; exit 3").run("boot");
    expect(bad).toEqual({ code: 3, said: "no table\n" });
    expect(await machine("two", MIGRATE, "echo migrated").run("boot")).toEqual({
      code: 0,
      said: "migrated\n",
    });
  });

  it("ends what takes longer than it may, and counts it as failed", async () => {
    const slow = machine("one", { ...MIGRATE, timeoutSeconds: 1 }, "echo begun; exec sleep 300");
    expect(await slow.run("release")).toEqual({ code: 124, said: "begun\n" });
    expect(slow.figures()).toContain('tricloud_task_exit_status{service="web",task="task"} 124\n');
  });

  it("frees the lock that a run has left which was cut off", async () => {
    // GIVEN a run that nobody has seen the end of
    const one = machine("one", { ...REPORT, every: "1 minute" }, "echo reported");
    await one.run("turn");
    const state = join(directory, "one/state/tasks/web.task.turn");
    writeFileSync(state, "1 left\n");
    writeFileSync(consul("session-left"), "");
    writeFileSync(consul("kv_tricloud_locks_tasks_web_task_lock"), "one\nleft\n");
    rmSync(consul("kv_tricloud_locks_tasks_web_task_last"));
    // WHEN its next turn comes THEN it runs
    expect(await one.run("turn")).toEqual({ code: 0, said: "reported\n" });
  });

  it("is not run with another's turn when somebody asks for it now", async () => {
    const one = machine("one", REPORT, "echo reported");
    expect(await one.run("turn")).toEqual({ code: 0, said: "reported\n" });
    expect(await one.run("now")).toEqual({ code: 0, said: "reported\n" });
    writeFileSync(consul("kv_tricloud_locks_tasks_web_task_lock"), "two\nheld\n");
    expect(await one.run("now")).toEqual({
      code: 1,
      said: "task task of service web: it is under way on two\n",
    });
  });
});
