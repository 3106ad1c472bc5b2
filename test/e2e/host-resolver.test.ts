import { App, TerraformStack } from "cdktf";
import { LocalResolver } from "../../constructs/dns";
import { RecordingHost } from "../constructs/dns/recording-host";
import { Testbed, type VirtualHost } from "../testbed";
import { HostDelivery, snapshotBesideDeliveries, succeeded } from "./host-delivery";
import { difference } from "./host-snapshot";
import { describeOnVirtualHosts } from "./virtual-hosts";

const NAME = "api.example.test";
const ADDRESS = "192.0.2.9";

describeOnVirtualHosts("the resolver of a host whose name servers something else manages", () => {
  let testbed: Testbed;

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: ["resolved", "openresolv", "resolvconf", "neither"] });
    for (const host of testbed.hosts) await host.run("apt-get -q update");
  });
  afterAll(() => testbed?.stop());

  /** One of two hosts, with an address that it does not have yet. */
  function profile() {
    const stack = new TerraformStack(new App(), "jp");
    const [first, second] = [new RecordingHost(stack, "jp-1"), new RecordingHost(stack, "jp-2")];
    new LocalResolver(stack, "resolver", {
      hosts: [first, second],
      forwarders: [testbed.network.gateway],
      records: { [NAME]: ADDRESS },
    });
    return first.profile;
  }
  const asked = async (host: VirtualHost) =>
    (await host.attempt(`getent ahostsv4 ${NAME}`)).stdout.split(" ")[0];

  it("is asked where systemd-resolved has servers of its own, until it is taken back", async () => {
    // GIVEN a host on which programs ask systemd-resolved, which has a server by its own configuration
    const host = testbed.host("resolved");
    const delivery = new HostDelivery(host);
    await host.run(
      "apt-get -qy --no-install-recommends install systemd-resolved libnss-resolve && mkdir -p /etc/systemd/resolved.conf.d && " +
        `printf '[Resolve]\\nDNS=${testbed.network.gateway}\\n' >/etc/systemd/resolved.conf.d/own.conf && systemctl restart systemd-resolved`,
    );
    expect(await host.run("grep ^hosts: /etc/nsswitch.conf; readlink /etc/resolv.conf")).toMatch(
      /resolve .*\n.*stub-resolv/,
    );
    const before = await snapshotBesideDeliveries(host);

    // WHEN
    await new HostDelivery(host).deploy(profile());

    // THEN, and its own, which may know of no such name, is not asked besides
    expect(await asked(host)).toBe(ADDRESS);
    expect(await host.run("resolvectl dns")).not.toContain(testbed.network.gateway);

    // WHEN it is taken back, and the host starts anew
    succeeded(await delivery.remove());
    expect(difference(before, await snapshotBesideDeliveries(host))).toEqual([]);
    await host.cutPower();
    await host.start();

    // THEN programs ask its own server once more
    expect(await host.run("resolvectl dns; ss -Hlun 'sport = :53'")).toMatch(
      new RegExp(`Global: ${testbed.network.gateway}\n(.|\n)*127\\.0\\.0\\.53`),
    );
  });

  it("is asked still when openresolv is told of other servers", async () => {
    // GIVEN
    const host = testbed.host("openresolv");
    await host.run("apt-get -qy --no-install-recommends install openresolv");
    await new HostDelivery(host).deploy(profile());
    // WHEN an interface comes up with a server of its own
    await host.run(`echo "nameserver ${testbed.network.gateway}" | resolvconf -a eth0.dhcp; resolvconf -u`);
    // THEN
    expect(await asked(host)).toBe(ADDRESS);
  });

  it("is asked still when Debian's resolvconf is told of other servers, until it is taken back", async () => {
    // GIVEN a host whose list of servers is what interfaces have told resolvconf, and unbound tells it of itself
    const host = testbed.host("resolvconf");
    const delivery = new HostDelivery(host);
    await host.run("DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install resolvconf");
    const interfaceComesUp = `echo "nameserver ${testbed.network.gateway}" | resolvconf -a eth0.dhcp`;
    // Its units are then as a start leaves them, not its installation.
    await host.cutPower();
    await host.start();
    await host.run(interfaceComesUp);
    expect(await host.run("readlink -f /etc/resolv.conf; grep -v '^#' /etc/resolv.conf")).toBe(
      `/run/resolvconf/resolv.conf\nnameserver ${testbed.network.gateway}\n`,
    );
    const before = await snapshotBesideDeliveries(host);
    await delivery.deploy(profile());

    // WHEN an interface comes up, before and after the host starts anew
    await host.run(interfaceComesUp);
    expect(await asked(host)).toBe(ADDRESS);
    await host.cutPower();
    await host.start();
    await host.run(interfaceComesUp);

    // THEN
    expect(await asked(host)).toBe(ADDRESS);

    // WHEN it is taken back THEN programs ask what interfaces tell
    succeeded(await delivery.remove());
    expect(difference(before, await snapshotBesideDeliveries(host))).toEqual([]);
    expect(await host.run("grep -v '^#' /etc/resolv.conf")).toBe(`nameserver ${testbed.network.gateway}\n`);
  });

  it("is not taken for healthy when programs do not ask it", async () => {
    // GIVEN a host whose programs look into files alone
    const host = testbed.host("neither");
    const delivery = new HostDelivery(host);
    await host.run("sed -i 's/^hosts:.*/hosts: files/' /etc/nsswitch.conf");
    // WHEN
    succeeded(await delivery.stage(profile()));
    const { code, output } = await delivery.activate();
    // THEN
    expect(code).toBe(1);
    expect(output).toMatch(/unbound.service is not healthy after 30 s \(programs do not ask this resolver/);
  });
});
