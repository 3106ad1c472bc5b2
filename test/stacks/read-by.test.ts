import { Construct } from "constructs";
import { readBy } from "../../stacks/read-by";

interface ReaderProps {
  readonly port: number;
  readonly bucket?: { readonly name: string };
}
class Reader extends Construct {
  constructor(
    scope: Construct,
    id: string,
    readonly props: ReaderProps,
  ) {
    super(scope, id);
  }
}

test("hands a value on as it is, and does not compile where a field has no reader", () => {
  const value = { port: 80, bucket: { name: "one" } };
  expect(readBy(Reader, value)).toBe(value);
  expect(readBy(Reader, { port: 80 })).toEqual({ port: 80 });
  const [ignored, within] = [
    { port: 80, version: "1" },
    { port: 80, bucket: { name: "one", region: "here" } },
  ];
  // Each of these lines is an error of `npm run typecheck` as soon as it compiles.
  // @ts-expect-error -- nobody reads `version`
  readBy(Reader, ignored);
  // @ts-expect-error -- nobody reads `bucket.region`
  readBy(Reader, within);
});
