import { type BindingPackage, findBindings } from "../../../planning/schema/binding-source";
import { deriveProviderSchema, deriveSchema } from "../../../planning/schema/derive";
import { type Block, attributeType, blockType } from "../../../planning/schema/schema";

const aws = findBindings("aws", [__dirname]);
const google = findBindings("google", [__dirname]);
const kubernetes = findBindings("kubernetes", [__dirname]);

function derive(bindings: BindingPackage, type: string, kind: "resource" | "data" = "resource"): Block {
  const block = deriveSchema(bindings, type, kind);
  if (block === undefined) throw new Error(`no schema for ${type}`);
  return block;
}

describe("a schema derived from bindings", () => {
  test("says of each attribute who sets it", () => {
    // WHEN the schema of a resource is derived
    const { attributes } = derive(aws, "aws_subnet");

    // THEN required, optional, optional-and-computed and computed attributes are told apart
    expect(attributes["vpc_id"]).toMatchObject({
      type: "string",
      required: true,
      optional: false,
      computed: false,
    });
    expect(attributes["tags"]).toMatchObject({
      type: ["map", "string"],
      required: false,
      optional: true,
      computed: false,
    });
    expect(attributes["region"]).toMatchObject({ required: false, optional: true, computed: true });
    expect(attributes["arn"]).toMatchObject({ required: false, optional: false, computed: true });
  });

  test("tells blocks from attributes that hold objects", () => {
    // WHEN a resource has both THEN a block is a block and a list of objects an attribute
    const group = derive(aws, "aws_security_group");
    expect(Object.keys(group.blockTypes)).toEqual(["timeouts"]);
    expect(group.blockTypes["timeouts"]).toMatchObject({ nesting: "single", minItems: 0, maxItems: 0 });
    expect(group.attributes["ingress"]?.type).toEqual([
      "set",
      [
        "object",
        expect.objectContaining({ from_port: "number", security_groups: ["set", "string"], self: "bool" }),
      ],
    ]);
  });

  test("knows how many blocks are allowed", () => {
    const { blockTypes } = derive(kubernetes, "kubernetes_deployment_v1");
    expect(blockTypes["metadata"]).toMatchObject({ nesting: "list", minItems: 1, maxItems: 1 });
    expect(blockTypes["spec"]?.block.blockTypes["template"]).toMatchObject({
      nesting: "list",
      minItems: 1,
      maxItems: 1,
    });
  });

  test("reads types that are spread over several files", () => {
    const { blockTypes } = derive(google, "google_container_cluster");
    expect(
      blockTypes["node_pool"]?.block.blockTypes["node_config"]?.block.attributes["machine_type"]?.type,
    ).toBe("string");
  });

  test("follows a block that contains itself to a limit", () => {
    // GIVEN a binding whose block refers to an ancestor WHEN it is derived THEN the derivation ends
    expect(blockType(derive(google, "google_data_loss_prevention_deidentify_template"))).toBeDefined();
  });

  test("declares manifests of any shape as dynamic", () => {
    expect(derive(kubernetes, "kubernetes_manifest").attributes["manifest"]?.type).toBe("dynamic");
  });

  test("covers data sources", () => {
    const { attributes } = derive(aws, "aws_availability_zones", "data");
    expect(
      attributeType(attributes["names"] ?? { required: false, optional: false, computed: false }),
    ).toEqual(["list", "string"]);
  });

  test("finds types whose names collide with reserved words", () => {
    expect(derive(aws, "aws_api_gateway_resource").attributes["path_part"]?.required).toBe(true);
  });

  test("leaves Terraform's own alias out of a provider", () => {
    const { attributes, blockTypes } = deriveProviderSchema(aws);
    expect(attributes["region"]?.optional).toBe(true);
    expect(attributes).not.toHaveProperty("alias");
    expect(blockTypes["default_tags"]?.nesting).toBe("list");
  });

  test("does not exist for a type the provider does not have", () => {
    expect(deriveSchema(aws, "aws_vpcs", "resource")).toBeUndefined();
    // AND a data source is not a resource
    expect(deriveSchema(aws, "aws_caller_identity", "resource")).toBeUndefined();
  });
});

test("bindings that are not installed are named with the way to install them", () => {
  expect(() => findBindings("nosuchcloud", [__dirname])).toThrow(
    /no bindings for provider "nosuchcloud": @cdktf\/provider-nosuchcloud is not installed.*npm install/,
  );
});
