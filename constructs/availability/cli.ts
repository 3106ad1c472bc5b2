import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import pc from "picocolors";
import { type Basis, BASES, held, type HeldOptions, heldText, meets } from "./calculus/held";
import { percent } from "./calculus/percent";
import type { AvailabilityRun } from "./collect/availability-run";
import { compared } from "./measured/comparison";
import { textComparison } from "./measured/comparison-text";
import { askPrometheus, measuredQuery, readMeasurements } from "./measured/measurements";
import { burnRateAlerts } from "./report/burn-rate-alerts";
import { type Difference, differences } from "./report/difference";
import { htmlReport } from "./report/html-report";
import { markdownReport } from "./report/markdown-report";
import { openSlo } from "./report/openslo";
import { readRun } from "./report/run-file";
import { textDifferences, textReport } from "./report/text-report";
import { placedResults, textPlaced } from "./report/placed";
import { textWithoutPlace, withoutPlace } from "./report/without-place";

/** What the command writes to: a terminal, a file or a pipe. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const HELP = `What each service of each stack can promise, from its own topology.

usage: tricloud availability [options] [RUN]
       tricloud availability without PLACE [--json] [RUN]
       tricloud availability place [SERVICE] [--basis BASIS] [--no-planned] [--json] [RUN.json]

without PLACE says what becomes of every service (full, degraded or down) when all that lies in a place is down:
a provider, a region or a zone, for example aws, aws/us-east-1 or google.

place says what a service (all without SERVICE) would promise in each region, and in each two or three at once: full,
degraded and down, ranked by the minutes a year that it would be down less, what the regions share and so caps that,
and which services may stay in one region since their users only degrade without them.

RUN is the file that synth writes. Default: cdktf.out/availability.json

  --json               print the run as JSON, with the changes when --base is given
  --markdown           print Markdown, for a pull request comment
  --base FILE          say what changed against an earlier run, and why
  --fail-below PERCENT fail when a service promises less, for example 99.95
  --basis BASIS        of place, of --fail-below and of objectives without a target: independent, correlated (default: under
                       the declared common causes) or bounds (with nothing known about dependence)
  --no-planned         leave planned work out of the same
  --html FILE          write a page with a reliability block diagram of every service
  --openslo DIR        write OpenSLO v1 documents, one file for each service
  --alerts DIR         write Prometheus rules, one file for each service: alerts when its error budget goes too fast
  --measured FILE|URL  put what Prometheus measured beside what is promised and predicted: its address, or its answer to
                       what --measured-query prints, saved as a file
  --measured-query     print that query
  --window TIME        time of both. Default: 30d
  --help               print this

Exit code: 0, or 1 when --fail-below finds a service, or 2 when something is wrong with what was given.
`;

const DEFAULT_RUN = join("cdktf.out", "availability.json");
const DEFAULT_WIDTH = 110;

/**
 * The report on a synth's availability run, asking a Prometheus where one is named.
 *
 * @param argv arguments after the program's name
 * @returns exit code: 0 fine, 1 below --fail-below, 2 wrong arguments or files
 */
export async function run(
  argv: readonly string[],
  stdout: Output,
  stderr: Output = process.stderr,
): Promise<number> {
  try {
    const { measured, window } = commandLine(argv).values;
    const asked = measured !== undefined && ADDRESS.test(measured);
    return report(argv, stdout, stderr, asked ? await askPrometheus(measured, window) : undefined);
  } catch (error) {
    stderr.write(`availability: ${explained(error as NodeJS.ErrnoException)}\n`);
    return 2;
  }
}

const ADDRESS = /^https?:\/\//;

/**
 * The report on a synth's availability run from files alone.
 *
 * @param argv arguments after the program's name
 * @returns exit code: 0 fine, 1 below --fail-below, 2 wrong arguments or files
 */
export function main(argv: readonly string[], stdout: Output, stderr: Output = process.stderr): number {
  try {
    return report(argv, stdout, stderr);
  } catch (error) {
    stderr.write(`availability: ${explained(error as NodeJS.ErrnoException)}\n`);
    return 2;
  }
}

/** Of a wrong option, Node's message goes on about its own conventions after the first sentence. */
function explained({ code, message }: NodeJS.ErrnoException): string {
  if (code?.startsWith("ERR_PARSE_ARGS") !== true) return message;
  return `${message.split(/\. |\n/)[0]}; "tricloud availability --help" lists the options`;
}

function commandLine(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    allowPositionals: true,
    allowNegative: true,
    options: {
      json: { type: "boolean", default: false },
      markdown: { type: "boolean", default: false },
      base: { type: "string" },
      "fail-below": { type: "string" },
      basis: { type: "string", default: "correlated" },
      planned: { type: "boolean", default: true },
      html: { type: "string" },
      openslo: { type: "string" },
      alerts: { type: "string" },
      measured: { type: "string" },
      "measured-query": { type: "boolean", default: false },
      window: { type: "string", default: "30d" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
}

/** @param answer of the Prometheus that --measured names, where it names one */
function report(argv: readonly string[], stdout: Output, stderr: Output, answer?: string): number {
  const { values: options, positionals } = commandLine(argv);
  if (options.help) {
    stdout.write(HELP);
    return 0;
  }
  if (options["measured-query"]) {
    stdout.write(`${measuredQuery(options.window)}\n`);
    return 0;
  }
  if (positionals[0] === "without") return without(positionals.slice(1), options.json, stdout);
  if (positionals[0] === "place") {
    const holding = { basis: basisOf(options.basis), planned: options.planned };
    return place(positionals.slice(1), holding, options.json, stdout);
  }
  if (positionals.length > 1) throw new Error(`expected one run, got ${positionals.join(" ")}`);
  if (options.json && options.markdown) throw new Error("--json and --markdown exclude each other");
  const least = options["fail-below"] === undefined ? undefined : percentage(options["fail-below"]);
  const holding: HeldOptions = { basis: basisOf(options.basis), planned: options.planned };
  const file = positionals[0] ?? DEFAULT_RUN;
  const run = readRun(file);
  const changes = options.base === undefined ? undefined : differences(readRun(options.base), run);

  if (options.html !== undefined) writeFileSync(options.html, htmlReport(run));
  if (options.openslo !== undefined) {
    mkdirSync(options.openslo, { recursive: true });
    for (const { name, content } of openSlo(run, holding))
      writeFileSync(join(options.openslo, name), content);
  }
  if (options.alerts !== undefined) {
    mkdirSync(options.alerts, { recursive: true });
    for (const { name, content } of burnRateAlerts(run, holding))
      writeFileSync(join(options.alerts, name), content);
  }
  if (options.measured !== undefined) {
    const measured = readMeasurements(answer ?? savedAnswer(options.measured), options.measured);
    const comparison = compared(run, measured);
    stdout.write(options.json ? `${JSON.stringify(comparison, undefined, 2)}\n` : textComparison(comparison));
  } else if (options.json)
    stdout.write(`${JSON.stringify(changes === undefined ? run : { ...run, changes }, undefined, 2)}\n`);
  else if (options.markdown) stdout.write(markdownReport(run, changes));
  else stdout.write(forTerminal(run, changes, stdout));

  const low = least === undefined ? [] : below(run, least, holding);
  if (least !== undefined && run.stacks.every(({ services }) => services.length === 0)) {
    throw new Error(`${file} holds no service that --fail-below could look at`);
  }
  for (const line of low) stderr.write(`availability: ${line}\n`);
  return low.length > 0 ? 1 : 0;
}

function savedAnswer(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, {
      cause: error,
    });
  }
}

function without(positionals: readonly string[], json: boolean, stdout: Output): number {
  const [place, file = DEFAULT_RUN, ...others] = positionals;
  if (place === undefined || others.length > 0) {
    throw new Error(
      `without: expected a place and at most one run, got ${positionals.join(" ") || "nothing"}`,
    );
  }
  const results = withoutPlace(readRun(file), place);
  stdout.write(json ? `${JSON.stringify(results, undefined, 2)}\n` : textWithoutPlace(place, results));
  return 0;
}

function place(positionals: readonly string[], holding: HeldOptions, json: boolean, stdout: Output): number {
  const files = positionals.filter((one) => one.endsWith(".json"));
  const services = positionals.filter((one) => !one.endsWith(".json"));
  if (files.length > 1 || services.length > 1) {
    throw new Error(`place: expected at most one service and one run, got ${positionals.join(" ")}`);
  }
  const [file = DEFAULT_RUN] = files;
  const results = placedResults(readRun(file), { service: services[0], ...holding });
  stdout.write(json ? `${JSON.stringify(results, undefined, 2)}\n` : textPlaced(results));
  return 0;
}

function forTerminal(
  run: AvailabilityRun,
  changes: readonly Difference[] | undefined,
  stdout: Output,
): string {
  const options = {
    color: stdout.isTTY === true && pc.isColorSupported,
    width: stdout.columns ?? DEFAULT_WIDTH,
  };
  const text = textReport(run, options);
  return changes === undefined ? text : `${text}\n${textDifferences(changes, options)}`;
}

/** 99.95 as 0.9995, exactly as written. */
function percentage(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(`${text}e-2`) : Number.NaN;
  if (value > 0 && value <= 1) return value;
  throw new Error(`--fail-below must be a percentage above 0 and up to 100, got "${text}"`);
}

function basisOf(text: string): Basis {
  const basis = BASES.find((one) => one === text);
  if (basis === undefined) throw new Error(`--basis must be one of ${BASES.join(", ")}, got "${text}"`);
  return basis;
}

/** The lower end where there is no exact result. A service at the very figure keeps it. */
function below({ stacks }: AvailabilityRun, least: number, holding: HeldOptions): string[] {
  return stacks.flatMap(({ stack, services }) =>
    services.flatMap(({ service, results, causes }) => {
      const figure = held(results, holding);
      if (meets(figure.unavailability.upper, least)) return [];
      const assuming = heldText(
        figure,
        causes.length > 0,
        results.planned !== undefined && results.planned !== null,
      );
      const promised = percent(figure.availability.lower, figure.unavailability.upper);
      return [`${stack}/${service} promises ${promised}, ${assuming}: below ${percent(least)}`];
    }),
  );
}
