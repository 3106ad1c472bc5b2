/** How a text begins that is one PEM certificate, or several. */
export const PEM_CERTIFICATES = /^-----BEGIN CERTIFICATE-----/;
