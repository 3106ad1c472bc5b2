/** The program that a new machine runs once. */
export const BOOT_PROGRAM = "/usr/local/lib/tricloud/boot";
/** What tells the program what the machine must hold. */
export const BOOT_DOCUMENT = "/var/lib/tricloud/document";
/** Folder in which texts wait, under their absolute paths, for the program to put them in place. */
export const STAGED_FILES = "/var/lib/tricloud/staged/root";
