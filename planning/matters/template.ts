/** Terraform reads a string of a configuration as a template: `${` and `%{` begin expressions, doubled they do not. */
const EXPRESSION = /(?<!\$)\$\{|(?<!%)%\{/;

export const holdsExpression = (template: string): boolean => EXPRESSION.test(template);

/** The text that a template stands for, its expressions left as they are. */
export const textOfTemplate = (template: string): string =>
  template.replaceAll("$${", "${").replaceAll("%%{", "%{");

/**
 * The text of a template whose values are not known yet, by a text that came of an earlier one: a line that can have
 * come of the same line is taken for the same.
 */
export function resolvedBy(earlier: string, template: string): string {
  const known = earlier.split("\n");
  return template
    .split("\n")
    .map((line) => {
      if (!holdsExpression(line)) return textOfTemplate(line);
      const literals = line.split(/\$\{(?:[^{}]|\{[^{}]*\})*\}/).map((part) => escaped(textOfTemplate(part)));
      const pattern = new RegExp(`^${literals.join(".*")}$`);
      return known.find((one) => pattern.test(one)) ?? textOfTemplate(line);
    })
    .join("\n");
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
