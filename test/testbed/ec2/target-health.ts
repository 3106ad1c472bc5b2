import { get } from "node:http";
import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { connect } from "node:net";

/** What a load balancer asks of the machines on a list: `health_check` of `aws_lb_target_group`, and its port. */
export interface TargetList {
  readonly port: number;
  /** What machines on it speak; HTTP/1.1 where it does not say. */
  readonly protocol_version?: "HTTP1" | "HTTP2" | "GRPC";
  /** Seconds for which a machine taken off the list is let end what it has under way. */
  readonly deregistration_delay: string;
  readonly health_check: {
    readonly protocol: "TCP" | "HTTP";
    readonly port?: string;
    readonly path?: string;
    readonly matcher?: string;
    readonly interval: number;
    readonly timeout: number;
    readonly unhealthy_threshold: number;
  };
}

/** A load balancer's opinion of one machine on one list. */
export class TargetHealth {
  private failures = 0;
  private askedAt = 0;
  private asking = false;

  constructor(
    private readonly list: TargetList,
    private readonly address: string,
  ) {}

  /** Whether the machine counts as healthy; asks it when that is due. */
  get isHealthy(): boolean {
    const { interval, unhealthy_threshold } = this.list.health_check;
    if (!this.asking && Date.now() - this.askedAt >= interval * 1000) {
      this.asking = true;
      this.askedAt = Date.now();
      void this.ask().then((answered) => {
        this.failures = answered ? 0 : this.failures + 1;
        this.asking = false;
      });
    }
    return this.failures < unhealthy_threshold;
  }

  private ask(): Promise<boolean> {
    const { protocol, path, matcher, timeout } = this.list.health_check;
    const port = Number(this.list.health_check.port ?? this.list.port);
    if (this.list.protocol_version === "GRPC") return this.call(port);
    return new Promise((resolve) => {
      const call =
        protocol === "TCP"
          ? connect({ host: this.address, port }, () => resolve(true))
          : get({ host: this.address, port, path }, ({ statusCode }) =>
              resolve(String(statusCode) === matcher),
            );
      call.on("error", () => resolve(false));
      setTimeout(() => {
        resolve(false);
        call.destroy();
      }, timeout * 1000);
    });
  }

  /** By a call of gRPC, whose status counts, wherever it is told. */
  private call(port: number): Promise<boolean> {
    const { path, matcher, timeout } = this.list.health_check;
    return new Promise((resolve) => {
      const session = connectHttp2(`http://${this.address}:${port}`).on("error", () => resolve(false));
      const said = (fields: IncomingHttpHeaders): void => {
        const status = fields["grpc-status"];
        if (status !== undefined) resolve(status === matcher);
      };
      const headers = {
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
      };
      const stream = session.request(headers).resume();
      stream.on("response", said).on("trailers", said);
      stream
        .on("error", () => resolve(false))
        .on("close", () => {
          resolve(false);
          session.close();
        });
      stream.end(Buffer.alloc(5));
      setTimeout(() => {
        resolve(false);
        session.destroy();
      }, timeout * 1000);
    });
  }
}
