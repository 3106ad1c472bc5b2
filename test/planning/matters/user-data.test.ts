import { createHash } from "node:crypto";
import { textContent } from "../../../constructs/host";
import { cloudInit } from "../../../constructs/host/cloud-init";
import { readUserData } from "../../../planning/matters/user-data";

const guard = "#!/bin/bash\necho guarded\n";
const digest = createHash("sha256").update(guard).digest("hex");

const userData = cloudInit(
  {
    aptSources: [],
    packages: [],
    files: [
      { path: "/usr/local/lib/guard", mode: "0755", content: textContent(guard) },
      { path: "/etc/small.conf", content: textContent("small\n") },
    ],
    services: [],
  },
  {
    fetchAsset: () => "false",
    fetchSecret: () => "false",
    fetchText: (sha256) => (sha256 === digest ? "fetch --key guard" : undefined),
  },
);

describe("readUserData", () => {
  it("knows texts that machines fetch as those that lie in it", () => {
    // GIVEN user data whose guard is fetched WHEN read with what the bucket holds
    const { files } = readUserData(userData, new Map([[digest, guard]]));
    // THEN both are texts, to be shown line by line
    expect(files.get("/usr/local/lib/guard")).toMatchObject({ kind: "text", text: guard });
    expect(files.get("/etc/small.conf")).toMatchObject({ kind: "text", text: "small\n" });
    expect(userData).not.toContain("guarded");
  });

  it("tells a text that is not known by its digest", () => {
    // GIVEN user data whose guard is fetched WHEN read without the bucket THEN its digest tells it from others
    expect(readUserData(userData, new Map()).files.get("/usr/local/lib/guard")).toMatchObject({
      kind: "asset",
      version: digest,
    });
  });
});
