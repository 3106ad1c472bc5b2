/** Terraform takes a string for a template: what only looks like one in a shell script is kept from it. */
export const asTemplate = (text: string): string =>
  text.replaceAll(/\$\{(?!TfToken\[)/g, "$$$${").replaceAll("%{", "%%{");
