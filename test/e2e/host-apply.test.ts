import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type HostProfile } from "../../constructs/host";
import { applyProgram } from "../../constructs/host/apply-program";
import { Testbed, until, type VirtualHost } from "../testbed";
import { exampleProfile, HostDelivery, succeeded } from "./host-delivery";
import { difference, snapshot } from "./host-snapshot";
import { describeOnVirtualHosts } from "./virtual-hosts";

/** Takes a while to install, and brings an account. */
const larger = exampleProfile({ packages: ["jq", "unbound"] });
const SOURCES = "/etc/apt/sources.list.d/testbed.list";

/** Makes and installs a package of the administrator's own that depends on one that came with nodejs. */
const NEEDS_LIBUV = [
  "mkdir -p /root/needs-libuv/DEBIAN",
  "printf 'Package: needs-libuv\\nVersion: 1\\nArchitecture: all\\nMaintainer: admin\\nDescription: x\\nDepends: libuv1t64\\n' >/root/needs-libuv/DEBIAN/control",
  "dpkg-deb --build /root/needs-libuv /root/needs-libuv.deb >/dev/null",
  "dpkg --install /root/needs-libuv.deb >/dev/null",
  "rm -r /root/needs-libuv /root/needs-libuv.deb",
].join(" && ");

describeOnVirtualHosts("a dedicated server", () => {
  let testbed: Testbed;
  let host: VirtualHost;
  let delivery: HostDelivery;
  let untouched: string[];

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: ["jp-1"] });
    host = testbed.host("jp-1");
    delivery = new HostDelivery(host);
    // As on a host that has been in use: lists of its archives are there.
    await host.run("apt-get -q update");
    // As Debian's initramfs leaves it; a container's systemd is kinder.
    await host.run("mount -o remount,noexec /run");
  });
  beforeEach(async () => (untouched = await hostAsItIs()));
  afterAll(() => testbed?.stop());

  /** All of the host but what is ours. */
  const hostAsItIs = async () =>
    (await snapshot(host)).filter(
      (line) => !/ (\/var\/lib\/tricloud|\/root\/\.tricloud-incoming)/.test(line),
    );
  /** Takes everything back, and expects the host to be what it was. */
  const removed = async (): Promise<string> => {
    const said = succeeded(await delivery.remove());
    expect(difference(untouched, await hostAsItIs())).toEqual([]);
    return said;
  };
  const installed = async (...names: string[]) => {
    const { stdout } = await host.attempt(
      `dpkg-query -W -f '\${Package} \${db:Status-Status}\\n' ${names.join(" ")}`,
    );
    return names.filter((name) => stdout.includes(`${name} installed`));
  };
  const record = async (list: string) =>
    (await host.attempt(`cat /var/lib/tricloud/${list}`)).stdout.trim().split("\n");

  /** Waits until a run waits for somebody's lock, which apt or dpkg tells of in these words. */
  const waitsFor = (words: string) =>
    until(
      "a run waits",
      30_000,
      async () =>
        (await host.attempt(`grep -q '${words}' /var/lib/tricloud/apt.log`)).code === 0 || undefined,
    );

  /** Leaves a package as dpkg does that is cut off while it unpacks it. */
  const begunToUnpack = (name: string, status: string) =>
    host.run(
      `sed -i '/^Package: ${name}$/,/^$/s/^Status: .*/Status: install ${status}/' /var/lib/dpkg/status`,
    );

  describe("of its administrator's own", () => {
    it("keeps packages and accounts that came between two attempts", async () => {
      // GIVEN a first attempt whose archive cannot be read
      await host.run(`cp ${SOURCES} /root/sources && sed -i s/:8000/:8001/ ${SOURCES}`);
      expect((await delivery.stage(larger)).code).toBe(1);
      // AND an administrator who mends that, and installs and adds what is needed besides
      await host.run(
        `mv /root/sources ${SOURCES}; apt-get -q update; apt-get -qy --no-install-recommends install jq; useradd kept`,
      );
      untouched = await hostAsItIs();

      // WHEN it is deployed and retired
      await delivery.deploy(larger);
      expect(await record("own-packages")).toContain("unbound");
      await removed();

      // THEN these are there still, and nothing else
      expect(await installed("jq", "libjq1", "unbound")).toEqual(["jq", "libjq1"]);
      await host.run(
        "id kept; userdel kept; rm -f /etc/subuid- /etc/subgid-; apt-get -qy purge jq libjq1 libonig5",
      );
    });

    it("completes a package that is half-way, and does not take it for ours", async () => {
      // GIVEN a package of the host's own that is unpacked and not configured
      await host.run("cd /tmp && apt-get -q download curl && dpkg --unpack curl_*.deb && rm curl_*.deb");

      // WHEN
      const said = await delivery.deploy(larger);

      // THEN
      expect(said).toContain("repairing packages that an interrupted installation has left half-way: curl");
      expect(await record("own-packages")).not.toContain("curl");
      await removed();
      expect(await installed("curl")).toEqual(["curl"]);
    });

    it.each(["ok half-installed", "reinstreq half-installed", "reinstreq unpacked"])(
      "unpacks anew a package that dpkg was unpacking (%s), and does not take it for ours",
      async (status) => {
        // GIVEN a package of the host's own that no other needs, begun and no more when the power went
        await host.run("apt-get -qy install libonig5 && apt-mark auto libonig5");
        untouched = await hostAsItIs();
        await begunToUnpack("libonig5", status);

        // WHEN
        await delivery.deploy(larger);

        // THEN it is whole, and stays
        expect(await record("own-packages")).not.toContain("libonig5");
        await removed();
        expect(await host.run("apt-mark showauto libonig5")).toBe("libonig5\n");
        await host.run("apt-get -qy purge libonig5");
      },
    );

    it("keeps what an earlier release's record may claim wrongly, and names it", async () => {
      // GIVEN an earlier release whose first attempt failed, jq installed by hand, and a deploy that took it for ours
      const earlier = new EarlierDelivery(host);
      await host.run(`cp ${SOURCES} /root/sources && sed -i s/:8000/:8001/ ${SOURCES}`);
      expect((await earlier.stage(larger)).code).toBe(1);
      await host.run(
        `mv /root/sources ${SOURCES}; apt-get -q update; apt-get -qy --no-install-recommends install jq`,
      );
      untouched = await hostAsItIs();
      await earlier.deploy(larger);
      expect(await record("packages")).toEqual(expect.arrayContaining(["jq", "unbound"]));

      // WHEN this release deploys and retires
      const said = await delivery.deploy({ ...larger, files: exampleProfile({ word: "two" }).files });
      expect(said).toMatch(/will stay, for nothing shows that they came with us: .*\bjq\b/);
      expect(said).not.toMatch(/will stay.*\bunbound\b/);
      await removed();

      // THEN
      expect(await installed("jq", "unbound")).toEqual(["jq"]);
      await host.run("apt-get -qy purge jq libjq1 libonig5");
    });

    it("goes on beside a source that cannot be read, unless ours come from it", async () => {
      // GIVEN an administrator's source that is gone
      await host.run(
        `echo "deb [trusted=yes] http://${testbed.network.gateway}:8001/gone ./" >/etc/apt/sources.list.d/gone.list`,
      );
      untouched = await hostAsItIs();
      // WHEN
      const said = await delivery.deploy(larger);
      // THEN
      expect(said).toContain("goes on without an archive of this host's that cannot be read");
      await removed();

      // GIVEN the one source that has what is needed gone WHEN THEN
      await host.run(
        `rm /etc/apt/sources.list.d/gone.list; cp ${SOURCES} /root/sources && sed -i s/:8000/:8001/ ${SOURCES}`,
      );
      const { code, output } = await delivery.stage(larger);
      expect({ code, output }).toEqual({
        code: 1,
        output: expect.stringContaining("failed at reading the archives"),
      });
      await host.run(`mv /root/sources ${SOURCES}`);
      await delivery.remove();
    });
  });

  describe("whose profile names a package no more", () => {
    const withNode = { ...larger, packages: [...larger.packages, "nodejs"] };
    /** One that others of ours, which came with it, depend on. */
    const node = ["nodejs", "libnode115", "node-corepack"];

    it("loses all that came with it, and nothing else", async () => {
      // GIVEN a host, and what was ours before that package came
      await delivery.deploy(larger);
      const own = await record("own-packages");
      await delivery.deploy(withNode);
      expect(await installed(...node)).toEqual(node);
      // AND something of ours that its administrator has come to need
      await host.run(NEEDS_LIBUV);
      // WHEN
      await delivery.deploy(larger);
      // THEN
      expect(await installed(...node, "libuv1t64")).toEqual(["libuv1t64"]);
      expect((await record("own-packages")).sort()).toEqual([...own, "libuv1t64"].sort());
      // AND what is needed no more is gone with the next change
      await host.run("dpkg --purge needs-libuv");
      await delivery.deploy({ ...larger, files: exampleProfile({ word: "two" }).files });
      expect((await record("own-packages")).sort()).toEqual(own.sort());
      await removed();
    });

    it("loses it too where an earlier release tried in vain", async () => {
      // GIVEN a package that dpkg was asked to purge and kept, and that is on no list of ours
      await delivery.deploy(withNode);
      await host.attempt("dpkg --purge nodejs");
      await host.run("sed -i '/^nodejs$/d' /var/lib/tricloud/own-packages");
      expect(await installed("nodejs")).toEqual(["nodejs"]);
      // WHEN
      await delivery.deploy(larger);
      // THEN
      expect(await installed(...node)).toEqual([]);
      await removed();
    });
  });

  describe("that hears the same again", () => {
    it("finds active what is active, its health checked", async () => {
      // GIVEN
      await delivery.deploy(exampleProfile());
      // WHEN nobody has heard of the end and asks again
      expect(await delivery.activate()).toMatchObject({
        code: 0,
        output: expect.stringContaining("active already"),
      });
      // AND a service has died meanwhile THEN it is started, and waited for
      await host.run("systemctl stop tricloud-example");
      expect(succeeded(await delivery.activate())).toMatch(/started tricloud-example.*\n.*healthy/);
      await removed();
    });

    it("says what to do where nothing was ever delivered", async () => {
      await host.run("mkdir -m 0700 -p /var/lib/tricloud && cat >/var/lib/tricloud/host-apply.sh", {
        input: applyProgram("over-ssh"),
      });
      expect(await delivery.activate()).toEqual({
        code: 1,
        output: "jp-1: nothing is staged: deliver to this host again\n",
      });
      await removed();
    });
  });

  describe("on which a removal goes on that nobody hears of any more", () => {
    /** Has the removal wait for dpkg's lock, and others for the removal, until what is returned is called. */
    async function removing(): Promise<{
      readonly removal: Promise<unknown>;
      readonly goOn: () => Promise<void>;
    }> {
      await delivery.deploy(exampleProfile());
      const holder = await held(host, "/var/lib/dpkg/lock-frontend");
      const removal = delivery.remove().then(succeeded);
      await waitsFor("locked by");
      return { removal, goOn: async () => void (await host.run(`kill ${holder}`)) };
    }
    const waiting = (told: readonly string[]) =>
      until(
        "it is told to wait",
        30_000,
        async () => told.some((line) => /waiting for/.test(line)) || undefined,
      );

    it("is delivered to once that has ended", async () => {
      // GIVEN
      const { removal, goOn } = await removing();
      // WHEN it is delivered to meanwhile
      const told: string[] = [];
      const staged = delivery.stage(exampleProfile(), { onLine: (line) => told.push(line) });
      await waiting(told);
      await goOn();
      // THEN both come to their ends, and nobody else can look at what was delivered
      await removal;
      succeeded(await staged);
      expect(await host.run("stat -c %a /var/lib/tricloud")).toBe("700\n");
      succeeded(await delivery.activate());
      await removed();
    });

    it("has nothing left by another one", async () => {
      // GIVEN
      const { removal, goOn } = await removing();
      // WHEN
      const told: string[] = [];
      const second = delivery.remove({ onLine: (line) => told.push(line) });
      await waiting(told);
      await goOn();
      // THEN
      await removal;
      succeeded(await second);
      expect((await host.attempt("test -e /var/lib/tricloud")).code).toBe(1);
      expect(difference(untouched, await hostAsItIs())).toEqual([]);
    });
  });

  describe("on which others use apt", () => {
    it.each([
      ["dpkg's lock", "/var/lib/dpkg/lock-frontend"],
      ["the lock of apt's lists", "/var/lib/apt/lists/lock"],
    ])("waits for %s, and says who holds it", async (_what, path) => {
      // GIVEN
      const holder = await held(host, path);
      // WHEN it is given back once somebody was told
      const told = new Set<string>();
      const said = await delivery.stage(exampleProfile(), {
        onLine: (line) => {
          if (!line.includes("waiting for process") || told.size > 0) return;
          told.add(line);
          void host.run(`kill ${holder}`);
        },
      });
      // THEN
      expect(said.code).toBe(0);
      expect([...told].join()).toContain(`jp-1: waiting for process ${holder} (perl), which uses apt`);
      await removed();
    });

    it("does not lose its record when it is retired meanwhile", async () => {
      // GIVEN a deployed host, on which another program does not give dpkg's lock back
      await delivery.deploy(exampleProfile());
      const own = await record("own-packages");
      const holder = await held(host, "/var/lib/dpkg/lock-frontend");

      // WHEN it is retired by a program with little patience
      const impatient = new HostDelivery(
        host,
        applyProgram("over-ssh").replace("LOCK_SECONDS=300", "LOCK_SECONDS=3"),
      );
      await host.run("cat >/var/lib/tricloud/host-apply.sh", { input: impatient.program });
      const { code, output } = await impatient.remove();

      // THEN it fails, says why, and knows still what is to be purged
      expect(code).toBe(1);
      expect(output).toMatch(/cannot purge .*jq/);
      expect(output).not.toContain("jp-1: purged");
      expect(await record("own-packages")).toEqual(own);
      // AND retiring ends once the lock is free
      await host.run(`kill ${holder}`);
      await removed();
    });
  });

  describe("whose connection is lost", () => {
    it("lets apt end under its guard, and the next deploy wait for it", async () => {
      // GIVEN a stage that is cut off while dpkg unpacks
      await delivery.deliver(larger);
      const lost = new AbortController();
      const cut = delivery.stageDelivered({ signal: lost.signal });
      await until(
        "dpkg unpacks",
        60_000,
        async () => (await host.attempt("test -s /var/lib/tricloud/unpacked")).code === 0 || undefined,
        20,
      );
      expect(await host.run("/usr/sbin/policy-rc.d unbound start; echo $?")).toBe("101\n");
      lost.abort();
      await cut;

      // WHEN deployed again at once
      const said = await delivery.deploy(larger);

      // THEN everything is there, ours is on the record, and no guard is left over
      expect(said).toMatch(/waiting for another run: stage, process \d+|staged/);
      expect(await record("own-packages")).toEqual(expect.arrayContaining(["jq", "libjq1", "unbound"]));
      expect((await host.attempt("ls -l /usr/sbin/policy-rc.d")).code).not.toBe(0);
      await removed();
    });
  });

  describe("whose power was cut before the note of what dpkg unpacks was on the disk", () => {
    it("takes for ours what the run had begun", async () => {
      // GIVEN a run of which the plan is there, and a package that was begun
      await delivery.deploy(larger);
      const own = await record("own-packages");
      await removed();
      await host.run(
        "mkdir -p -m 0700 /var/lib/tricloud; cd /var/lib/tricloud; printf 'jq\\nlibjq1\\nlibonig5\\n' >planned; " +
          "for kind in passwd group; do cut -d: -f1 /etc/$kind | sort >$kind.before; done; apt-get -qy install libonig5",
      );
      await begunToUnpack("libonig5", "reinstreq half-installed");
      // WHEN deployed again
      await delivery.deploy(larger);
      // THEN
      expect((await record("own-packages")).sort()).toEqual(own.sort());
      await removed();
    });
  });

  describe("whose program is killed outright", () => {
    it("has services guarded for as long as apt runs on, and everything accounted for by the next deploy", async () => {
      // GIVEN a stage in which dpkg unpacks
      await delivery.deliver(larger);
      const cut = delivery.stageDelivered();
      await until(
        "dpkg unpacks",
        120_000,
        async () => (await host.attempt("test -s /var/lib/tricloud/unpacked")).code === 0 || undefined,
        20,
      );
      // WHEN apt loses the program that waits for it
      await host.run(
        "kill -STOP $(pgrep -x apt-get); kill -9 $(sed -n 's/.*process \\([0-9]*\\),.*/\\1/p' /run/tricloud-apply/lock)",
      );
      expect((await cut).code).not.toBe(0);
      // THEN the guard holds while apt is there, and no longer
      expect(await host.run("/usr/sbin/policy-rc.d unbound start; echo $?")).toBe("101\n");
      await host.run("kill -CONT $(pgrep -x apt-get)");
      await until(
        "apt has ended",
        300_000,
        async () => (await host.attempt("pgrep -x 'apt-get|dpkg'")).code !== 0 || undefined,
      );
      expect(await host.run("/usr/sbin/policy-rc.d unbound start; echo $?")).toBe("0\n");
      // AND the next deploy accounts for all that came, and leaves no guard
      await delivery.deploy(larger);
      expect(await record("own-packages")).toEqual(expect.arrayContaining(["jq", "libjq1", "unbound"]));
      expect((await host.attempt("ls -l /usr/sbin/policy-rc.d")).code).not.toBe(0);
      await removed();
    });
  });

  describe("whose disk is full", () => {
    /** Has a directory lie on a disk without room for one more block, with what it holds; a log takes each that is freed. */
    const fill = (directory: string) =>
      host.run(
        `cp -a ${directory} /root/kept && mount -t tmpfs -o size=1m,mode=0700 none ${directory} && ` +
          `cp -a /root/kept/. ${directory} && ` +
          `systemd-run -q --unit=filler perl -e 'open F, ">>", "${directory}/filler"; while (1) { syswrite F, "x" x 4096 }' && ` +
          `until [ $(df --output=avail ${directory} | tail -n 1) = 0 ]; do sleep 0.1; done`,
      );
    const makeRoom = (directory: string) =>
      host.run(
        `systemctl stop filler && rm ${directory}/filler && rm -r /root/kept && cp -a ${directory} /root/kept && umount ${directory} && ` +
          `find ${directory} -mindepth 1 -delete && cp -a /root/kept/. ${directory} && rm -r /root/kept`,
      );

    it.each([
      // A list that is new, and one that loses a line.
      ["as soon as it is retired", async () => undefined, "resume"],
      [
        "half-way",
        async () => {
          await host.run("mount --bind /etc/motd /etc/motd");
          expect((await delivery.remove()).output).toContain("cannot write /etc/motd");
          await host.run("umount /etc/motd");
        },
        "files",
      ],
    ])("keeps its record whole %s, and retires once there is room", async (_, begin, list) => {
      // GIVEN a deployed host whose record lies on a disk that is full
      await delivery.deploy(exampleProfile());
      await begin();
      const lists = ["own-packages", "files", "services", "directories", "resume"];
      const before = await Promise.all(lists.map(record));
      await fill("/var/lib/tricloud");

      // WHEN it is retired
      const { code, output } = await delivery.remove();

      // THEN that fails, and what cannot be written is what it was
      expect({ code, output }).toEqual({
        code: 1,
        output: expect.stringContaining(`cannot write /var/lib/tricloud/${list}`),
      });
      expect(await Promise.all(lists.map(record))).toEqual(before);
      // AND it ends once there is room
      await makeRoom("/var/lib/tricloud");
      await removed();
    });

    it("keeps a file that cannot be replaced", async () => {
      // GIVEN a deployed host whose service's files lie on a disk that is full
      await delivery.deploy(exampleProfile());
      await fill("/etc/tricloud-example");

      // WHEN another version is deployed
      succeeded(await delivery.stage(exampleProfile({ word: "two" })));
      const { code, output } = await delivery.activate();

      // THEN the one that was there is there whole, and nothing half-written beside it
      expect({ code, output }).toEqual({
        code: 1,
        output: expect.stringContaining("cannot write /etc/tricloud-example/example.conf"),
      });
      expect(await host.run("cat /etc/tricloud-example/example.conf; ls -A /etc/tricloud-example")).toBe(
        "one\nexample.conf\nfiller\n",
      );
      // AND the same again ends once there is room
      await makeRoom("/etc/tricloud-example");
      succeeded(await delivery.activate());
      expect(await host.run("cat /run/tricloud-example")).toBe("two\n");
      await removed();
    });
  });

  describe("with other users", () => {
    it("shows none of them its lock, and says at once who holds it", async () => {
      // GIVEN a run that waits for somebody
      const holder = await held(host, "/var/lib/dpkg/lock-frontend");
      await delivery.deliver(exampleProfile());
      const first = delivery.stageDelivered();
      await waitsFor("held by process");

      // WHEN another one comes, and a user tries to take the lock
      const told: string[] = [];
      const second = delivery.stageDelivered({ onLine: (line) => told.push(line) });
      await until("the second is told", 20_000, async () => told.length > 0 || undefined);
      const nobody = await host.attempt(
        "su -s /bin/sh nobody -c 'exec 9</run/tricloud-apply/lock && flock -n 9'",
      );

      // THEN
      expect(told[0]).toMatch(/^jp-1: waiting for another run: stage, process \d+, since \S+Z, from 10\./);
      expect(nobody.stderr).toContain("Permission denied");
      await host.run(`kill ${holder}`);
      expect([(await first).code, (await second).code]).toEqual([0, 0]);
      await removed();
    });
  });
});

/** Has a program on the host hold a lock as apt and dpkg do; returns its process id. */
async function held(host: VirtualHost, path: string): Promise<string> {
  const program = `open(F, ">>${path}"); $l = pack("ssx4qqlx4", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die $!; open(G, ">/run/held"); close(G); sleep 600`;
  await host.run(
    `rm -f /run/held; perl -MFcntl -e '${program}' </dev/null >/dev/null 2>&1 & echo $! >/run/holder`,
  );
  await until(
    "the lock is held",
    10_000,
    async () => (await host.attempt("test -e /run/held")).code === 0 || undefined,
  );
  return (await host.run("rm /run/held; cat /run/holder; rm /run/holder")).trim();
}

/** The release before this one: its own program, and a document in its own words. */
class EarlierDelivery extends HostDelivery {
  constructor(host: VirtualHost) {
    super(host, readFileSync(join(__dirname, "earlier/host-apply.sh"), "utf8"));
  }

  protected override documentOf(profile: HostProfile): string {
    const decoded = (field: string) =>
      field === "-" ? "-" : Buffer.from(decodeURIComponent(field)).toString("base64");
    return super
      .documentOf(profile)
      .replace(/^service (\S+) (\S+) (\S+) (\S+) (\S+)/gm, (_line, name: string, ...commands: string[]) =>
        ["service", name, ...commands.slice(0, 4).map(decoded)].join(" "),
      );
  }
}
