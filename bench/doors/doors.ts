import { SYMBOLS } from '../shared/rows.ts';

/** Ways to take rows. HTTP has two. Each is the name of its own table, too. */
export const DOORS = ['websocket', 'sse', 'ndjson', 'kdb'] as const;

export type Door = (typeof DOORS)[number];

/** What a subscriber takes: as many symbols as stand on a page. */
export const PAGE: readonly string[] = SYMBOLS.slice(0, 10);
