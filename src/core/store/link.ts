import { createHash } from 'node:crypto';
import type { Random } from '../ports/random.ts';

/** 192 bits: more than anybody can guess. */
const LINK_BYTES = 24;
const LINK = /^[A-Za-z0-9_-]{32}$/;

/** A purchase's secret, by which its buyer comes back to it. */
export function newLink(random: Random): string {
  return Buffer.from(random.bytes(LINK_BYTES)).toString('base64url');
}

/** Whether a text has the form of a link. */
export function isLink(text: string): boolean {
  return LINK.test(text);
}

/** What is kept of a link: its SHA-256 in hex. */
export function digestOfLink(link: string): string {
  return createHash('sha256').update(link).digest('hex');
}
