import { resolvedBy } from "../../../planning/matters/template";

test("a template of unknown values is the earlier text where that can have come of it", () => {
  const template = 'bucket ${aws_s3_bucket.b.id}/x\nliteral $${HOME} of ${f({"a" = 1})}\nnew ${var.x}\n';
  expect(resolvedBy("bucket assets-1/x\nliteral ${HOME} of me\nold\n", template)).toBe(
    "bucket assets-1/x\nliteral ${HOME} of me\nnew ${var.x}\n",
  );
});
