import { createHash } from "node:crypto";
import { type IncomingMessage, type Server } from "node:http";
import { type Duplex } from "node:stream";

/** What a program in a pod comes to. */
export interface ExecAnswer {
  readonly code: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** Why a program is not run in a pod: the API's answer instead of a connection, or its last word on one. */
export interface ExecRefusal {
  readonly refused?: { readonly status: number; readonly message: string };
  readonly failed?: string;
}

/**
 * Has a server run programs in pods as Kubernetes' API does, for whoever shows the token: a WebSocket that tells what
 * they print, in as many pieces as it likes, and at the end how they have ended.
 *
 * @param run is given the pod's name
 */
export function servePodExec(
  server: Server,
  token: string,
  run: (pod: string, command: readonly string[]) => ExecAnswer | ExecRefusal,
): void {
  server.on("upgrade", (request: IncomingMessage, socket: Duplex) => {
    socket.on("error", () => undefined);
    const { pathname, searchParams } = new URL(request.url!, "http://api");
    const [, pod] = /\/pods\/([^/]+)\/exec$/.exec(pathname)!;
    const mayRun = request.headers.authorization === `Bearer ${token}`;
    const answer = mayRun
      ? run(pod!, searchParams.getAll("command"))
      : { refused: { status: 401, message: "Unauthorized" } };
    if ("refused" in answer) {
      const { status, message } = answer.refused!;
      const body = JSON.stringify({ kind: "Status", message });
      socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      return;
    }
    const accept = createHash("sha1")
      .update(`${request.headers["sec-websocket-key"]}${GUID}`)
      .digest("base64");
    const [protocol] = request.headers["sec-websocket-protocol"]!.split(",");
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
    );
    const messages = [message(1, text(answer, "stdout")), message(2, text(answer, "stderr"))];
    const bytes = Buffer.concat([
      ...messages.flat(),
      ...message(3, statusOf(answer)),
      frame(CLOSE, Buffer.alloc(2)),
    ]);
    // In two pieces, cut where it hurts: within a frame's head.
    socket.write(bytes.subarray(0, 1));
    setImmediate(() => socket.end(bytes.subarray(1)));
  });
}

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const [CONTINUED, BINARY, CLOSE, PING] = [0, 2, 8, 9] as const;

const text = (answer: ExecAnswer | ExecRefusal, stream: "stdout" | "stderr"): string =>
  ("code" in answer && answer[stream]) || "";

function statusOf(answer: ExecAnswer | ExecRefusal): string {
  if (!("code" in answer)) return JSON.stringify({ status: "Failure", message: answer.failed });
  if (answer.code === 0) return JSON.stringify({ status: "Success" });
  const causes = [{ reason: "ExitCode", message: String(answer.code) }];
  return JSON.stringify({ status: "Failure", reason: "NonZeroExitCode", details: { causes } });
}

/** In two frames, with somebody's question whether the other is there in between. */
function message(channel: number, said: string): Buffer[] {
  const body = Buffer.concat([Buffer.from([channel]), Buffer.from(said)]);
  const half = Math.ceil(body.length / 2);
  return [
    frame(BINARY, body.subarray(0, half), false),
    frame(PING, Buffer.from("there?")),
    frame(CONTINUED, body.subarray(half)),
  ];
}

function frame(opcode: number, body: Buffer, isLast = true): Buffer {
  const first = (isLast ? 0x80 : 0) | opcode;
  if (body.length < 126) return Buffer.concat([Buffer.from([first, body.length]), body]);
  const head = Buffer.alloc(body.length < 65_536 ? 4 : 10);
  head[0] = first;
  if (head.length === 4) {
    head[1] = 126;
    head.writeUInt16BE(body.length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(body.length), 2);
  }
  return Buffer.concat([head, body]);
}
