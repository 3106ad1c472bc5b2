/**
 * What files of this engine's programs may say, as pure functions: the door for whoever reads or writes such a file and
 * serves nothing.
 */
export { badValue, readConfigFile, readConfigValues } from "./options/config-file";
export { isPattern } from "./allow-list";
export { readUpstream, readWarm } from "./options/endpoint-values";
export { type GroupOptions } from "./options/group-options";
export { GROUP_KEYS, readGroup } from "./options/group-values";
export { checkFiles } from "./options/option-checks";
export { BadValue, OptionError, type Path, show } from "./options/option-error";
export { type Definition, integer, structure } from "./options/option-values";
export { DEFINITIONS, type OptionName, type Options } from "./options/options";
export {
  type Fields,
  fieldsOf,
  fraction,
  known,
  members,
  type Reader,
  seconds,
  whole,
} from "./options/structured-values";
export { authorityOf, isHost, isServiceName, type Origin } from "./route";
