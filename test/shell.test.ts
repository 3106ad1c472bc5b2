import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "cdktf";
import { parse } from "yaml";
import { SERVICES_PROGRAM } from "../cli/services";
import { applyProgram } from "../constructs/host/apply-program";
import { validateRegions } from "../stacks/values/regions";
import { validateServices } from "../stacks/values/services";
import jp from "../regions/jp";
import uk from "../regions/uk";
import us from "../regions/us";
import { addStacks } from "../stacks";

const obstacle =
  spawnSync("shellcheck", ["--version"]).status === 0 ? undefined : "no shellcheck: run script/setup";
const test = obstacle === undefined ? it : it.skip;
const ROOT = join(__dirname, "..");

/** Every piece of shell that ends up on a machine, or runs on this one, by the places where it was found. */
let pieces: Map<string, string[]>;

beforeAll(async () => {
  pieces = new Map();
  const found = (text: string, place: string) => pieces.set(text, [...(pieces.get(text) ?? []), place]);
  for (const path of ["script", "test", "bench", "constructs/dedicated"].flatMap(programs))
    found(readFileSync(join(ROOT, path), "utf8"), path);
  for (const front of ["over-ssh", "first-boot"] as const)
    found(applyProgram(front), `the program for ${front}`);
  found(SERVICES_PROGRAM, "tricloud services");
  for (const { stack, values } of await synthesised()) collect(values, stack, found);
}, 120_000);

describe("shell", () => {
  test(`has no fault that shellcheck knows of${obstacle === undefined ? "" : ` (skipped: ${obstacle})`}`, () => {
    // GIVEN all of it, that which TypeScript renders included
    const places = [...pieces.values()].flat().join("\n");
    for (const expected of [
      "script/setup",
      "consul-guard",
      "consul-snapshot",
      "unbound-guard",
      "health",
      "ssh-step.sh",
      "consul-snapshot",
      "service-container",
      "prepare",
    ]) {
      expect(places).toContain(expected);
    }
    // WHEN
    const directory = mkdtempSync(join(tmpdir(), "tricloud-shell-"));
    try {
      const files = new Map(
        [...pieces].map(([text, from], index) => {
          const file = join(directory, `${index}.sh`);
          writeFileSync(file, text.startsWith("#!") ? text : `#!/bin/bash\n${COMMAND_ALONE}\n${text}\n`);
          return [file, from.slice(0, 3).join(", ")] as const;
        }),
      );
      const { stdout } = spawnSync("shellcheck", ["--norc", "-e", "SC1091", "-f", "gcc", ...files.keys()], {
        encoding: "utf8",
      });
      const complaints = stdout
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => line.replace(/^[^:]*/, (file) => files.get(file) ?? file));
      // THEN
      expect(complaints).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }, 120_000);
});

/** What a command relies on that runs by itself: a name that its surroundings set, or functions of the program. */
const COMMAND_ALONE = "# shellcheck disable=SC2154,SC2317";

/** Paths of the shell programs in a folder of the repository. */
function programs(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => statSync(join(ROOT, path)).isFile())
    .filter(
      (path) =>
        path.endsWith(".sh") ||
        /^#!.*\b(ba)?sh\b/.test(readFileSync(join(ROOT, path), "utf8").split("\n", 1)[0] ?? ""),
    );
}

const SERVICE = {
  name: "web",
  image: `registry.example.com/web@sha256:${"1".repeat(64)}`,
  port: 8080,
  health: { path: "/healthz" },
  in: { jp: {} },
};

/** All stacks as Terraform reads them, with what regions may leave out switched on where that is rendered as shell. */
async function synthesised(): Promise<{ stack: string; values: unknown }[]> {
  const regions = validateRegions(
    [jp, uk, us].map((value) => ({ file: `${value.name}.ts`, value: value as unknown })),
  );
  const outdir = mkdtempSync(join(tmpdir(), "tricloud-shell-"));
  try {
    const app = new App({ outdir });
    for (const region of regions) {
      const away =
        region.platform === "gke"
          ? {}
          : { snapshots: { bucket: { bucket: "snapshots", region: "us-east-1" } } };
      const consul = { ...region.consul, ...away };
      const [more] = validateRegions([{ file: `${region.name}.ts`, value: { ...region, consul } }]);
      await addStacks(app, more ?? region, validateServices([{ file: "web.ts", value: SERVICE }], regions));
    }
    app.synth();
    return readdirSync(join(outdir, "stacks")).map((stack) => ({
      stack,
      values: JSON.parse(readFileSync(join(outdir, "stacks", stack, "cdk.tf.json"), "utf8")) as unknown,
    }));
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

/** One of Terraform's, which will have been resolved to a part of a word. */
const EXPRESSION = /(?<!\$)\$\{(aws_|data\.|var\.|local\.|base64encode|random_)[^}]*\}/g;

type Found = (text: string, place: string) => void;

/** Finds shell wherever a stack may hold it. */
function collect(value: unknown, place: string, found: Found): void {
  if (typeof value === "string") return collectText(value, place, found);
  if (typeof value !== "object" || value === null) return;
  const { command } = value as { command?: unknown };
  if (Array.isArray(command) && /^(ba)?sh$/.test(String(command[0])) && command[1] === "-c") {
    found(String(command[2]), `${place}, command`);
  }
  for (const [key, inner] of Object.entries(value)) collect(inner, `${place} ${key}`.slice(-80), found);
}

function collectText(text: string, place: string, found: Found): void {
  const plain = text.replaceAll(EXPRESSION, "expression").replaceAll("$${", "${").replaceAll("%%{", "%{");
  if (/^#!.*\b(ba)?sh\b/.test(plain)) found(plain, place);
  else if (plain.startsWith("#cloud-config")) {
    const { write_files } = parse(plain) as { write_files: { path: string; content: string }[] };
    for (const { path, content } of write_files) collectText(content, path, found);
  } else if (/^service \S+( \S+){6}$/m.test(plain)) collectDocument(plain, found);
}

/** The commands and inline files of a document for the program on a host. */
function collectDocument(document: string, found: Found): void {
  const decoded = (word: string) => decodeURIComponent(word);
  for (const line of document.split("\n")) {
    const [kind = "", ...fields] = line.split(" ");
    if (kind === "service") {
      const [name, ...commands] = fields;
      ["reload", "gate", "verify", "health"].forEach((what, index) => {
        const command = commands[index] ?? "-";
        if (command !== "-") found(decoded(command), `${what} of ${name}`);
      });
    } else if (["prepare", "healthy", "unhealthy"].includes(kind)) {
      found(decoded(fields[0] ?? ""), kind);
    } else if (kind === "file") {
      const [, , , path = "", , how, what = ""] = fields;
      if (how === "command") found(decoded(what), `content of ${path}`);
      else if (how === "inline") collectText(Buffer.from(what, "base64").toString(), path, found);
    }
  }
}
