// DNS messages as far as the testbed's servers need them: one question, answers of addresses, over UDP and TCP.
const dgram = require("node:dgram");
const net = require("node:net");
const { clearTimeout, setTimeout } = require("node:timers");

const TYPES = { A: 1, CNAME: 5, SOA: 6, AAAA: 28 };
const RCODES = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 };

/** The question of a message: its name in lower case without the last dot, its type, and where it ends. */
function questionOf(message) {
  const labels = [];
  let at = 12;
  while (message[at] > 0) {
    labels.push(message.toString("latin1", at + 1, at + 1 + message[at]));
    at += 1 + message[at];
  }
  return { name: labels.join(".").toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}

function encodedName(name) {
  const labels = name.split(".").filter(Boolean);
  return Buffer.concat([
    ...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.from([0]),
  ]);
}

/**
 * The answer to `query`.
 * @param {Buffer} query
 * @param {{ rcode?: string, addresses?: string[], ttl?: number }} content IPv4 addresses of the asked name
 */
function answerTo(query, { rcode = "NOERROR", addresses = [], ttl = 30 }) {
  const { end } = questionOf(query);
  const head = Buffer.from(query.subarray(0, 12));
  head.writeUInt16BE(0x8180 | (query.readUInt16BE(2) & 0x7900) | RCODES[rcode], 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(addresses.length, 6);
  // A negative answer without one would not be kept by any resolver.
  head.writeUInt16BE(addresses.length === 0 && rcode !== "REFUSED" && rcode !== "SERVFAIL" ? 1 : 0, 8);
  head.writeUInt16BE(0, 10);
  const records = addresses.map((address) => {
    const record = Buffer.alloc(16);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(TYPES.A, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(ttl, 6);
    record.writeUInt16BE(4, 10);
    address.split(".").forEach((octet, index) => record.writeUInt8(Number(octet), 12 + index));
    return record;
  });
  const authority = head.readUInt16BE(8) === 0 ? [] : [startOfAuthority(query, ttl)];
  return Buffer.concat([head, query.subarray(12, end), ...records, ...authority]);
}

function startOfAuthority(query, ttl) {
  const { name } = questionOf(query);
  const zone = encodedName(name.split(".").slice(-1).join("."));
  const data = Buffer.concat([
    encodedName("ns.invalid"),
    encodedName("hostmaster.invalid"),
    Buffer.alloc(20),
  ]);
  [1, 3600, 600, 86400, ttl].forEach((value, index) =>
    data.writeUInt32BE(value, data.length - 20 + index * 4),
  );
  const head = Buffer.alloc(10);
  head.writeUInt16BE(TYPES.SOA, 0);
  head.writeUInt16BE(1, 2);
  head.writeUInt32BE(ttl, 4);
  head.writeUInt16BE(data.length, 8);
  return Buffer.concat([zone, head, data]);
}

/**
 * Answers DNS at an address by UDP and TCP.
 * @param {(query: Buffer, transport: "udp" | "tcp") => Promise<Buffer | undefined>} answer undefined: no answer at all
 */
function serve(address, port, answer) {
  const socket = dgram.createSocket({ type: "udp4", recvBufferSize: 1 << 20 });
  socket.on("message", (query, peer) => {
    void answer(query, "udp").then((reply) => reply && socket.send(reply, peer.port, peer.address));
  });
  socket.bind(port, address);
  const server = net.createServer((connection) => {
    connection.on("error", () => connection.destroy());
    let held = Buffer.alloc(0);
    connection.on("data", (chunk) => {
      held = Buffer.concat([held, chunk]);
      while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
        const query = held.subarray(2, 2 + held.readUInt16BE(0));
        held = held.subarray(2 + query.length);
        void answer(Buffer.from(query), "tcp").then((reply) => reply && connection.write(framed(reply)));
      }
    });
  });
  server.listen(port, address);
}

const framed = (message) =>
  Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]);

/** What the server at `address` answers; undefined when it does not within `timeoutMs`. */
function ask(address, query, transport, timeoutMs) {
  return transport === "tcp" ? askByTcp(address, query, timeoutMs) : askByUdp(address, query, timeoutMs);
}

function askByUdp(address, query, timeoutMs) {
  return new Promise((resolve) => {
    const socket = dgram.createSocket("udp4");
    const end = (reply) => {
      clearTimeout(timer);
      socket.close();
      resolve(reply);
    };
    const timer = setTimeout(end, timeoutMs, undefined);
    socket.once("error", () => end(undefined));
    socket.once("message", end);
    // A connected socket hears that nothing listens there, as dnsmasq's do not: it waits for the time-out.
    socket.send(query, 53, address);
  });
}

function askByTcp(address, query, timeoutMs) {
  return new Promise((resolve) => {
    const connection = net.connect({ host: address, port: 53 });
    let held = Buffer.alloc(0);
    const end = (reply) => {
      connection.destroy();
      resolve(reply);
    };
    connection.setTimeout(timeoutMs, () => end(undefined));
    connection.on("error", () => end(undefined));
    connection.on("data", (chunk) => {
      held = Buffer.concat([held, chunk]);
      if (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) end(held.subarray(2));
    });
    connection.write(framed(query));
  });
}

module.exports = { TYPES, questionOf, answerTo, serve, ask };
