import { ask, type GatewayAnswer, gatewayLab, type RunningGateway, service } from "./gateway-lab";
import { eventually } from "../proxy/proxy-process";

const lab = gatewayLab();
const ROUTES = ["search", "items", "mail"] as const;
/** With one request to each route that makes 300 a second. */
const EVERY_MS = 10;
const USERS = 20;
/** What comes in two thirds of a second. */
const MOST_UNDER_WAY = 200;

test("GIVEN a monolith that is asked 300 times a second WHEN three of its routes move out one after the other THEN no request fails, and nobody goes back", async () => {
  const monolith = await service("monolith");
  const services = await Promise.all(ROUTES.map((name) => service(name)));
  const urls = Object.fromEntries(ROUTES.map((name, index) => [name, services[index]!.url]));
  const shares: Record<string, number> = { search: 0, items: 0, mail: 0 };
  const config = (): object => ({
    services: urls,
    monolith: monolith.url,
    routes: Object.fromEntries(
      ROUTES.map((name) => [
        name,
        { path: `/${name}/**`, service: name, share: shares[name], sticky: { cookie: "session" } },
      ]),
    ),
  });
  await lab.using(config(), async (gateway) => {
    const asked = (index: number): number => services[index]!.requests.length;
    const load = await Load.during(gateway, async () => {
      for (const [index, name] of ROUTES.entries()) {
        for (const share of [0.5, 1]) {
          shares[name] = share;
          const reloads = gateway.output().split("configuration reloaded").length;
          gateway.reload(config());
          await eventually(() => gateway.output().split("configuration reloaded").length > reloads, 30_000);
          const before = asked(index);
          await eventually(() => asked(index) > before + 100, 30_000);
        }
      }
    });
    expect(load.wrong).toEqual([]);
    expect(load.answered).toBeGreaterThan(600);
    // AND the monolith is asked no more
    const left = monolith.requests.length;
    expect(left).toBeGreaterThan(0);
    for (const name of ROUTES)
      expect(await ask(gateway, `/${name}/x`, { headers: { cookie: "session=u0" } })).toEqual({
        status: 200,
        body: name,
      });
    expect(monolith.requests).toHaveLength(left);
  });
}, 180_000);

/** Asks for all routes at even times, whether or not there are answers yet. */
class Load {
  /** What is no answer, or comes from the monolith for a user whom it had no more. */
  readonly wrong: string[] = [];
  answered = 0;
  private readonly underWay = new Set<Promise<void>>();
  private readonly moved = new Set<string>();
  private sent = 0;

  private constructor(private readonly gateway: RunningGateway) {}

  /** Asks for as long as `use` takes. Whatever becomes of it the asking ends: the next file's gateways have the same ports. */
  static async during(gateway: RunningGateway, use: () => Promise<void>): Promise<Load> {
    const load = new Load(gateway);
    const timer = setInterval(() => load.round(), EVERY_MS);
    try {
      await use();
    } finally {
      clearInterval(timer);
      await Promise.all(load.underWay);
    }
    return load;
  }

  private round(): void {
    // A machine too slow for that would be asked ever more at once.
    if (this.underWay.size >= MOST_UNDER_WAY) return;
    const user = `u${this.sent++ % USERS}`;
    for (const name of ROUTES) {
      const key = `${name} ${user}`;
      const hadMoved = this.moved.has(key);
      const headers = { cookie: `session=${user}` };
      const asking = ask(this.gateway, `/${name}/x`, { method: "POST", headers, body: "once" }).then(
        (answer) => {
          this.underWay.delete(asking);
          this.take(name, key, hadMoved, answer);
        },
      );
      this.underWay.add(asking);
    }
  }

  private take(name: string, key: string, hadMoved: boolean, { status, body }: GatewayAnswer): void {
    this.answered++;
    if (body === name) this.moved.add(key);
    if (status !== 200 || (body !== name && (hadMoved || body !== "monolith")))
      this.wrong.push(`${key}: ${status} ${body}`);
  }
}
