import type { PublishedRows } from '../../../core/tickerplant/published-rows.ts';
import type { StreamPosition } from './event-id.ts';

/** Rows as an event of whoever was at one place, and the place after it. */
export interface SharedEvent {
  readonly position: StreamPosition;
  /** Undefined where the place's id is none. */
  readonly bytes: Uint8Array | undefined;
}

/**
 * An event has an id that says where its stream is, so its bytes are not everybody's; they are those of all streams that are equally far
 * in the same symbols. Here they are made once for them: streams that meet at a place share it from then on, and what an event
 * costs each is a look-up. Keeps the newest rows only, since rows go to all who take them in one go.
 */
export class SharedEvents {
  readonly #encode: (rows: PublishedRows, id: string) => Uint8Array;
  #rows: PublishedRows | undefined;
  readonly #from = new Map<StreamPosition, SharedEvent>();
  readonly #byId = new Map<string, SharedEvent>();

  constructor(encode: (rows: PublishedRows, id: string) => Uint8Array) {
    this.#encode = encode;
  }

  /** The event of a stream that is at `from`. */
  of(rows: PublishedRows, from: StreamPosition): SharedEvent {
    if (this.#rows !== rows) {
      this.#rows = rows;
      this.#from.clear();
      this.#byId.clear();
    }
    let event = this.#from.get(from);
    if (event === undefined) {
      event = this.#make(rows, from);
      this.#from.set(from, event);
    }
    return event;
  }

  #make(rows: PublishedRows, from: StreamPosition): SharedEvent {
    const position = from.moved(rows.table, rows.sym, rows.seq + rows.count - 1);
    const { id } = position;
    if (id === undefined) return { position, bytes: undefined };
    let event = this.#byId.get(id);
    if (event === undefined) {
      event = { position, bytes: this.#encode(rows, id) };
      this.#byId.set(id, event);
    }
    return event;
  }
}
