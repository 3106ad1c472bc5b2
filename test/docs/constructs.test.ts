import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { GoogleProvider } from "@cdktf/provider-google/lib/provider";
import { HelmProvider } from "@cdktf/provider-helm/lib/provider";
import { KubernetesProvider } from "@cdktf/provider-kubernetes/lib/provider";
import {
  App,
  TerraformOutput,
  TerraformProvider,
  TerraformRemoteState,
  TerraformStack,
  TerraformVariable,
} from "cdktf";
import type { Construct, IConstruct } from "constructs";
import { ModuleKind, ScriptTarget, transpileModule } from "typescript";

const root = join(__dirname, "../..");
const folder = join(root, "docs/constructs");
const { exports: entries } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  exports: Record<string, string>;
};

/** The package as an app imports it, from its sources. */
function load(name: string): unknown {
  const entry = entries[name.replace(/^tricloud/, ".")];
  if (!/^tricloud\b/.test(name) || entry === undefined) return jest.requireActual(name);
  return jest.requireActual(join(root, dirname(entry.replace("./dist/", ""))));
}

/** Providers that the stack around an example has, by what the example imports. */
const PROVIDERS: Record<string, (stack: Construct) => void> = {
  "tricloud/aws": (stack) => void new AwsProvider(stack, "aws", { region: "us-east-1" }),
  "tricloud/google": (stack) => void new GoogleProvider(stack, "google", { project: "example-shop" }),
  "tricloud/kubernetes": (stack) => {
    new KubernetesProvider(stack, "kubernetes", {});
    new HelmProvider(stack, "helm", {});
  },
};

interface Page {
  readonly path: string;
  readonly title: string;
  /** The class, unless the page is about a value. */
  readonly part?: new (...args: never[]) => IConstruct;
  readonly example: string;
  /** What the page says is made, in the words of `made`. */
  readonly makes: readonly string[];
}

function readPage(path: string): Page {
  const markdown = readFileSync(join(folder, path), "utf8");
  const [, title = ""] = /^# (\w+)$/m.exec(markdown) ?? [];
  const [, from] = /^`import \{ \w+ \} from "(.*)";`$/m.exec(markdown) ?? [];
  const [, example = ""] = /^```ts\n([\s\S]*?)^```/m.exec(markdown) ?? [];
  const [, section = ""] = /^## Makes\n([\s\S]*?)^## /m.exec(markdown) ?? [];
  const rows = [...section.matchAll(/^\| (`[^|]*`) +\|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
  );
  const part = from === undefined ? undefined : (load(from) as Record<string, Page["part"]>)[title];
  return { path, title, part, example, makes: rows };
}

const pages = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".md") && path !== "README.md")
  .sort()
  .map(readPage);

interface Entry {
  readonly "//"?: { readonly metadata?: { readonly path: string } };
  /** Texts for a host: digests of what it holds, by name. Others are not about hosts. */
  readonly triggers_replace?: Record<string, unknown>;
  readonly manifest?: { readonly kind: string };
}
type Section = Record<string, Record<string, Entry>>;

function run(example: string, stack?: TerraformStack): void {
  const { outputText } = transpileModule(example, {
    compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022 },
  });
  const given = stack === undefined ? {} : { stack };
  new Function("require", "exports", ...Object.keys(given), outputText)(load, {}, stack);
}

/** Runs an example in a stack and synthesises it: the constructs, and what Terraform reads of all stacks. */
function synthesised(example: string): { constructs: IConstruct[]; read: (section: string) => Section[] } {
  const outdir = mkdtempSync(join(tmpdir(), "tricloud-docs-"));
  try {
    const app = new App({ outdir });
    const stack = new TerraformStack(app, "example");
    for (const [name, add] of Object.entries(PROVIDERS)) if (example.includes(`"${name}"`)) add(stack);
    run(example, stack);
    app.synth();
    const stacks = readdirSync(join(outdir, "stacks")).map(
      (name) =>
        JSON.parse(readFileSync(join(outdir, "stacks", name, "cdk.tf.json"), "utf8")) as Record<
          string,
          Section
        >,
    );
    return {
      constructs: app.node.findAll(),
      read: (section) => stacks.map((each) => each[section] ?? {}),
    };
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

/**
 * What the parts of a page have made: types of resources and data sources, variables, outputs and providers; and,
 * where a part puts something on hosts, the packages, files and services.
 */
function made({ part, example }: Page): string[] {
  const { constructs, read } = synthesised(example);
  const parts = part === undefined ? [] : constructs.filter((construct) => construct instanceof part);
  if (part !== undefined && parts.length === 0) throw new Error("expected the example to make the part");
  const isWithin = (path: string | undefined) =>
    parts.some(({ node }) => `${path}/`.startsWith(`${node.path}/`));
  const typed = (section: string, prefix: string) =>
    read(section).flatMap((types) =>
      Object.entries(types).flatMap(([type, byName]) =>
        Object.values(byName)
          .filter((entry) => isWithin(entry["//"]?.metadata?.path))
          .map(({ manifest }) => `${prefix}${type}${manifest === undefined ? "" : ` ${manifest.kind}`}`),
      ),
    );
  // A host's own page is about the host, not about what others put on it.
  const onHosts = parts.some((each) => "addToProfile" in each) ? [] : delivered(read("resource"));
  const all = [
    ...typed("resource", ""),
    ...typed("data", "data."),
    ...constructs.filter(({ node }) => isWithin(node.path)).flatMap(named),
    ...onHosts,
  ];
  return [...new Set(all)].sort();
}

/** What has a name in Terraform's configuration but does not say where it comes from there. */
function named(construct: IConstruct): string[] {
  if (construct instanceof TerraformVariable) return [`variable ${construct.friendlyUniqueId}`];
  if (construct instanceof TerraformOutput) return [`output ${construct.node.id}`];
  if (construct instanceof TerraformRemoteState) return ["data.terraform_remote_state"];
  return construct instanceof TerraformProvider ? [`provider ${construct.terraformResourceType}`] : [];
}

/** What dedicated servers are told to hold. */
function delivered(resources: readonly Section[]): string[] {
  return resources
    .flatMap((types) => Object.values(types["terraform_data"] ?? {}))
    .flatMap(({ triggers_replace: digests = {} }) => Object.entries(digests))
    .flatMap(([name, digest]) => {
      if (typeof digest !== "string") return [];
      if (name === "packages") return digest.split(" ").map((each) => `package ${each}`);
      // What a delivery is for, what an activation waits for, a roll-out, and a machine of a roster.
      return /^(address|host key|delivery|version|awaited|forms|key of .*)$| SHA256:/.test(name)
        ? []
        : [name];
    });
}

test.each(pages.map((page) => [page.path, page] as const))("%s lists what its example makes", (_, page) => {
  // GIVEN the page's example WHEN synthesised THEN what its part makes is what the page says
  expect(made(page)).toEqual([...page.makes].sort());
});

test("the index shows an app that synthesises", () => {
  // GIVEN the index's example, an app of its own
  const { example } = readPage("README.md");
  const outdir = mkdtempSync(join(tmpdir(), "tricloud-docs-"));
  process.env["CDKTF_OUTDIR"] = outdir;
  try {
    // WHEN it runs
    run(example);
    // THEN its stack is written
    expect(readdirSync(join(outdir, "stacks"))).toEqual(["shop"]);
  } finally {
    delete process.env["CDKTF_OUTDIR"];
    rmSync(outdir, { recursive: true });
  }
});

describe("npm run docs -- --check", () => {
  const check = (docs: string) => {
    const { status, stderr } = spawnSync("node", ["script/write-docs.mjs", "--check", "--docs", docs], {
      cwd: root,
      encoding: "utf8",
    });
    return { status, problems: stderr.split("\n").filter((line) => line !== "") };
  };

  test("finds a page for every construct, each as its source says, with an example that compiles", () => {
    // GIVEN the pages WHEN checked THEN there is nothing to say
    expect(check("docs")).toEqual({ status: 0, problems: [] });
  });

  test("names each page that is missing, stale, superfluous or without a sound example", () => {
    // GIVEN pages of which some have been spoilt
    const docs = mkdtempSync(join(tmpdir(), "tricloud-docs-"));
    try {
      cpSync(join(root, "docs"), docs, { recursive: true });
      const spoil = (path: string, from: string | RegExp, to: string) => {
        const text = readFileSync(join(docs, path), "utf8");
        expect(text).toMatch(from);
        writeFileSync(join(docs, path), text.replace(from, to));
      };
      rmSync(join(docs, "constructs/aws/pager.md"));
      spoil("constructs/aws/cache.md", "`2` ", "`3` ");
      spoil("constructs/aws/data-key.md", "key.keyArn", "key.keyId");
      spoil("constructs/aws/firewall.md", "```ts", "```js");
      spoil("constructs/README.md", "`FlowLog`", "`FlowLogs`");
      spoil("aws.md", "`FlowLog`", "`FlowLogs`");
      writeFileSync(join(docs, "constructs/aws/queue.md"), "# Queue\n\n```ts\nexport {};\n```\n");

      // WHEN checked
      const { status, problems } = check(docs);

      // THEN each is named
      expect(status).toBe(1);
      expect(problems.map((line) => line.replace(/^\S*tricloud-docs-\w+\//, ""))).toEqual([
        expect.stringMatching(/^aws\.md: differs from what the source says/),
        expect.stringMatching(/^constructs\/README\.md: differs from what the source says/),
        expect.stringMatching(/^constructs\/aws\/cache\.md: differs from what the source says/),
        expect.stringMatching(/^constructs\/aws\/data-key\.md:\d+: Property 'keyId' does not exist/),
        "constructs/aws/firewall.md: expected one example in TypeScript, got: 0",
        expect.stringMatching(/^constructs\/aws\/pager\.md: is missing/),
        "constructs/aws/queue.md: no construct of that name is exported",
      ]);
    } finally {
      rmSync(docs, { recursive: true });
    }
  });
});

describe("links between pages", () => {
  const markdown = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".md"),
  );
  const anchorsOf = (path: string) =>
    [...readFileSync(path, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\w\s-]/g, "")
        .replaceAll(" ", "-"),
    );

  test.each(markdown)("%s leads to pages and headings that exist", (path) => {
    // GIVEN a page's links to others WHEN followed
    const text = readFileSync(join(root, "docs", path), "utf8");
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)];
    const dead = links.filter(([, file, anchor]) => {
      const target = file === "" ? join(root, "docs", path) : join(root, "docs", dirname(path), file!);
      return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
    });
    // THEN none is dead
    expect(dead.map(([link]) => link)).toEqual([]);
  });
});
