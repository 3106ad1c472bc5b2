import { type Destination, RequestHead } from "../../proxy/engine";
import { OwnRequest } from "../asking/own-request";
import { RecordedAnswer } from "../asking/recorded-answer";
import { type TracingOptions } from "../options/tracing-options";

const LIMITS = { maxHeaderBytes: 65_536, maxHeaderCount: 100 };
const MOST_BYTES = 65_536;

/**
 * Tells a collector of spans.
 *
 * @param json an ExportTraceServiceRequest
 * @param id by which the collector's log can be searched
 * @throws with what went wrong
 */
export function exportTo(
  collector: Destination,
  { path, lines, exportTimeout }: TracingOptions,
  json: string,
  id: string,
): Promise<void> {
  const body = Buffer.from(json);
  const bytes = Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: collector\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n${lines}\r\n`,
  );
  const head = new RequestHead(LIMITS);
  head.parse(bytes, 0, bytes.length);
  const answer = new RecordedAnswer(MOST_BYTES);
  return new Promise((resolve, reject) => {
    const request = new OwnRequest(
      {
        ...{ service: collector, head, id, body, timeout: exportTimeout },
        headFor: ({ origin }) => `${head.forwarded(origin.authority)}X-Chocon-Id: ${id}\r\n\r\n`,
      },
      answer,
      (miss, failure) => {
        if (miss !== undefined) reject(new Error(failure?.problem ?? `no answer in ${exportTimeout} s`));
        else if (answer.status < 200 || answer.status > 299)
          reject(new Error(`the answer is ${answer.status}`));
        else resolve();
      },
    );
    request.begin();
  });
}
