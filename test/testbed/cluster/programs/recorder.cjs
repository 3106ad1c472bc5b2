// recorder.cjs ADDRESS PORT FILE: appends what it is sent to a file, line by line, whoever sends it.
const { appendFileSync } = require("node:fs");
const net = require("node:net");

const [address, port, file] = process.argv.slice(2);

const server = net.createServer((socket) => {
  let held = "";
  socket.setEncoding("utf8").on("data", (chunk) => {
    const end = (held + chunk).lastIndexOf("\n") + 1;
    appendFileSync(file, (held + chunk).slice(0, end));
    held = (held + chunk).slice(end);
  });
  socket.on("error", (error) => console.error(error.message));
});
server.listen(Number(port), address);
