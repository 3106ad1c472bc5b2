import { HELP, readCommandLine } from "../../planning/command-line";

describe("the command line", () => {
  test("plans all stacks of cdktf.out when nothing is given", () => {
    expect(readCommandLine([])).toMatchObject({
      command: "plan",
      stacks: [],
      out: "cdktf.out",
      json: false,
      base: undefined,
      markdown: undefined,
    });
  });

  test.each([
    [["us", "jp"], "plan", ["us", "jp"]],
    [["plan", "us"], "plan", ["us"]],
    [["apply", "us"], "apply", ["us"]],
    [["forget"], "forget", []],
  ])("%j is %s of %j", (args, command, stacks) => {
    expect(readCommandLine(args)).toMatchObject({ command, stacks });
  });

  test("takes variables and outputs by name, with equals signs in their values", () => {
    const { variables, remoteOutputs } = readCommandLine([
      "--var",
      "key=a=b=",
      "--var",
      "n=1",
      "--remote",
      "us=o.json",
    ]);
    expect([...variables]).toEqual([
      ["key", "a=b="],
      ["n", "1"],
    ]);
    expect([...remoteOutputs]).toEqual([["us", "o.json"]]);
  });

  test.each([
    [["--var", "key"], '--var "key" is not of the form NAME=VALUE'],
    [["--remote", "=x"], '--remote "=x" is not of the form NAME=FILE'],
    [["--bogus"], `Unknown option '--bogus'; "tricloud plan --help" lists the options`],
    [["--json", "--markdown", "-"], "--json and --markdown - both print to the terminal"],
  ])("%j is refused with the reason", (args, message) => {
    expect(() => readCommandLine(args)).toThrow(message);
  });

  test("explains every option it takes", () => {
    for (const option of [
      "--out",
      "--base",
      "--state",
      "--var",
      "--remote",
      "--json",
      "--markdown",
      "--help",
    ]) {
      expect(HELP).toContain(`  ${option}`);
    }
    expect(HELP).toContain("Exit codes: 0");
  });
});
