/** Whether IAM would let a role's policies do something: Allow statements with actions, resources and equal strings. */

/** `*` stands for anything, `?` for one character. */
const pattern = (text) =>
  new RegExp(
    `^${text
      .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  );

const list = (value) => (Array.isArray(value) ? value : [value]);

/**
 * @param statements of all policies of the role
 * @param asked { action, resource, context: { KEY: VALUE } }
 * @throws Error for a statement that this cannot judge
 */
function isAllowed(statements, { action, resource, context }) {
  return statements.some(({ Effect, Action, Resource, Condition = {}, ...rest }) => {
    const unknown = Object.keys(rest).filter((key) => key !== "Sid");
    const operators = Object.keys(Condition).filter((operator) => operator !== "StringEquals");
    if (Effect !== "Allow" || unknown.length > 0 || operators.length > 0) {
      throw new Error(`cannot judge a statement with ${[Effect, ...unknown, ...operators].join(", ")}`);
    }
    return (
      list(Action).some((one) => pattern(one.toLowerCase()).test(action.toLowerCase())) &&
      list(Resource).some((one) => pattern(one).test(resource)) &&
      Object.entries(Condition.StringEquals ?? {}).every(([key, value]) => list(value).includes(context[key]))
    );
  });
}

module.exports = { isAllowed };
