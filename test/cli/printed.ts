/** What a command has written to its standard output, and its exit code. */
export async function printed(command: () => Promise<number>): Promise<{ code: number; text: string }> {
  const write = jest.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    const code = await command();
    return { code, text: write.mock.calls.map(([text]) => String(text)).join("") };
  } finally {
    write.mockRestore();
  }
}
