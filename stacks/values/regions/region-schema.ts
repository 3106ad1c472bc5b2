import { z } from "zod";
import { settingExpectations } from "../../../constructs/proxy/proxy-settings";
import { anyRegion } from "./validate-regions";

/**
 * JSON Schema of one region value, as written in a `.json` file: what an editor completes and underlines it by. It is
 * the schema that regions are validated by, without what JSON Schema cannot say: what one field's value asks of
 * another's. `tricloud plan` and the app say that.
 */
export function regionSchema(): z.core.JSONSchema.BaseSchema {
  const { oneOf = [], ...schema } = z.toJSONSchema(anyRegion, {
    target: "draft-7",
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema, path }) => {
      // JSON Schema has no patterns that take capitals for small letters.
      if (takesCapitals(zodSchema)) delete jsonSchema.pattern;
      if (path.at(-2) === "properties" && path.at(-1) === "settings") {
        const properties = Object.entries(settingExpectations()).map(
          ([name, description]) => [name, { description }] as const,
        );
        Object.assign(jsonSchema, {
          type: "object",
          properties: Object.fromEntries(properties),
          additionalProperties: false,
        });
      }
    },
  });
  return {
    ...schema,
    oneOf: oneOf.map((platform) => ({
      ...platform,
      properties: { $schema: { type: "string" }, ...platform.properties },
    })),
  };
}

function takesCapitals(schema: z.core.$ZodTypes): boolean {
  return (schema._zod.def.checks ?? []).some((check) => {
    const { pattern } = check._zod.def as { readonly pattern?: RegExp };
    return pattern?.flags.includes("i") === true;
  });
}
