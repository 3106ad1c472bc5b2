import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import {
  InvalidRegionsError,
  readRegions,
  type RegionProblem,
  type ValueSource,
  validateRegions,
} from "../stacks/values/regions";
import { readOptions } from "../planning/read-options";
import { hasTricloud, missingPackages, regionFile, REGIONS, writeProject } from "./init/project";
import {
  type Answers,
  answersIn,
  OPTIONS,
  PLATFORM,
  type Platform,
  PLATFORMS,
  type Question,
  QUESTIONS,
} from "./init/questions";
import { regionValue } from "./init/region-value";

const USAGE = `usage: tricloud init [--platform PLATFORM] [OPTION...]

Begins a region of one's own in the current folder: asks what it must know, writes the region's value, and what makes
the folder a project where that is not there. Files that are there are never written. What options answer is not asked.

  --platform      ${PLATFORMS.join(", ")}
${[...OPTIONS.values()]
  .filter(({ name }) => name !== PLATFORM.name)
  .map(
    ({ name, asks, isMany }) =>
      `  ${`--${name}`.padEnd(14)}  ${asks}${isMany === true ? "; repeatable" : ""}\n`,
  )
  .join("")}  --no-install    leave out npm install of the packages that the platform needs

Exit codes: 0 there is a region; 1 npm could not install a package; 2 wrong or missing answers: nothing is written.
`;

/** Where the command reads and writes. */
export interface Conversation {
  readonly folder: string;
  readonly print: (text: string) => void;
  /** Asks for a line; undefined when there is nobody to ask. */
  readonly ask?: (question: string) => Promise<string>;
}

/** @throws Error for answers that are missing or wrong */
export async function init(args: readonly string[], conversation: Conversation): Promise<number> {
  const { values } = readCommandLine(args);
  if (values["help"] === true) {
    conversation.print(USAGE);
    return 0;
  }
  const given = Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      Array.isArray(value) ? [[name, value.map(String)]] : [],
    ),
  ) as Answers;
  const directory = join(conversation.folder, REGIONS);
  const others = existsSync(directory) ? readRegions(directory) : [];
  const [platform, answers] = await allAnswers(given, others, conversation);
  const value = JSON.parse(JSON.stringify(regionValue(platform, answers))) as Record<string, unknown>;
  const file = regionFile(String(value["name"]));
  if (existsSync(join(conversation.folder, file)))
    throw new Error(`${file} is there already: nothing is written`);
  validateRegions([...others, { file, value }]);
  const [servers, keys] = [answers["server"] ?? [], answers["host-key"] ?? []];
  if (keys.length > servers.length)
    throw new Error(`expected one host key for each of ${servers.length} servers, got: ${keys.length}`);
  const written = writeProject(conversation.folder, value);
  const missing = missingPackages(conversation.folder, platform);
  const isInstalled = missing.length === 0 || (values["no-install"] !== true && install(missing));
  conversation.print(
    nextSteps(String(value["name"]), platform, written, isInstalled ? [] : missing, conversation),
  );
  return isInstalled || values["no-install"] === true ? 0 : 1;
}

function readCommandLine(args: readonly string[]) {
  return readOptions("init", {
    args: [...args],
    options: {
      ...Object.fromEntries(
        [...OPTIONS.keys()].map((name) => [name, { type: "string", multiple: true } as const]),
      ),
      "no-install": { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
}

/** What options answer, and what is asked for the rest. */
async function allAnswers(
  given: Answers,
  others: readonly ValueSource[],
  { ask, print }: Conversation,
): Promise<[Platform, Answers]> {
  const word = given["platform"]?.[0] ?? (await ask?.(questionText(PLATFORM, {})))?.trim();
  const platform = PLATFORMS.find((one) => one === word);
  if (word !== undefined && platform === undefined)
    throw new Error(`expected a platform, one of ${PLATFORMS.join(", ")}, got: ${JSON.stringify(word)}`);
  const questions = platform === undefined ? [PLATFORM] : QUESTIONS[platform];
  refuseStrayOptions(given, platform, questions);
  let answers: Answers = given;
  const missing: Question[] = [];
  for (const question of questions) {
    if (answers[question.name] !== undefined) continue;
    const usual = question.usual?.(answers) ?? [];
    if (ask === undefined && question.usual === undefined) missing.push(question);
    else if (ask === undefined || platform === undefined) answers = { ...answers, [question.name]: usual };
    else answers = { ...answers, [question.name]: await answered(question, usual) };
  }
  if (platform === undefined || missing.length > 0) {
    const wanted = missing.map(
      ({ name, example }) => `--${name} ${/ /.test(example) ? `"${example}"` : example}`,
    );
    throw new Error(`there is no terminal to ask on: give also ${wanted.join(" ")} (these are examples)`);
  }
  // What one answer asks of another is known when all are there.
  while (ask !== undefined) {
    const problems = problemsOf(regionValue(platform, answers), others);
    const wrong = questions.filter((question) => problems.some(({ path }) => concerns(path, question)));
    if (wrong.length === 0) break;
    for (const problem of problems) print(shown(problem));
    for (const question of wrong) {
      answers = { ...answers, [question.name]: await answered(question, question.usual?.(answers) ?? []) };
    }
  }
  return [platform, answers];

  /** Asks until nothing is wrong with the answer itself. */
  async function answered(question: Question, usual: readonly string[]): Promise<readonly string[]> {
    for (;;) {
      const typed = answersIn(await ask!(questionText(question, answers)), question);
      const answer = typed.length === 0 ? usual : typed;
      const problems = problemsOf(
        regionValue(platform!, { ...answers, [question.name]: answer }),
        others,
      ).filter(({ path }) => concerns(path, question));
      if (answer.length > 0 && problems.length === 0) return answer;
      for (const problem of problems) print(shown(problem));
    }
  }
}

const shown = ({ path, expectation, value }: RegionProblem): string =>
  `${path}: ${expectation}, got: ${value}`;

/** Whether a problem is one with the answer: ranges are made of the network, and keys are asked for after servers. */
function concerns(path: string, { name, path: asked }: Question): boolean {
  const isKey = path.endsWith(".hostKey");
  if (name === "cidr" && path.startsWith("ranges")) return true;
  return path.startsWith(asked) && (name === "host-key" ? isKey : !isKey);
}

function problemsOf(
  value: Record<string, unknown>,
  others: readonly ValueSource[],
): readonly RegionProblem[] {
  try {
    validateRegions([...others, { file: "the new region", value }]);
    return [];
  } catch (error) {
    if (error instanceof InvalidRegionsError) return error.problems;
    throw error;
  }
}

/** What would be left out in silence. */
function refuseStrayOptions(
  given: Answers,
  platform: Platform | undefined,
  questions: readonly Question[],
): void {
  const stray = Object.keys(given).find(
    (name) => name !== PLATFORM.name && !questions.some((question) => question.name === name),
  );
  if (platform !== undefined && stray !== undefined)
    throw new Error(
      `--${stray} is not for a region on ${platform}: "tricloud init --help" lists the options`,
    );
  for (const { name, isMany } of [PLATFORM, ...questions]) {
    const answer = given[name] ?? [];
    if (isMany !== true && answer.length > 1)
      throw new Error(`--${name} takes one value, got: ${answer.join(" ")}`);
  }
}

function questionText({ asks, example, usual }: Question, answers: Answers): string {
  const otherwise = usual?.(answers) ?? [];
  return `${asks} ${otherwise.length > 0 ? `[${otherwise.join(" ")}]` : `(such as ${example})`}: `;
}

/** What npm says goes to standard error: standard output is the command's alone. */
function install(packages: readonly string[]): boolean {
  const { status } = spawnSync("npm", ["install", "--save-dev", "--no-audit", "--no-fund", ...packages], {
    stdio: ["ignore", process.stderr.fd, "inherit"],
  });
  return status === 0;
}

function nextSteps(
  name: string,
  platform: Platform,
  written: readonly string[],
  missing: readonly string[],
  { folder }: Conversation,
): string {
  const stack = platform === "gke" ? `'${name}*'` : name;
  const steps: ReadonlyArray<readonly [string, string]> = [
    ...(hasTricloud(folder)
      ? []
      : [["npm install PACKAGE", "tricloud's own package, which this folder does not have yet"] as const]),
    ...(missing.length === 0
      ? []
      : [[`npm install --save-dev ${missing.join(" ")}`, "what this platform needs"] as const]),
    ["npx tricloud synth", "Terraform's configuration, in cdktf.out"],
    ["npx tricloud availability", "what the region can promise, and what costs it most"],
    ["npx tricloud plan", "what Terraform would do, without a cloud"],
    ["npm install --save-dev cdktf-cli@0.21.0", "once"],
    [`npx cdktf deploy ${stack}`, "with the secrets that the plan names as variables, TF_VAR_NAME"],
  ];
  return [
    `wrote ${written.join(", ")}`,
    "next:",
    ...steps.map(([command, why]) => `  # ${why}\n  ${command}`),
    `more fields: ${regionFile(name)}, which an editor completes by its schema; a backend for the state among them`,
    "",
  ].join("\n");
}

/** @returns the exit code, as the help says */
export async function main(args: readonly string[]): Promise<number> {
  const terminal = process.stdin.isTTY === true ? terminalOf() : undefined;
  try {
    return await init(args, {
      folder: process.cwd(),
      print: (text) => void process.stdout.write(text.replace(/\n*$/, "\n")),
      ask: terminal?.ask,
    });
  } finally {
    terminal?.close();
  }
}

function terminalOf() {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  terminal.once("SIGINT", () => process.exit(128 + 2));
  // Lines that are there before they are asked for, pasted ones for instance, are kept.
  const lines = terminal[Symbol.asyncIterator]();
  return {
    ask: async (question: string): Promise<string> => {
      terminal.setPrompt(question);
      terminal.prompt();
      const { done, value } = await lines.next();
      if (done === true) throw new Error("ended before all was answered: nothing is written");
      return value;
    },
    close: () => terminal.close(),
  };
}
