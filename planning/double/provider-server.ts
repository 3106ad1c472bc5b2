import * as grpc from "@grpc/grpc-js";
import { type Provider, failure } from "./provider-double";
import { providerService } from "./protocol";

/** Terraform accepts messages of this size from a provider; so does the double. Unit: bytes. */
const MAX_MESSAGE_SIZE = 64 * 1024 * 1024;

/** Serves one provider on one unix socket. */
export class ProviderServer {
  private readonly server = new grpc.Server({
    "grpc.max_receive_message_length": MAX_MESSAGE_SIZE,
    "grpc.max_send_message_length": MAX_MESSAGE_SIZE,
  });

  /** @param socket path of the socket; at most 107 bytes, the kernel's limit */
  public constructor(
    private readonly double: Provider,
    public readonly socket: string,
  ) {
    const handlers = Object.entries(this.double.methods).map(([name, answer]) => [
      name,
      (call: grpc.ServerUnaryCall<never, object>, reply: grpc.sendUnaryData<object>) => {
        void answered(() => answer(call.request)).then((answer) => reply(null, answer));
      },
    ]);
    this.server.addService(
      withRememberedSchema(providerService()),
      Object.fromEntries(handlers) as grpc.UntypedServiceImplementation,
    );
  }

  public listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.bindAsync(`unix:${this.socket}`, grpc.ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
  }

  /** Ends every connection at once; Terraform has gone by then or is to go. */
  public close(): void {
    this.server.forceShutdown();
  }
}

/** What a method answers, at once or later; a failure as Terraform's own diagnostic. */
async function answered(answer: () => object | Promise<object>): Promise<object> {
  try {
    return await answer();
  } catch (error) {
    return failure(error);
  }
}

/** Every Terraform process asks for the schema, the largest message of all: it is written out once. */
function withRememberedSchema(service: grpc.ServiceDefinition): grpc.ServiceDefinition {
  const method = service["GetProviderSchema"];
  if (method === undefined) throw new Error("the protocol file declares no GetProviderSchema");
  let written: Buffer | undefined;
  const responseSerialize = (response: object): Buffer => (written ??= method.responseSerialize(response));
  return { ...service, GetProviderSchema: { ...method, responseSerialize } };
}

/**
 * The value of TF_REATTACH_PROVIDERS that makes Terraform use running servers instead of starting
 * providers of its own.
 *
 * @param sockets socket paths by provider address, e.g. `registry.terraform.io/hashicorp/aws`
 */
export function reattachVariable(sockets: ReadonlyMap<string, string>): string {
  const entries = [...sockets].map(([address, socket]) => [
    address,
    {
      Protocol: "grpc",
      ProtocolVersion: 6,
      Pid: process.pid,
      // A provider "under test" is one that Terraform neither starts nor ends.
      Test: true,
      Addr: { Network: "unix", String: socket },
    },
  ]);
  return JSON.stringify(Object.fromEntries(entries));
}
