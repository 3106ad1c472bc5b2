/** The text itself, where Terraform would read `${` and `%{` as the beginning of an expression. */
export const literalText = (text: string): string =>
  text.replace(/[$%]\{/g, (opening) => opening[0] + opening);
