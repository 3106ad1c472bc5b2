/** The account with which the Debian project publishes its images: https://wiki.debian.org/Cloud/AmazonEC2Image */
export const DEBIAN_ACCOUNT = "136693071363";

/** Debian's name of an image of Debian 13, the same in all regions. */
export const DEBIAN_IMAGE_NAME = /^debian-13-(amd64|arm64)-\d{8}-\d+$/;
