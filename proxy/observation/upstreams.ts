import { type GroupReport, type MemberReport, type MemberState, type UpstreamsReport } from "./group-report";

/** From good to bad: of workers that differ the worst is told. */
const STATES: readonly MemberState[] = [
  "serving",
  "returning",
  "on trial",
  "no address",
  "check failing",
  "circuit open",
  "drained",
];

/** The reports of several workers as one: what they count together, and the worst that any of them says. */
export function mergeReports(reports: readonly UpstreamsReport[]): UpstreamsReport {
  return {
    configuration: [...new Set(reports.map(({ configuration }) => configuration))].join(" "),
    groups: mergeGroups(reports.map(({ groups }) => groups)),
  };
}

function mergeGroups(reports: readonly (readonly GroupReport[])[]): readonly GroupReport[] {
  const [first = [], ...others] = reports;
  return first.map((group) => {
    const same = others.flatMap((report) => report.filter((other) => other.group === group.group));
    const total = (count: "unaffordable" | "hedges" | "hedgesWon" | "substitutes" | "stale"): number =>
      same.reduce((sum, other) => sum + other[count], group[count]);
    return {
      group: group.group,
      unaffordable: total("unaffordable"),
      hedges: total("hedges"),
      hedgesWon: total("hedgesWon"),
      substitutes: total("substitutes"),
      stale: total("stale"),
      origins: group.origins.map((origin) =>
        same
          .flatMap(({ origins }) => origins.filter((other) => other.origin === origin.origin))
          .reduce(worse, origin),
      ),
    };
  });
}

function worse(a: MemberReport, b: MemberReport): MemberReport {
  return {
    ...(STATES.indexOf(b.state) > STATES.indexOf(a.state) ? b : a),
    active: a.active + b.active,
    asked: a.asked + b.asked,
    movedHere: a.movedHere + b.movedHere,
    movedOn: a.movedOn + b.movedOn,
  };
}

/** The same for people. */
export function upstreamsPage({ configuration, groups }: UpstreamsReport): string {
  const row = (cells: readonly (string | number)[], tag = "td"): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escape(String(cell))}</${tag}>`).join("")}</tr>\n`;
  const head = row(["origin", "state", "since", "why", "under way", "asked", "moved here", "moved on"], "th");
  const tables = groups.map(({ group, origins }) => {
    const rows = origins.map((each) =>
      row([
        each.origin,
        each.state,
        each.since,
        each.why,
        each.active,
        each.asked,
        each.movedHere,
        each.movedOn,
      ]),
    );
    return `<h2>${escape(group)}</h2>\n<table border="1">\n${head}${rows.join("")}</table>\n`;
  });
  return `<!doctype html>\n<meta charset="utf-8">\n<title>Upstreams</title>\n<h1>Upstreams</h1>\n<p>Configuration ${escape(configuration)}</p>\n${
    tables.join("") || "<p>There are no groups.</p>\n"
  }`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
