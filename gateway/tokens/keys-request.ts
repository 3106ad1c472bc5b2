import { type Destination, RequestHead } from "../../proxy/engine";
import { OwnRequest } from "../asking/own-request";
import { RecordedAnswer } from "../asking/recorded-answer";

const LIMITS = { maxHeaderBytes: 65_536, maxHeaderCount: 100 };
const MOST_BYTES = 262_144;
const SECONDS = 5;

/**
 * Asks for a JWK set.
 *
 * @param id by which the issuer's log can be searched
 * @throws with what went wrong
 */
export function keysFrom(issuer: Destination, path: string, id: string): Promise<Buffer> {
  const bytes = Buffer.from(
    `GET ${path} HTTP/1.1\r\nHost: issuer\r\nAccept: application/jwk-set+json, application/json\r\n\r\n`,
  );
  const head = new RequestHead(LIMITS);
  head.parse(bytes, 0, bytes.length);
  const answer = new RecordedAnswer(MOST_BYTES);
  return new Promise((resolve, reject) => {
    const request = new OwnRequest(
      {
        service: issuer,
        head,
        id,
        body: Buffer.alloc(0),
        timeout: SECONDS,
        headFor: ({ origin }) => `${head.forwarded(origin.authority)}X-Chocon-Id: ${id}\r\n\r\n`,
      },
      answer,
      (miss, failure) => {
        if (miss !== undefined) reject(new Error(failure?.problem ?? `no answer in ${SECONDS} s`));
        else if (answer.status !== 200) reject(new Error(`the answer is ${answer.status}`));
        else if (!answer.whole) reject(new Error(`an answer of more than ${MOST_BYTES} bytes`));
        else resolve(answer.bytes);
      },
    );
    request.begin();
  });
}
