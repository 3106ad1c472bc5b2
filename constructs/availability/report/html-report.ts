import { percent } from "../calculus/percent";
import type { AvailabilityRun, ComponentResult, ServiceAvailability } from "../collect/availability-run";
import { blockDiagram } from "./block-diagram";
import {
  boundsText,
  budgetText,
  dependencyText,
  estimateText,
  failoverTexts,
  frequencyText,
  heldAgainst,
  duration,
  independentText,
  promise,
  share,
  SUMMARY_HEADINGS,
  summaryRow,
  VERDICTS,
} from "./figures";
import { markup } from "./markup";
import { placedNotes, type PlacedResult, placedResults } from "./placed";
import { placementPicture } from "./placement-picture";
import { tornado } from "./tornado";

/** The report as one page that needs nothing else: a reliability block diagram for every service. */
export function htmlReport(run: AvailabilityRun): string {
  const sections = run.stacks.flatMap(({ stack, services }) =>
    services.map((one) => section(stack, one, run)),
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Availability</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Availability</h1>
<p class="lead">What each service can promise, from its own topology. Hold the pointer over a part of a diagram for
its figures; the fuller its colour, the more of the downtime it causes. A bold edge marks a single point of failure,
a dashed one a part that stands in several places and counts once.</p>
${overview(run)}
${sections.join("\n")}
${placing(run)}
</main>
</body>
</html>
`;
}

function overview({ stacks }: AvailabilityRun): string {
  const heads = Object.values(SUMMARY_HEADINGS) as string[];
  const rows = stacks.flatMap(({ stack, services }) =>
    services.map((one) => {
      const { name, ...figures } = summaryRow(one);
      const link = `<a href="#${anchor(stack, one)}">${markup(`${stack}/${name}`)}</a>`;
      const cells = Object.entries(figures).map(([key, text]) =>
        key === "verdict" ? `<td>${badge(one, text)}</td>` : `<td>${markup(text)}</td>`,
      );
      return `<tr><th scope="row">${link}</th>${cells.join("")}</tr>`;
    }),
  );
  return scrolling(
    `<table><thead><tr>${heads.map((text) => `<th scope="col">${markup(text)}</th>`).join("")}</tr></thead>` +
      `<tbody>${rows.join("")}</tbody></table>`,
  );
}

function section(stack: string, one: ServiceAvailability, run: AvailabilityRun): string {
  return `<section id="${anchor(stack, one)}">
<h2>${markup(stack)} <span>${markup(one.service)}</span></h2>
<p class="composition">${markup(one.composition)}</p>
${facts(one)}
${scrolling(blockDiagram(one))}
${list(
  "Needs of other stacks",
  one.dependsOn.map((need) => dependencyText(need, run)),
)}
${list("Target", one.target?.explanation ?? [])}
${list("Recovery", failoverTexts(one))}
${list(
  "Soft dependencies",
  one.softened.map(({ composition, because }) => `${composition}: ${because}`),
)}
${assumptions(one)}
${componentTable(one.components)}
${cutSets(one)}
${list("Warnings", one.warnings)}
</section>`;
}

/** Where each service may stand; nothing for a run that says nothing of it, or where there is but one region. */
function placing(run: AvailabilityRun): string {
  if (run.placing === undefined) return "";
  const results = placedResults(run).filter(({ placements }) => placements.length > 1);
  if (results.length === 0) return "";
  return `<section id="placement">
<h2>Which service belongs on several clouds</h2>
<p class="lead">Downtime in a year in each region and in several at once, on a scale of powers of ten: bars under the
declared common causes, rings if parts fail independently, lines up to the worst with nothing known about dependence.
Strong bars are where the service runs. A dashed line is what remains however many regions there are.</p>
${results.map(placedSection).join("\n")}
</section>`;
}

const placedSection = (result: PlacedResult): string =>
  `<h3>${markup(result.service)}</h3>${scrolling(placementPicture(result))}${bulleted(placedNotes(result))}`;

function assumptions(one: ServiceAvailability): string {
  const picture = tornado(one);
  if (picture === "") return "";
  return `<h3>If an assumed figure is wrong</h3>
<p class="lead">Downtime in a year if one is down a tenth as long or ten times as long as assumed, on a scale of powers
of ten; and how many times as long turns the verdict.</p>${scrolling(picture)}`;
}

function facts(one: ServiceAvailability): string {
  const { correlated, downtime, outcomes, planned, target } = one;
  const found: [string, string][] = [["independent", markup(independentText(one))]];
  if (correlated !== null && one.commonCauses.length > 0)
    found.push(["correlated", markup(promise(correlated))]);
  found.push(["bounds", markup(boundsText(one))]);
  if (downtime !== null) {
    const times = [downtime.minutesPer30Days, downtime.minutesPerQuarter, downtime.minutesPerYear].map(
      duration,
    );
    found.push(["down per 30 d / quarter / year", markup(times.join(" / "))]);
  }
  if (outcomes !== null && one.degradesWithout !== null) {
    found.push(["full", markup(percent(outcomes.full))], ["degraded", markup(share(outcomes.degraded))]);
  }
  if (planned !== null) found.push(["with planned work", markup(promise(planned))]);
  if (target !== null)
    found.push(["target", `${markup(percent(target.atLeast))} ${badge(one, VERDICTS[target.verdict])}`]);
  const more: [string, string | undefined][] = [
    ["held against the target", heldAgainst(one)],
    ["outages", frequencyText(one)],
    ["error budget", budgetText(one)],
    ["estimate", one.tooLarge === null ? undefined : estimateText(one.tooLarge.estimate)],
  ];
  for (const [name, text] of more) if (text !== undefined) found.push([name, markup(text)]);
  if (one.tooLarge !== null) found.push(["note", markup(one.tooLarge.reason)]);
  return `<dl>${found.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join("")}</dl>`;
}

function componentTable(components: readonly ComponentResult[]): string {
  const rows = components.map(
    ({ id, label, availability, unavailability, kind, source, effectiveDate, importance }) =>
      `<tr><th scope="row">${markup(label)}${label === id ? "" : `<small>${markup(id)}</small>`}</th>` +
      `<td>${markup(percent(availability, unavailability))}</td>` +
      `<td>${importance === null ? "" : markup(duration(importance.minutesPerYear))}</td>` +
      `<td>${markup(kind)}</td><td>${markup(effectiveDate ?? "")}</td><td>${sourceLink(source)}</td></tr>`,
  );
  const heads = ["component", "availability", "costs a year", "kind", "since", "source"];
  return details(
    `${components.length} components`,
    scrolling(
      `<table><thead><tr>${heads.map((text) => `<th scope="col">${text}</th>`).join("")}</tr></thead>` +
        `<tbody>${rows.join("")}</tbody></table>`,
    ),
  );
}

/** The text, with an address at its beginning as a link. */
function sourceLink(source: string | null): string {
  const [, address, rest = ""] = /^(https:\/\/[^\s"'<>]+)(.*)$/s.exec(source ?? "") ?? [];
  if (address === undefined) return markup(source ?? "");
  return `<a href="${markup(address)}">${markup(address)}</a>${markup(rest)}`;
}

const SHOWN_CUT_SETS = 12;

function cutSets({ cutSets: sets, cutSetCount, cutSetOrder }: ServiceAvailability): string {
  if (cutSetCount === null) return "";
  const items = sets
    .slice(0, SHOWN_CUT_SETS)
    .map(
      ({ components, unavailability }) => `${components.join(" and ")}: ${unavailability.toExponential(2)}`,
    );
  const shown = items.length < cutSetCount ? `, the ${items.length} most probable` : "";
  return details(
    `${cutSetCount} minimal cut sets of up to ${cutSetOrder} components${shown}`,
    bulleted(items),
  );
}

const bulleted = (items: readonly string[]): string =>
  `<ul>${items.map((text) => `<li>${markup(text)}</li>`).join("")}</ul>`;

const list = (heading: string, items: readonly string[]): string =>
  items.length === 0 ? "" : `<h3>${heading}</h3>${bulleted(items)}`;

const details = (summary: string, content: string): string =>
  `<details><summary>${markup(summary)}</summary>${content}</details>`;

const scrolling = (content: string): string => `<div class="scroll" tabindex="0">${content}</div>`;

const badge = ({ target }: ServiceAvailability, text: string): string =>
  target === null ? markup(text) : `<span class="badge ${target.verdict}">${markup(text)}</span>`;

const anchor = (stack: string, { service }: ServiceAvailability): string =>
  encodeURIComponent(`${stack}/${service}`);

const STYLE = `
:root { color-scheme: light dark; --page: #fff; --ink: #1c2330; --quiet: #5b6575; --line: #d4d9e1; --panel: #f6f7f9;
  --wire: #7d8797; --heat: #f0a35c; --accent: #b3471d; --good: #1a7f4b; --bad: #b3261e; --wait: #8a5a00; --link: #1f5fbf; }
@media (prefers-color-scheme: dark) { :root { --page: #14181f; --ink: #e6e9ee; --quiet: #9aa5b4; --line: #333b47;
  --panel: #1c222b; --wire: #7b8798; --heat: #a4551a; --accent: #ff9d6b; --good: #5fd08f; --bad: #ff8a80;
  --wait: #f0c060; --link: #8ab8ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { margin: 0 0 .5rem; font-size: 1.7rem; }
h2 { margin: 2.5rem 0 .25rem; padding-top: 1.5rem; border-top: 1px solid var(--line); font-size: 1.3rem; }
h2 span { color: var(--quiet); font-weight: normal; }
h3 { margin: 1.25rem 0 .25rem; font-size: 1rem; }
a { color: var(--link); }
.lead, .composition { max-width: 48rem; color: var(--quiet); overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .35rem .9rem .35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
td { font-variant-numeric: tabular-nums; white-space: nowrap; }
td:last-child { white-space: normal; }
thead th { color: var(--quiet); font-weight: normal; white-space: nowrap; }
th small { display: block; color: var(--quiet); font-weight: normal; }
dl { display: flex; flex-wrap: wrap; gap: .75rem 2rem; margin: 1rem 0; }
dt { color: var(--quiet); font-size: .85rem; }
dd { margin: 0; font-size: 1.05rem; font-variant-numeric: tabular-nums; }
details { margin: .75rem 0; }
summary { cursor: pointer; }
li { overflow-wrap: anywhere; }
.badge { padding: .05rem .5rem; border: 1px solid currentColor; border-radius: 1rem; font-size: .85rem; white-space: nowrap; }
.met, .met-if-independent { color: var(--good); }
.missed, .undecided { color: var(--bad); }
.waived { color: var(--wait); }
svg { display: block; width: 100%; background: var(--panel); border-radius: 8px; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; text-anchor: middle; }
svg .figure { fill-opacity: .8; font-variant-numeric: tabular-nums; }
svg .caption { fill: var(--quiet); font-size: 11px; }
svg .wire { fill: none; stroke: var(--wire); stroke-width: 1.5; }
svg .end { fill: var(--wire); }
svg .back { fill: var(--page); }
svg .heat { fill: var(--heat); }
svg .edge { fill: none; stroke: var(--wire); }
svg .single .edge { stroke: var(--accent); stroke-width: 2.5; }
svg .shared .edge { stroke-dasharray: 5 3; }
svg .start { text-anchor: start; }
svg .bar { fill: var(--heat); }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .would .bar { fill-opacity: .45; }
svg .mark { fill: var(--panel); stroke: var(--ink); stroke-width: 1.5; }
svg .limit { fill: none; stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 5 3; }
svg .part:hover .edge { stroke: var(--link); stroke-width: 2.5; }
@media print { .scroll { overflow: visible; } details > * { display: block; } }
`;
