/** What Prometheus saw of one service or component. */
export interface Measurement {
  /** Share of requests answered, or of probes that succeeded. */
  readonly availability: number;
  /** Requests or probes. */
  readonly samples: number;
  readonly kind: "requests" | "probes";
  /** Time that it was watched for. */
  readonly hours: number;
}

/** Probes of one component, with the times that they began to fail. */
export interface ComponentMeasurement extends Measurement {
  readonly failures: number;
}

export interface Measurements {
  /** By `stack/service`. */
  readonly services: ReadonlyMap<string, Measurement>;
  /** By the component's id. */
  readonly components: ReadonlyMap<string, ComponentMeasurement>;
}

/** The label that tells what a value of the query is. */
const LABEL = "tricloud_measured";
/** How finely the query looks for the first sample: rarer ones are taken for gaps. */
const FIRST_WITHIN = "1h";

const WINDOW = /^[1-9]\d*[smhdwy]$/;

/**
 * One PromQL query for all that is compared, so that its answer can be saved as one file: the proxy's request counts
 * and `probe_success` by the labels `stack` and `service`, and `probe_success` by the label `component`.
 *
 * @param window for example `30d`
 * @throws RangeError for a window that PromQL does not know
 */
export function measuredQuery(window: string): string {
  if (!WINDOW.test(window)) {
    throw new RangeError(
      `window must be a whole number and one of s, m, h, d, w, y, for example 30d, got ${JSON.stringify(window)}`,
    );
  }
  const named = 'stack!="",service!=""';
  const requests = `tricloud_proxy_requests_total{${named}`;
  const probes = `probe_success{${named},component=""}`;
  const component = `probe_success{component!=""}`;
  const by = (labels: string, expression: string): string => `sum by (${labels}) (${expression})`;
  const first = (labels: string, vector: string): string =>
    `min by (${labels}) (min_over_time(timestamp(last_over_time(${vector}[${FIRST_WITHIN}]))[${window}:${FIRST_WITHIN}]))`;
  const parts: Record<string, string> = {
    requests: by("stack, service", `increase(${requests}}[${window}])`),
    answered: by("stack, service", `increase(${requests},status!~"5.."}[${window}])`),
    requests_since: first("stack, service", `${requests}}`),
    probes: by("stack, service", `count_over_time(${probes}[${window}])`),
    succeeded: by("stack, service", `sum_over_time(${probes}[${window}])`),
    probes_since: first("stack, service", probes),
    component_probes: by("component", `count_over_time(${component}[${window}])`),
    component_succeeded: by("component", `sum_over_time(${component}[${window}])`),
    component_failures: by("component", `resets(${component}[${window}])`),
    component_since: first("component", component),
  };
  return Object.entries(parts)
    .map(([what, expression]) => `label_replace(${expression}, "${LABEL}", "${what}", "", "")`)
    .join(" or ");
}

/** Prometheus' answer to an instant query, as far as it is read. */
interface Answer {
  readonly status?: string;
  readonly error?: string;
  readonly data?: {
    readonly resultType?: string;
    readonly result?: readonly {
      readonly metric?: Readonly<Record<string, string>>;
      readonly value?: readonly [number, string];
    }[];
  };
}

/**
 * Reads Prometheus' answer to `measuredQuery`.
 *
 * @param from where it comes from, for errors
 * @throws Error for what is no such answer
 */
export function readMeasurements(text: string, from: string): Measurements {
  let answer: Answer;
  try {
    answer = JSON.parse(text) as Answer;
  } catch (error) {
    throw new Error(`${from}: expected JSON: ${(error as Error).message}`, { cause: error });
  }
  if (answer?.status === "error") throw new Error(`${from}: Prometheus refused the query: ${answer.error}`);
  if (answer?.status !== "success" || answer.data?.resultType !== "vector") {
    throw new Error(
      `${from}: expected the answer to an instant query (resultType "vector"), got ${JSON.stringify(answer?.data?.resultType ?? answer?.status)}`,
    );
  }
  const values = new Map<string, Map<string, number>>();
  let now = 0;
  for (const { metric = {}, value } of answer.data.result ?? []) {
    const { stack, service, component } = metric;
    const what = metric[LABEL];
    if (what === undefined || value === undefined) {
      throw new Error(
        `${from}: expected values with the label ${LABEL}, as "--measured-query" asks for them, got ${JSON.stringify(metric)}`,
      );
    }
    const name = what.startsWith("component") ? `component ${component}` : `service ${stack}/${service}`;
    const found = values.get(name) ?? new Map<string, number>();
    found.set(what, Number(value[1]));
    values.set(name, found);
    now = value[0];
  }
  const services = new Map<string, Measurement>();
  const components = new Map<string, ComponentMeasurement>();
  for (const [name, found] of values) {
    const at = (what: string): number => found.get(what) ?? 0;
    const hoursSince = (what: string): number => {
      const since = found.get(what);
      if (since === undefined) throw new Error(`${from}: nothing says since when ${name} was watched`);
      return Math.max(0, now - since) / 3600;
    };
    if (name.startsWith("component ")) {
      const samples = at("component_probes");
      components.set(name.slice("component ".length), {
        kind: "probes",
        samples,
        availability: at("component_succeeded") / samples,
        hours: hoursSince("component_since"),
        failures: at("component_failures"),
      });
      continue;
    }
    const service = name.slice("service ".length);
    // Probes see an outage in which nobody asks; requests see what users see.
    if (at("requests") > 0) {
      services.set(service, {
        kind: "requests",
        samples: at("requests"),
        availability: Math.min(1, at("answered") / at("requests")),
        hours: hoursSince("requests_since"),
      });
    } else if (at("probes") > 0) {
      services.set(service, {
        kind: "probes",
        samples: at("probes"),
        availability: at("succeeded") / at("probes"),
        hours: hoursSince("probes_since"),
      });
    }
  }
  return { services, components };
}

const PATIENCE_MILLIS = 60_000;

/**
 * Asks a Prometheus.
 *
 * @param address for example `http://prometheus:9090`
 * @throws Error when it does not answer within a minute
 */
export async function askPrometheus(address: string, window: string): Promise<string> {
  const url = `${address.replace(/\/+$/, "")}/api/v1/query`;
  try {
    const answer = await fetch(url, {
      method: "POST",
      body: new URLSearchParams({ query: measuredQuery(window) }),
      signal: AbortSignal.timeout(PATIENCE_MILLIS),
    });
    return await answer.text();
  } catch (error) {
    const cause = (error as Error).cause;
    const why = cause instanceof Error ? cause.message : (error as Error).message;
    throw new Error(`${url}: no answer: ${why}`, { cause: error });
  }
}
