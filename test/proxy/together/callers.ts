import { Agent, request } from "node:http";
import { eventually, type RunningProxy } from "../proxy-process";

export interface CallerAnswer {
  /** 0 where the connection ended instead. */
  readonly status: number;
  readonly body: string;
}

/** Asks one of a proxy's workers. */
export interface Caller {
  readonly pid: number;
  /** @param host of a group, or an origin */
  ask(host: string, method?: string): Promise<CallerAnswer>;
}

const agents = new Set<Agent>();
afterEach(() => {
  for (const agent of agents) agent.destroy();
  agents.clear();
});

/** A connection, and so one worker's until it is closed. */
function connection(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  agents.add(agent);
  return agent;
}

function asked(
  agent: Agent,
  port: number,
  path: string,
  host: string,
  method = "GET",
): Promise<CallerAnswer> {
  return new Promise((resolve) => {
    const lost = (): void => resolve({ status: 0, body: "" });
    request({ agent, host: "127.0.0.1", port, path, method, headers: { host } }, (response) => {
      let body = "";
      response
        .on("data", (part) => (body += part))
        .on("end", () => resolve({ status: response.statusCode!, body }))
        .on("error", lost);
    })
      .on("error", lost)
      .end();
  });
}

/** The connections to a proxy, by the worker that has taken them: which one takes the next nobody can say. */
class Connections {
  private readonly idle = new Map<number, Agent[]>();

  constructor(private readonly port: number) {}

  /** One that nothing is under way on, of this worker. */
  private async of(pid: number): Promise<Agent> {
    for (let tries = 0; tries < 200; tries++) {
      const agent = this.idle.get(pid)?.pop() ?? connection();
      // Of a worker that has ended, or closed it, it may be another one's by now.
      const of = await this.workerOf(agent);
      if (of === pid) return agent;
      if (of !== undefined) this.put(of, agent);
    }
    throw new Error(`worker ${pid} takes no connection`);
  }

  caller(pid: number): Caller {
    return {
      pid,
      ask: async (host, method) => {
        const agent = await this.of(pid);
        const answer = await asked(agent, this.port, "/", host, method);
        this.put(pid, agent);
        return answer;
      },
    };
  }

  /** Takes one more connection. @returns the workers that have some */
  async more(): Promise<number[]> {
    const agent = connection();
    const of = await this.workerOf(agent);
    if (of !== undefined) this.put(of, agent);
    return [...this.idle.keys()];
  }

  private put(pid: number, agent: Agent): void {
    this.idle.set(pid, [...(this.idle.get(pid) ?? []), agent]);
  }

  private async workerOf(agent: Agent): Promise<number | undefined> {
    const { status, body } = await asked(agent, this.port, "/.api/stats", "proxy");
    return status === 200 ? (JSON.parse(body) as { pid: number }).pid : undefined;
  }
}

/** A caller of each of a proxy's two workers. */
export async function callersOf(proxy: RunningProxy): Promise<[Caller, Caller]> {
  const connections = new Connections(proxy.port);
  let pids: number[] = [];
  // In vain where one worker takes all connections.
  await eventually(async () => (pids = await connections.more()).length === 2);
  const [one, other] = pids.map((pid) => connections.caller(pid));
  return [one!, other!];
}
