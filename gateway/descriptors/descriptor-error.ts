/** What a file says of messages and services cannot be used; the message begins with the file, and the place in it. */
export class DescriptorError extends Error {}
