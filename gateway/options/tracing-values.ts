import {
  BadValue,
  fieldsOf,
  fraction,
  isHost,
  known,
  members,
  type Reader,
  whole,
} from "../../proxy/grammar";
import { type TracingOptions } from "./tracing-options";
import { between, readText, TOKEN } from "./text-values";

const KEYS = [
  "endpoint",
  "headers",
  "serviceName",
  "sampleRatio",
  "maxQueueSize",
  "maxExportBatchSize",
  "scheduleDelay",
  "exportTimeout",
];
/** What frames a message, and what is told here. */
const NOT_FREE = /^(?:host|content-.*|transfer-encoding|connection|x-chocon-.*)$/i;

/**
 * Reads the value of `openTelemetry`. Its members mean what OpenTelemetry's environment variables of these names do, and
 * have their defaults: `endpoint` is OTEL_EXPORTER_OTLP_ENDPOINT, to which `/v1/traces` is added.
 *
 * @throws BadValue
 */
export function readTracing(value: unknown): readonly TracingOptions[] {
  const path = ["openTelemetry"];
  const fields = known(value, path, KEYS, "an object");
  const from = members(fields, path);
  const maxQueueSize = from("maxQueueSize", whole(1, 100_000), 2048);
  const maxExportBatchSize = from("maxExportBatchSize", whole(1, 100_000), Math.min(512, maxQueueSize));
  if (maxExportBatchSize > maxQueueSize)
    throw new BadValue(
      [...path, "maxExportBatchSize"],
      maxExportBatchSize,
      `at most maxQueueSize, ${maxQueueSize}`,
    );
  return [
    {
      ...readEndpoint(fields["endpoint"], [...path, "endpoint"]),
      lines: from("headers", readHeaders, ""),
      serviceName: from(
        "serviceName",
        (name, at) => readText(name, at, "what the gateway is called"),
        "tricloud-gateway",
      ),
      sampleRatio: from("sampleRatio", fraction, 1),
      maxQueueSize,
      maxExportBatchSize,
      scheduleDelay: from("scheduleDelay", between(0.1, 600, "from 100ms to 10m"), 5),
      exportTimeout: from("exportTimeout", between(0.1, 600, "from 100ms to 10m"), 10),
    },
  ];
}

const readEndpoint: Reader<Pick<TracingOptions, "host" | "port" | "tls" | "path">> = (value, path) => {
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  const plain = url?.username === "" && url.password === "" && url.hash === "" && url.search === "";
  if (!plain || !/^https?:$/.test(url.protocol) || !isHost(url.hostname))
    throw new BadValue(path, value, "http://host[:port][/path] or https:// of a collector");
  const tls = url.protocol === "https:";
  return {
    host: url.hostname,
    port: url.port === "" ? (tls ? 443 : 80) : Number(url.port),
    tls,
    path: `${url.pathname.replace(/\/$/, "")}/v1/traces`,
  };
};

const readHeaders: Reader<string> = (value, path) =>
  Object.entries(fieldsOf(value, path, "an object of texts by field name"))
    .map(([name, text]) => {
      const at = [...path, name];
      if (!TOKEN.test(name) || NOT_FREE.test(name))
        throw new BadValue(at, name, "the name of a field that means nothing else");
      // What it is stays out of the message: it may be a secret.
      if (typeof text !== "string" || !/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text))
        throw new BadValue(at, typeof text, "a text of visible ASCII");
      return `${name}: ${text}\r\n`;
    })
    .join("");
