/** A text as one word of a shell's command. */
export const shellWord = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
