import { schemaErrors } from "./kubernetes-schema";

const deployment = (container: object) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "one" },
  spec: {
    selector: { matchLabels: { app: "one" } },
    template: { metadata: { labels: { app: "one" } }, spec: { containers: [{ name: "one", ...container }] } },
  },
});

describe("the schema that manifests are checked against", () => {
  it("accepts what Kubernetes accepts", () => {
    expect(schemaErrors(deployment({ image: "registry/one:1", ports: [{ containerPort: 80 }] }))).toEqual([]);
  });

  it.each([
    [
      "a value of the wrong type",
      { ports: [{ containerPort: "80" }] },
      /containerPort must be number|integer/,
    ],
    ["a value that is none of those allowed", { imagePullPolicy: "Sometimes" }, /imagePullPolicy/],
    ["a field that does not exist", { readinesProbe: {} }, /containers\.0\.readinesProbe is not known/],
    ["a missing field", { ports: [{ name: "http" }] }, /containerPort/],
  ])("refuses %s", (_what, container, message) => {
    expect(schemaErrors(deployment(container)).join("\n")).toMatch(message);
  });
});
