/** This program's version, and what it says of itself in X-Chocon-Ver. */
export const VERSION = "0.1.0";
