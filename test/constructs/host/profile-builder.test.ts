import { Lazy } from "cdktf";
import { type HostFile, HostProfileBuilder, secretContent, textContent } from "../../../constructs/host";

const file = (changes: Partial<HostFile> = {}): HostFile => ({
  path: "/etc/a.conf",
  content: textContent("a\n"),
  ...changes,
});

describe("HostProfileBuilder", () => {
  test("counts the same thing once", () => {
    // GIVEN two constructs that want the same package and file
    const builder = new HostProfileBuilder("jp-1");
    builder.add({ packages: ["curl", "unbound"], files: [file()] });
    builder.add({ packages: ["curl"], files: [file()] });
    // THEN the profile holds each once
    expect(builder.build()).toEqual({
      aptSources: [],
      packages: ["curl", "unbound"],
      files: [file()],
      services: [],
    });
  });

  test("takes a package in the one version that anybody wants, and refuses two", () => {
    const builder = new HostProfileBuilder("jp-1");
    for (const wanted of ["consul", "consul=1.22.3", "consul"]) builder.add({ packages: [wanted] });
    expect(builder.build().packages).toEqual(["consul=1.22.3"]);
    expect(() => builder.add({ packages: ["consul=1.22.2"] })).toThrow(
      "host jp-1: package consul is asked for twice, in version 1.22.3 and 1.22.2",
    );
  });

  test("refuses two contents for one path", () => {
    const builder = new HostProfileBuilder("jp-1");
    builder.add({ files: [file()] });
    expect(() => builder.add({ files: [file({ content: textContent("b\n") })] })).toThrow(
      "host jp-1: file /etc/a.conf is asked for twice with different content",
    );
  });

  test("refuses a service that reads a file nobody provides", () => {
    const builder = new HostProfileBuilder("jp-1");
    builder.add({ services: [{ name: "a.service", reads: ["/etc/a.conf"] }] });
    expect(() => builder.build()).toThrow(
      "host jp-1: service a.service reads /etc/a.conf, which is not among the host's files",
    );
  });

  test.each<[string, HostFile, string]>([
    [
      "a relative path",
      file({ path: "etc/a" }),
      'must be absolute and without spaces or quotes, got: "etc/a"',
    ],
    ["a path with a quote", file({ path: "/etc/a'b" }), "must be absolute and without spaces or quotes"],
    ["a path that climbs", file({ path: "/etc/../root/a" }), "must be absolute"],
    [
      "a mode that is no mode",
      file({ mode: "rw" }),
      'mode of /etc/a.conf must be four octal digits such as "0644", got: "rw"',
    ],
    [
      "a digest that is none",
      file({ content: { kind: "asset", source: "/x", sha256: "abc" } }),
      'sha256 of /etc/a.conf must be 64 hex digits, got: "abc"',
    ],
  ])("refuses %s", (_what, wrong, message) => {
    expect(() => new HostProfileBuilder("jp-1").add({ files: [wrong] })).toThrow(message);
  });

  test("refuses a literal secret and does not repeat it", () => {
    // GIVEN a secret written out, WHEN it is added
    const add = () =>
      new HostProfileBuilder("jp-1").add({ files: [file({ content: secretContent("gossip", "hunter2") })] });
    // THEN the message has the secret's name and not its value
    expect(add).toThrow("secret gossip for /etc/a.conf must be a Terraform expression, got: a literal");
    expect(add).not.toThrow(/hunter2/);
  });

  test("takes a secret that Terraform resolves", () => {
    const builder = new HostProfileBuilder("jp-1");
    const value = Lazy.stringValue({ produce: () => "${var.gossip}" });
    builder.add({ files: [file({ content: secretContent("gossip", value) })] });
    expect(builder.build().files).toHaveLength(1);
  });
});
