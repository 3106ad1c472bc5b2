import type { AptSource, TextContent } from "../../../constructs/host";
import { aptFiles, profileAptFiles } from "../../../constructs/host/apt-files";

const source: AptSource = {
  name: "consul",
  uri: "https://apt.example.com/debian",
  suite: "trixie",
  components: ["main"],
};
const contents = (value: AptSource) =>
  Object.fromEntries(aptFiles(value).map(({ path, content }) => [path, (content as TextContent).text]));

describe("profileAptFiles", () => {
  test("keep upgrades by others from moving a package that is wanted in one version, before all of a source's own", () => {
    // GIVEN a profile that wants one, as upstream calls it
    const [versions, ...others] = profileAptFiles({
      aptSources: [source],
      packages: ["consul=1.22.3", "curl"],
      files: [],
      services: [],
    });
    // THEN the version holds in whichever package it comes
    expect(versions).toEqual({
      path: "/etc/apt/preferences.d/00-tricloud-versions",
      content: {
        kind: "text",
        text: ["1.22.3", "1.22.3-*", "1.22.3+*"]
          .map((version) => `Package: consul\nPin: version ${version}\nPin-Priority: 990\n`)
          .join("\n"),
      },
    });
    expect(others).toEqual(aptFiles(source));
  });

  test("refuse a version that no package can have", () => {
    const profile = { aptSources: [], packages: ["consul=latest"], files: [], services: [] };
    expect(() => profileAptFiles(profile)).toThrow(
      'package consul: expected a version such as 1.22.3, or a Debian package\'s such as 1.22.3-1, got: "latest"',
    );
  });
});

describe("aptFiles", () => {
  test("writes a deb822 entry signed by the source's own key", () => {
    // GIVEN a source with its key
    const files = contents({ ...source, key: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n" });
    // THEN the entry names the key file
    expect(files).toEqual({
      "/etc/apt/keyrings/tricloud-consul.asc": "-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
      "/etc/apt/sources.list.d/tricloud-consul.sources":
        "Types: deb\nURIs: https://apt.example.com/debian\nSuites: trixie\nComponents: main\n" +
        "Signed-By: /etc/apt/keyrings/tricloud-consul.asc\n",
    });
  });

  test("keeps everything else of the archive out when only some packages are wanted", () => {
    const files = contents({ ...source, onlyPackages: ["consul"] });
    expect(files["/etc/apt/preferences.d/tricloud-consul"]).toBe(
      'Package: consul\nPin: origin "apt.example.com"\nPin-Priority: 500\n\n' +
        'Package: *\nPin: origin "apt.example.com"\nPin-Priority: -1\n',
    );
  });

  test("refuses a fetched key that nothing vouches for", () => {
    expect(() => aptFiles({ ...source, keyUrl: "https://apt.example.com/key" })).toThrow(
      "apt source consul: keyUrl needs keyFingerprint, got: keyUrl https://apt.example.com/key alone",
    );
  });
});
