/** A service as its makers put it into an image: on its one port it speaks gRPC, and HTTP/1.1 for its health. */
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import {
  Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
} from "@grpc/grpc-js";
import { FIELDS, type Line, Talk } from "./protocol";

type Listener = ServerWritableStream<Line, Line>;
type Method = (call: ServerUnaryCall<Line, Line>, done: sendUnaryData<Line>) => void;

const listeners = new Set<Listener>();

/** How many listened when a call was over. */
const trailing = (): Metadata => {
  const fields = new Metadata();
  fields.set(FIELDS.trailing, String(listeners.size));
  return fields;
};

const say: Method = (call, done) => {
  const initial = new Metadata();
  for (const value of call.metadata.get(FIELDS.asked)) initial.add(FIELDS.initial, value);
  // What is refused is so at the answer's end, too.
  call.sendMetadata(initial);
  const { text = "" } = call.request;
  if (text === "") {
    done({ code: status.INVALID_ARGUMENT, details: "nothing was said: näh", metadata: trailing() });
    return;
  }
  for (const listener of listeners) listener.write({ text });
  done(null, { text }, trailing());
};

const listen = (call: Listener): void => {
  listeners.add(call);
  call.on("cancelled", () => listeners.delete(call));
  call.write({ text: "begins" });
};

const end: Method = (call, done) => {
  for (const listener of listeners) listener.end(trailing());
  listeners.clear();
  done(null, call.request, trailing());
};

const calls = new Server();
calls.addService(Talk.service, { Say: say, Listen: listen, End: end });
const connections = calls.createConnectionInjector(ServerCredentials.createInsecure());
const health = createHttpServer(({ url }, response) => {
  response.writeHead(url === "/healthz" ? 200 : 404).end();
});

const server = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.once("data", (first: Buffer) => {
    socket.pause();
    socket.unshift(first);
    if (first.toString("latin1").startsWith("PRI * HTTP/2.0")) connections.injectConnection(socket);
    else {
      health.emit("connection", socket);
      socket.resume();
    }
  });
});
server.listen(Number(process.env["PORT"]), () =>
  console.log(`talk listens on port ${process.env["PORT"]} in ${process.env["TRICLOUD_REGION"]}`),
);
process.on("SIGTERM", () => process.exit(0));
