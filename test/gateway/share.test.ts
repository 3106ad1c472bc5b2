import { standing, userOf } from "../../gateway/moving/share";
import { ask, gatewayLab, service } from "./gateway-lab";

const lab = gatewayLab();

describe("GIVEN ten thousand users", () => {
  const users = Array.from({ length: 10_000 }, (_, i) => `user-${i}`);
  const within = (route: string, share: number): Set<string> =>
    new Set(users.filter((user) => standing(route, user) < share));

  test.each([0.01, 0.1, 0.5, 0.9])(
    "WHEN a share is %d THEN so many belong to it, whoever they are",
    (share) => {
      // Four standard deviations of that many throws.
      const tolerance = 4 * Math.sqrt((share * (1 - share)) / users.length);
      expect(Math.abs(within("search", share).size / users.length - share)).toBeLessThan(tolerance);
    },
  );

  test("WHEN it grows THEN all stay who were there; and each route begins with others", () => {
    const before = within("search", 0.1);
    const after = within("search", 0.3);
    expect([...before].every((user) => after.has(user))).toBe(true);
    const both = [...within("items", 0.1)].filter((user) => before.has(user)).length / users.length;
    expect(both).toBeLessThan(0.1 * 0.1 + 4 * Math.sqrt((0.01 * 0.99) / users.length));
  });
});

test("GIVEN a request WHEN it is asked who sent it THEN a cookie is read among others, and what is missing is nobody", () => {
  const request = {
    address: "192.0.2.1",
    fieldValue: (name: string) => ({ cookie: "mysession=no; session=abc=; other=1", "x-user": "u" })[name],
  };
  expect(userOf({ cookie: "session" }, request)).toBe("abc=");
  expect(userOf({ cookie: "sess" }, request)).toBeUndefined();
  expect(userOf({ header: "x-user" }, request)).toBe("u");
  expect(userOf({ header: "x-other" }, request)).toBeUndefined();
  expect(userOf({ address: true }, request)).toBe("192.0.2.1");
});

test("GIVEN a route that moves out of the monolith WHEN its share grows and goes back THEN each user is where he belongs", async () => {
  const [search, monolith] = await Promise.all([service("search"), service("monolith")]);
  const config = (share: number): object => ({
    services: { search: search.url },
    monolith: monolith.url,
    routes: { search: { path: "/**", service: "search", share, sticky: { cookie: "session" } } },
  });
  const users = Array.from({ length: 40 }, (_, i) => `s${i}`);
  await lab.using(config(0.2), async (gateway) => {
    const placed = async (): Promise<Set<string>> => {
      const moved = new Set<string>();
      for (const user of users) {
        const { status, body } = await ask(gateway, "/", { headers: { cookie: `session=${user}` } });
        expect(status).toBe(200);
        if (body === "search") moved.add(user);
      }
      return moved;
    };
    const few = await placed();
    expect(few.size).toBeGreaterThan(0);
    expect(few.size).toBeLessThan(users.length / 2);
    expect(await placed()).toEqual(few);
    // AND who does not say who he is stays in the monolith
    expect(await ask(gateway, "/")).toEqual({ status: 200, body: "monolith" });
    let reloads = 0;
    const goOn = async (share: number): Promise<void> => {
      gateway.reload(config(share));
      reloads++;
      const giveUp = Date.now() + 20_000;
      while (gateway.output().split("configuration reloaded").length - 1 < reloads) {
        if (Date.now() > giveUp) throw new Error(`no reload:\n${gateway.output()}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await goOn(0.6);
    const more = await placed();
    expect(more.size).toBeGreaterThan(few.size);
    expect([...few].every((user) => more.has(user))).toBe(true);
    await goOn(1);
    expect((await placed()).size).toBe(users.length);
    await goOn(0);
    expect((await placed()).size).toBe(0);
  });
});
