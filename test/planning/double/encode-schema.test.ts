import { encodeSchema } from "../../../planning/double/encode-schema";
import { type Attribute, type Block, type Nesting } from "../../../planning/schema/schema";

const optional: Attribute = { type: "dynamic", required: false, optional: true, computed: false };
const inBlock = (nesting: Nesting, block: Block): Block => ({
  attributes: {},
  blockTypes: { inner: { nesting, block, minItems: 0, maxItems: 0 } },
});
const types = (schema: object): string[] =>
  [
    ...JSON.stringify(schema, (_, value: unknown) =>
      isBuffer(value) ? Buffer.from(value.data).toString() : value,
    ).matchAll(/"type":("(?:[^"\\]|\\.)*")/g),
  ].map(([, type]) => JSON.parse(type ?? "") as string);

function isBuffer(value: unknown): value is { data: number[] } {
  return typeof value === "object" && value !== null && (value as { type?: string }).type === "Buffer";
}

test("values of any type stay so, except inside sets, where Terraform refuses them", () => {
  const block: Block = {
    attributes: {
      any: optional,
      list: { ...optional, type: ["list", ["object", { a: "dynamic", b: "number" }]] },
    },
    blockTypes: {},
  };
  const asIs = ['"dynamic"', '["list",["object",{"a":"dynamic","b":"number"}]]'];
  const asText = ['"string"', '["list",["object",{"a":"string","b":"number"}]]'];
  expect(types(encodeSchema(block))).toEqual(asIs);
  expect(types(encodeSchema(inBlock("list", block)))).toEqual(asIs);
  expect(types(encodeSchema(inBlock("set", block)))).toEqual(asText);
  expect(types(encodeSchema(inBlock("set", inBlock("list", block))))).toEqual(asText);
});
