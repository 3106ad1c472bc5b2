import { readCommand } from "../../../proxy/options/command-line";
import { type Options } from "../../../proxy/options/options";

const optionsOf = (...args: string[]): Options => {
  const command = readCommand([...args, "--allow-any"]);
  if (!("options" in command)) throw new Error(`got ${command.run} without options`);
  return command.options;
};

describe("the command line", () => {
  test.each([
    ["--port 80", ["--port", "80"]],
    ["--port=80", ["--port=80"]],
    ["-p 80", ["-p", "80"]],
    ["-p80", ["-p80"]],
    ["-p=80", ["-p=80"]],
    ["the last of two", ["-p", "81", "--port=80"]],
  ])("takes a value as %s", (_, args) => {
    // GIVEN, WHEN
    const { port } = optionsOf(...args);

    // THEN
    expect(port).toBe(80);
  });

  test("keeps every value of a flag that may be repeated, in order", () => {
    // GIVEN, WHEN
    const { allow, dnsServer } = optionsOf(
      "--allow=b.example",
      "--allow",
      "a.example",
      "--dns-server=192.0.2.1",
    );

    // THEN
    expect(allow).toEqual(["b.example", "a.example"]);
    expect(dnsServer).toEqual(["192.0.2.1"]);
  });

  test("takes an equals sign as part of a value but for the one after the flag", () => {
    expect(optionsOf("--warm=a.example:443=2", "--warm", "b.example:443=3").warm).toEqual([
      "a.example:443=2",
      "b.example:443=3",
    ]);
    expect(optionsOf("--pid-file==x").pidFile).toBe("=x");
  });

  test.each([
    [["--port", "-1"], '--port: "-1" is not a whole number from 0 to 65535'],
    [["--accessLogDir=x"], "unknown flag --accessLogDir=x"],
    [["--groups={}"], "unknown flag --groups={}"],
    [["--no-allow-any"], "unknown flag --no-allow-any"],
    [["--"], "unknown flag --"],
    [["--check=no"], "--check takes no value, got no"],
    [
      ["drain", "api.example.com"],
      'drain: "api.example.com" is not http://host[:port] or https://host[:port]',
    ],
  ])("refuses %j", (args, message) => {
    expect(() => readCommand(args)).toThrow(message);
  });

  test.each([
    ["help", ["-h"]],
    ["version", ["-v"]],
    ["help", ["--port=80", "-hv", "--nonsense"]],
    ["check", ["--check", "--allow-any"]],
    ["reload", ["reload", "--state-dir=/run/proxy"]],
    ["undrain", ["undrain", "https://api.example.com", "--state-dir=/run/proxy"]],
  ])("asks for %s", (run, args) => {
    expect(readCommand(args).run).toBe(run);
  });
});
