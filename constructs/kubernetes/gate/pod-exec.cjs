// Runs a program in a pod, as `kubectl exec` does: over a WebSocket to the API of Kubernetes, which leads it to the
// kubelet. Node 20 has no WebSocket, and those of later ones cannot be given the token in a header. The deploy's gate
// has it beside itself, and the commands of `tricloud` load it.

const { createHash, randomBytes } = require("node:crypto");
const { request: overHttp } = require("node:http");
const { request: overHttps } = require("node:https");

/** The newest first: 4 is what clusters before 1.30 know, and differs in how input ends, of which there is none here. */
const PROTOCOLS = "v5.channel.k8s.io, v4.channel.k8s.io";
const ACCEPTS = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The first byte of each message says what it is. */
const [STDOUT, STDERR, STATUS] = [1, 2, 3];
const [CLOSE, PING, PONG] = [8, 9, 10];

/**
 * What a program in a pod has come to.
 *
 * @param access `{ host, token }` of the API
 * @param pod path of the pod: `/api/v1/namespaces/NAMESPACE/pods/NAME`
 * @param command program and arguments, run in the pod's first container
 * @returns `{ code, stdout, stderr }`
 * @throws Error when it could not be run, or did not end within `seconds`
 */
async function execInPod({ host, token }, pod, command, seconds = 30) {
  const query = new URLSearchParams({ stdout: "true", stderr: "true" });
  for (const word of command) query.append("command", word);
  const { socket, head } = await upgraded(new URL(`${host}${pod}/exec?${query}`), token, seconds);
  const said = { [STDOUT]: [], [STDERR]: [], [STATUS]: [] };
  await new Promise((resolve, reject) => {
    const frames = new Frames((opcode, body) => {
      if (opcode === CLOSE) return resolve();
      if (opcode === PING) return socket.write(masked(PONG, body));
      said[body[0]]?.push(body.subarray(1));
    });
    socket.setTimeout(seconds * 1000, () => socket.destroy(new Error(`no answer within ${seconds} s`)));
    socket.on("data", (bytes) => frames.take(bytes)).on("end", resolve);
    socket.on("error", reject).on("close", resolve);
    frames.take(head);
  }).finally(() => socket.destroy());
  const text = (channel) => Buffer.concat(said[channel]).toString();
  return { code: exitCode(text(STATUS)), stdout: text(STDOUT), stderr: text(STDERR) };
}

/** The connection once it is a WebSocket, and what has come with it. @throws Error with what the API says otherwise */
function upgraded(url, token, seconds) {
  const key = randomBytes(16).toString("base64");
  const accepted = createHash("sha1").update(`${key}${ACCEPTS}`).digest("base64");
  return new Promise((resolve, reject) => {
    const asked = (url.protocol === "https:" ? overHttps : overHttp)(url, {
      headers: {
        authorization: `Bearer ${token}`,
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": key,
        "sec-websocket-protocol": PROTOCOLS,
      },
    });
    asked.setTimeout(seconds * 1000, () => asked.destroy(new Error(`no answer within ${seconds} s`)));
    asked.on("error", reject);
    asked.on("upgrade", ({ headers }, socket, head) => {
      if (headers["sec-websocket-accept"] === accepted) return resolve({ socket, head });
      socket.destroy();
      reject(new Error(`${url.pathname} answers with another connection's key`));
    });
    asked.on("response", async (response) => {
      let body = "";
      for await (const bytes of response.setEncoding("utf8")) body += bytes;
      reject(new Error(messageOf(body) ?? `${url.pathname} answers ${response.statusCode}`));
    });
    asked.end();
  });
}

function messageOf(body) {
  try {
    return JSON.parse(body).message;
  } catch {
    return undefined;
  }
}

/** Of the Status that comes last. @throws Error where the program was not run, or the connection ended before it did */
function exitCode(text) {
  if (text === "") throw new Error("the connection ended before the program did");
  const { status, message, details } = JSON.parse(text);
  if (status === "Success") return 0;
  const cause = details?.causes?.find(({ reason }) => reason === "ExitCode");
  if (cause === undefined) throw new Error(message ?? text);
  return Number(cause.message);
}

/** A frame as clients send it, of at most 125 bytes. */
function masked(opcode, body) {
  const mask = randomBytes(4);
  const bytes = body.map((byte, at) => byte ^ mask[at % 4]);
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | body.length]), mask, bytes]);
}

/** Takes a server's bytes as they come, and tells each message of them. */
class Frames {
  #bytes = Buffer.alloc(0);
  #parts = [];
  #opcode = 0;
  #tell;

  constructor(tell) {
    this.#tell = tell;
  }

  take(bytes) {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) this.#add(frame);
  }

  /** The first whole frame, taken away. */
  #next() {
    const bytes = this.#bytes;
    if (bytes.length < 2) return undefined;
    const short = bytes[1] & 0x7f;
    const start = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (bytes.length < start) return undefined;
    const length =
      short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
    if (bytes.length < start + length) return undefined;
    this.#bytes = bytes.subarray(start + length);
    return {
      isLast: (bytes[0] & 0x80) !== 0,
      opcode: bytes[0] & 0x0f,
      body: bytes.subarray(start, start + length),
    };
  }

  #add({ isLast, opcode, body }) {
    if (opcode >= CLOSE) return this.#tell(opcode, body);
    if (opcode !== 0) [this.#opcode, this.#parts] = [opcode, []];
    this.#parts.push(body);
    if (isLast) this.#tell(this.#opcode, Buffer.concat(this.#parts));
  }
}

module.exports = { execInPod };
