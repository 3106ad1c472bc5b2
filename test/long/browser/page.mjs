/* global EventSource, location, performance, TextDecoder */
/**
 * What a page does with an API of another origin: by fetch, by server-sent events, and by gRPC-Web with a client that
 * others wrote. It tells its own origin (`/report`) what came of each; streams go on once it asks (`/go`).
 */
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

const API = new URLSearchParams(location.search).get("api");
const go = () => fetch("/go", { method: "POST" });

/** @returns what the service takes the request for, and of its answer what the page may read */
async function json() {
  const answer = await fetch(`${API}/v1/echo`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: "Bearer page" },
    body: JSON.stringify({ anInt64: "9007199254740993", inner: { name: "ü" } }),
  });
  const { status, headers } = answer;
  return {
    ...{ status, body: await answer.json() },
    ...{ initial: headers.get("x-initial"), trailing: headers.get("x-trailing") },
  };
}

async function jsonError() {
  const answer = await fetch(`${API}/v1/fail/5?message=gone`);
  return { status: answer.status, body: await answer.json() };
}

/** Lines of JSON as they come: asks for more once the first is there. */
async function lines() {
  const { body } = await fetch(`${API}/v1/pages`);
  const pieces = [];
  const decoder = new TextDecoder();
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return pieces;
    pieces.push(decoder.decode(value));
    if (pieces.length === 1) await go();
  }
}

function events() {
  return new Promise((resolve, reject) => {
    const source = new EventSource(`${API}/v1/pages`);
    const told = [];
    source.onmessage = ({ data }) => {
      told.push(data);
      if (told.length === 1) void go();
      else {
        source.close();
        resolve(told);
      }
    };
    source.onerror = () => {
      source.close();
      reject(new Error(`events ended after ${told.length}`));
    };
  });
}

async function grpcWeb() {
  const set = new Uint8Array(await (await fetch("/descriptors")).arrayBuffer());
  const service = createFileRegistry(fromBinary(FileDescriptorSetSchema, set)).getService(
    "shop.v1.Everythings",
  );
  const transport = createGrpcWebTransport({ baseUrl: API, defaultTimeoutMs: 20_000 });
  return createClient(service, transport);
}

async function messages(client) {
  const told = [];
  for await (const { content } of client.pages({})) {
    told.push(content);
    if (told.length === 1) await go();
  }
  return told;
}

async function callError(client) {
  try {
    return await client.fail({ code: 5, message: "gone" });
  } catch (error) {
    const { code, rawMessage } = ConnectError.from(error);
    return { code: Code[code], message: rawMessage };
  }
}

async function attempt(what) {
  try {
    return { came: await what() };
  } catch (error) {
    return { failed: String(error) };
  }
}

/** Everything, one after the other. */
async function tried() {
  const client = await grpcWeb();
  return {
    json: await attempt(json),
    jsonError: await attempt(jsonError),
    lines: await attempt(lines),
    events: await attempt(events),
    call: await attempt(async () => {
      const { anInt64, inner } = await client.echo({ anInt64: 9007199254740993n, inner: { name: "ü" } });
      return { anInt64: String(anInt64), name: inner?.name };
    }),
    callError: await attempt(() => callError(client)),
    messages: await attempt(() => messages(client)),
    // By what the browser asked its own origin.
    spoke: await attempt(() => Promise.resolve(performance.getEntriesByType("resource")[0]?.nextHopProtocol)),
  };
}

async function main() {
  const report = await tried().catch((error) => ({ page: { failed: String(error) } }));
  await fetch("/report", { method: "POST", body: JSON.stringify(report) });
}

void main();
