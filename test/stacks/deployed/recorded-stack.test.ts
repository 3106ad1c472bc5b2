import { differenceOf, readRecord, recordedResources, recordOf, renamed } from "./recorded-stack";

const stack = (resource: object, moved: object[] = []): string => JSON.stringify({ resource, moved });
const DATABASE = { engine: "mysql", multi_az: true };
/** As it is read back from where it is kept. */
const BEFORE = readRecord(
  recordOf(recordedResources(stack({ aws_db_instance: { database: DATABASE }, aws_vpc: { network: {} } }))),
);

test("says nothing where nothing differs but the order of values and what texts hold", () => {
  // GIVEN a file of a machine, and a name with its hash
  const files = (hash: string, text: string) =>
    stack({ aws_s3_object: { proxy: { key: `proxy-${hash}.js`, content: text, bucket: "b" } } });
  const before = recordedResources(files("0123456789", "one\n"));
  // WHEN it holds something else THEN that is no difference
  expect(differenceOf(before, files("ba98765432", "two\n"))).toEqual({ gone: [], made: [], changed: [] });
});

test("names what is gone, made and changed", () => {
  // GIVEN a database with other values, no network and an address
  const now = stack({
    aws_db_instance: { database: { ...DATABASE, multi_az: false } },
    aws_eip: { nat: {} },
  });
  // WHEN / THEN
  expect(differenceOf(BEFORE, now)).toEqual({
    gone: ["aws_vpc.network"],
    made: ["aws_eip.nat"],
    changed: ["aws_db_instance.database"],
  });
});

test("tells a database that has another address from one that was moved there", () => {
  // GIVEN the same database under another name
  const resource = { aws_db_instance: { "the-database": DATABASE }, aws_vpc: { network: {} } };
  const move = { from: "aws_db_instance.database", to: "aws_db_instance.the-database" };
  // WHEN nothing says that it was moved THEN it would be replaced
  expect(renamed(differenceOf(BEFORE, stack(resource)))).toEqual(["aws_db_instance.database"]);
  // AND with a moved block it is the same one
  expect(differenceOf(BEFORE, stack(resource, [move]))).toEqual({ gone: [], made: [], changed: [] });
});

test("refuses a move to where nothing is", () => {
  // GIVEN a moved block whose target was misspelt WHEN / THEN
  const move = { from: "aws_vpc.network", to: "aws_vpc.netwerk" };
  expect(() => differenceOf(BEFORE, stack({ aws_vpc: { network: {} } }, [move]))).toThrow(
    "aws_vpc.network is moved to aws_vpc.netwerk: expected a resource of the stack there",
  );
});
