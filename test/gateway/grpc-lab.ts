import { join } from "node:path";
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  loadPackageDefinition,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

export const PROTOS = join(__dirname, "protos");
export const INCLUDES = [PROTOS];
export const SHOP = { protos: [join(PROTOS, "shop.proto")], includes: INCLUDES };

type Message = Record<string, unknown>;

/** A gRPC server on loopback, whose messages another library reads than the gateway's. */
export interface GrpcService {
  readonly url: string;
  /** Breaks off what is under way. */
  stop(): void;
  /** Milliseconds that each was given. */
  readonly deadlines: number[];
  /** Calls that have come. */
  readonly calls: { readonly method: string; readonly request: Message; readonly metadata: Metadata }[];
}

interface Call {
  readonly request: Message;
  readonly metadata: Metadata;
  getDeadline(): Date | number;
}

/** Answers with what was asked, between fields of metadata before and after it. */
export const echo: handleUnaryCall<Message, Message> = (call, done) => {
  const initial = new Metadata();
  initial.set("x-initial", "1");
  call.sendMetadata(initial);
  const trailing = new Metadata();
  trailing.set("x-trailing", "2");
  done(null, call.request, trailing);
};

/** A service's methods by name. */
export type Handlers = Record<
  string,
  handleUnaryCall<Message, Message> | handleServerStreamingCall<Message, Message>
>;

const closing: (() => void)[] = [];
afterAll(() => closing.forEach((close) => close()));

/** @param name of the service, after its package */
export async function grpcService(file: string, name: string, handlers: Handlers): Promise<GrpcService> {
  const definition = loadSync(file, {
    includeDirs: INCLUDES,
    longs: String,
    enums: String,
    bytes: String,
    keepCase: true,
  });
  const loaded = loadPackageDefinition(definition);
  const client = name
    .split(".")
    .reduce(
      (within, part) => (within as Record<string, unknown>)[part],
      loaded as unknown,
    ) as ServiceClientConstructor;
  const calls: GrpcService["calls"] = [];
  const deadlines: number[] = [];
  const server = new Server();
  server.addService(
    client.service,
    Object.fromEntries(
      Object.entries(handlers).map(([method, handle]) => [
        method,
        (call: Call, done: unknown) => {
          deadlines.push(Number(call.getDeadline()) - Date.now());
          calls.push({ method, request: call.request, metadata: call.metadata });
          (handle as (call: unknown, done: unknown) => void)(call, done);
        },
      ]),
    ),
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  closing.push(() => server.forceShutdown());
  return { url: `http://127.0.0.1:${port}`, calls, deadlines, stop: () => server.forceShutdown() };
}
