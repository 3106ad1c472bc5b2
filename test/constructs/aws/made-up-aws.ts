import { createServer, type Server } from "node:http";
import { type AddressInfo } from "node:net";

/** A call, as a made-up service of AWS's reads it. */
export interface MadeUpCall {
  /** `SendCommand`. */
  readonly action: string;
  /** Whether its service speaks JSON; the others take forms and answer in XML. */
  readonly isJson: boolean;
  /** Of a form. */
  readonly form: Readonly<Record<string, string>>;
  /** Of JSON. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** What is wrong with a call. */
export class Refusal {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly message: string,
  ) {}
}

/** An address of services of AWS's that a test makes up; nobody's signature is looked at. */
export class MadeUpAws {
  /** @param answer JSON's value, or XML for within the action's result */
  static async start(answer: (call: MadeUpCall) => unknown): Promise<MadeUpAws> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const target = request.headers["x-amz-target"];
        const body = Buffer.concat(chunks).toString();
        const isJson = target !== undefined;
        const form = isJson ? {} : Object.fromEntries(new URLSearchParams(body));
        const action = isJson ? String(target).split(".")[1]! : (form["Action"] ?? "");
        const detail = isJson ? (JSON.parse(body) as Record<string, unknown>) : {};
        const answered = answer({ action, isJson, form, detail });
        const status = answered instanceof Refusal ? answered.status : 200;
        const type = isJson ? "application/x-amz-json-1.1" : "text/xml";
        response
          .writeHead(status, { "content-type": type })
          .end(isJson ? inJson(answered) : inXml(action, answered));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new MadeUpAws(server);
  }

  private constructor(private readonly server: Server) {}

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.close();
  }
}

const inJson = (answered: unknown): string =>
  JSON.stringify(
    answered instanceof Refusal ? { __type: answered.code, message: answered.message } : answered,
  );

const inXml = (action: string, answered: unknown): string =>
  answered instanceof Refusal
    ? `<ErrorResponse><Error><Type>Sender</Type><Code>${answered.code}</Code><Message>${answered.message}</Message></Error></ErrorResponse>`
    : `<${action}Response xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><${action}Result>${String(answered)}</${action}Result></${action}Response>`;
