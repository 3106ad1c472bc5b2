import { requiredStacks, standInOutputs } from "../../../planning/stack/remote-state";
import { type StackConfiguration, type SynthesizedStack } from "../../../planning/stack/synthesized-stacks";

const stack = (name: string, backend: object, ...reads: object[]): SynthesizedStack => ({
  name,
  directory: "/",
  configuration: {
    terraform: { backend } as StackConfiguration["terraform"],
    data: {
      terraform_remote_state: Object.fromEntries(
        reads.map((read, index) => {
          const [kind, config] = Object.entries(read)[0] ?? [];
          return [`r${index}`, { backend: kind, config: config as object }];
        }),
      ),
    },
  },
});

const s3 = (key: string, more: object = {}): object => ({ s3: { bucket: "states", key, ...more } });
const names = (stacks: SynthesizedStack[]): string[] => stacks.map(({ name }) => name);

test("a stack requires those whose state it reads, whatever else the backend is told", () => {
  const us = stack("us", s3("us", { encrypt: true }));
  const local = stack("local", { local: { path: "./a.tfstate" } });
  const other = stack("other", { http: { address: "https://states" } });
  const reader = stack(
    "reader",
    s3("reader"),
    s3("us", { region: "us-east-1" }),
    { local: { path: "a.tfstate" } },
    { http: { address: "https://elsewhere" } },
    s3("reader"),
  );
  expect(names(requiredStacks(reader, [us, local, other, reader]))).toEqual(["us", "local"]);
});

test("none of a circle requires another of it", () => {
  const a = stack("a", s3("a"), s3("b"));
  const b = stack("b", s3("b"), s3("c"));
  const c = stack("c", s3("c"), s3("a"), s3("d"));
  const d = stack("d", s3("d"));
  const all = [a, b, c, d];
  expect(all.map((one) => names(requiredStacks(one, all)))).toEqual([[], [], ["d"], []]);
});

test("stand-ins are lists where the stack uses them as such", () => {
  const reference = (output: string): string => `data.terraform_remote_state.jp.outputs.${output}`;
  const configuration = {
    output: {
      a: { value: `\${${reference("text")}}` },
      b: { value: `\${element(${reference("picked")}, 0)}` },
      c: { value: `\${join(",", ${reference("joined")})}` },
      d: { value: `\${${reference("indexed")}[0]}` },
      e: { value: `\${[for x in ${reference("looped")} : x]}` },
      f: { value: '${data.terraform_remote_state.jp.outputs["quoted-name"]}' },
      g: { value: "${data.terraform_remote_state.jp2.outputs.foreign}" },
    },
  } as unknown as StackConfiguration;
  const list = (name: string) => ({ value: [`planned-jp-${name}`], type: ["list", "string"] });
  const text = (name: string) => ({ value: `planned-jp-${name}`, type: "string" });
  expect(standInOutputs(configuration, "jp")).toEqual({
    text: text("text"),
    picked: list("picked"),
    joined: list("joined"),
    indexed: list("indexed"),
    looped: list("looped"),
    "quoted-name": text("quoted-name"),
  });
});
