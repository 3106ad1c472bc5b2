// google-resolver.cjs ADDRESS RECORDS: the resolver that every machine of Google's finds at its metadata address.
// RECORDS is a JSON file, read anew when it changes: IPv4 addresses by name. Names it does not hold do not exist.
const { readFileSync, watchFile } = require("node:fs");
const { TYPES, questionOf, answerTo, serve } = require("./dns-messages.cjs");

const [address, file] = process.argv.slice(2);
let records = {};
const read = () => (records = JSON.parse(readFileSync(file, "utf8")));
read();
watchFile(file, { interval: 200 }, read);

serve(address, 53, async (query) => {
  const { name, type } = questionOf(query);
  const addresses = records[name];
  if (addresses === undefined) return answerTo(query, { rcode: "NXDOMAIN" });
  return answerTo(query, { addresses: type === TYPES.A ? addresses : [] });
});
