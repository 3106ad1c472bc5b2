import { ask, gatewayLab, service } from "./gateway-lab";
import { eventually, metricsOf } from "../proxy/proxy-process";
import { connect } from "node:http2";

const lab = gatewayLab();

test("GIVEN a route with a time-out WHEN its service is slower THEN the answer is 504; a slow body is the answer's own", async () => {
  const slow = await service("slow", (message, response) => {
    if (message.url === "/silent") return;
    response.write("begun ");
    setTimeout(() => response.end("and ended"), 700);
  });
  const routes = { slow: { path: "/**", service: "slow", timeout: "300ms" } };
  await lab.using({ services: { slow: slow.url }, routes }, async (gateway) => {
    expect(await ask(gateway, "/silent")).toMatchObject({ status: 504 });
    expect(await ask(gateway, "/talking")).toEqual({ status: 200, body: "begun and ended" });
    expect(gateway.output()).toContain("no answer within the route's 0.3 s");
  });
});

test("GIVEN a limit of a request's size WHEN a body is larger THEN it is 413, told beforehand or not, in HTTP/1 and HTTP/2", async () => {
  const echo = await service("echo");
  const routes = { put: { path: "/**", service: "echo", maxBodyBytes: 1000 } };
  await lab.using({ services: { echo: echo.url }, routes }, async (gateway) => {
    const chunks = (count: number): Buffer[] => Array.from({ length: count }, () => Buffer.alloc(100, "x"));
    expect(await ask(gateway, "/", { method: "PUT", body: "x".repeat(1000) })).toMatchObject({ status: 200 });
    expect(await ask(gateway, "/", { method: "PUT", body: "x".repeat(1001) })).toMatchObject({ status: 413 });
    expect(await ask(gateway, "/", { method: "PUT", body: chunks(5) })).toMatchObject({ status: 200 });
    expect(await ask(gateway, "/", { method: "PUT", body: chunks(30) })).toMatchObject({ status: 413 });
    const session = connect(`http://127.0.0.1:${gateway.port}`);
    const status = await new Promise((resolve) => {
      const stream = session.request({ ":method": "PUT", ":path": "/" });
      stream.on("response", (head) => resolve(head[":status"])).on("error", () => undefined);
      for (const chunk of chunks(30)) stream.write(chunk);
      stream.end();
    });
    session.destroy();
    expect(status).toBe(413);
    // AND no part of such a body was taken for a whole one
    expect(echo.requests.filter(({ message }) => message.complete)).toHaveLength(2);
  });
});

test("GIVEN a limit of requests under way WHEN one more comes THEN it is 503 at once, and the next after them is served", async () => {
  const release: (() => void)[] = [];
  const held = await service("held", (_, response) => release.push(() => response.end("held")));
  const routes = { held: { path: "/**", service: "held", maxConcurrent: 2 } };
  await lab.using({ services: { held: held.url }, routes }, async (gateway) => {
    const under = [ask(gateway, "/1"), ask(gateway, "/2")];
    await eventually(() => release.length === 2);
    expect(await ask(gateway, "/3")).toMatchObject({ status: 503 });
    release.forEach((each) => each());
    expect((await Promise.all(under)).map(({ status }) => status)).toEqual([200, 200]);
    const next = ask(gateway, "/4");
    await eventually(() => release.length === 3);
    release[2]!();
    expect(await next).toMatchObject({ status: 200 });
    const series = 'tricloud_gateway_route_requests_total{route="held",service="held",status="503"}';
    expect((await metricsOf(gateway)).get(series)).toBe(1);
  });
});
