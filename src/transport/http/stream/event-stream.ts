import type { Clock } from '../../../core/ports/clock.ts';
import type { Random } from '../../../core/ports/random.ts';
import type { GapEvent } from '../../../core/tickerplant/messages.ts';
import type { Encoding, PublishedRows } from '../../../core/tickerplant/published-rows.ts';
import { gapMessage } from '../../shared/messages.ts';
import type { Message } from '../messages.ts';
import { type Positions, readEventId, StreamPosition } from './event-id.ts';
import { lineOf, type StreamWriter, updLine } from './format.ts';
import { KeptPositions, type KeptStream } from './kept-positions.ts';
import { SharedEvents } from './shared-events.ts';

const UPD_EVENT = Buffer.from('event: upd\ndata: ');
const SNAPSHOT_EVENT = Buffer.from('event: snapshot\ndata: ');
const EVENT_END = Buffer.from('\n');

/** Rows as an event without its id and its end. */
const updEvent: Encoding = { encode: (rows) => Buffer.concat([UPD_EVENT, rows.encoded(updLine)]) };

/** The media type of event streams (WHATWG HTML, 9.2). */
export const EVENT_STREAM = 'text/event-stream; charset=utf-8';

/** What the event streams of a server have in common. */
export class EventStreams {
  readonly #kept: KeptPositions;
  readonly #shared = new SharedEvents(eventOf);

  constructor(clock: Clock, random: Random) {
    this.#kept = new KeptPositions(clock, random);
  }

  /** What an event's id stands for; undefined where it is none, or is not known any more. */
  find(id: string): Positions | undefined {
    return id.startsWith('~') ? this.#kept.find(id) : readEventId(id);
  }

  /** A stream that begins after these positions. */
  open(epoch: number, after: Positions): StreamWriter {
    return new EventWriter(epoch, StreamPosition.after(epoch, after), this.#shared, this.#kept);
  }
}

/** Server-Sent Events (WHATWG HTML, 9.2): the event's name is the message's `op`, its data the message, its id where the stream is after it. */
class EventWriter implements StreamWriter {
  readonly contentType = EVENT_STREAM;
  readonly #epoch: number;
  readonly #shared: SharedEvents;
  readonly #keptPositions: KeptPositions;
  #position: StreamPosition;
  /** From when on ids would be too long. */
  #kept: KeptStream | undefined;

  constructor(epoch: number, position: StreamPosition, shared: SharedEvents, kept: KeptPositions) {
    this.#epoch = epoch;
    this.#position = position;
    this.#shared = shared;
    this.#keptPositions = kept;
  }

  message(message: Message): Uint8Array {
    return messageEvent(message, undefined);
  }

  rows(rows: PublishedRows): Uint8Array {
    if (this.#kept === undefined && rows.epoch === this.#epoch) {
      const { bytes, position } = this.#shared.of(rows, this.#position);
      if (bytes !== undefined) {
        this.#position = position;
        return bytes;
      }
    }
    return eventOf(rows, this.#idAfter(rows.table, rows.sym, rows.epoch, rows.seq + rows.count - 1));
  }

  snapshot(rows: PublishedRows): Uint8Array {
    return Buffer.concat([SNAPSHOT_EVENT, lineOf('snapshot', rows), EVENT_END]);
  }

  gap(event: GapEvent): Uint8Array {
    const { table, sym, epoch, to } = event;
    return messageEvent(gapMessage(event), to === undefined ? undefined : this.#idAfter(table, sym, epoch, to));
  }

  close(): void {
    if (this.#kept !== undefined) this.#keptPositions.end(this.#kept);
  }

  #idAfter(table: string, sym: string, epoch: number, seq: number): string {
    if (this.#kept === undefined) {
      if (epoch === this.#epoch) this.#position = this.#position.moved(table, sym, seq);
      const { id } = this.#position;
      if (id !== undefined) return id;
      this.#kept = this.#keptPositions.open(this.#position.positions());
    }
    return this.#kept.note(table, sym, epoch, seq);
  }
}

function eventOf(rows: PublishedRows, id: string): Uint8Array {
  return Buffer.concat([rows.encoded(updEvent), Buffer.from(`${idLine(id)}\n`)]);
}

function messageEvent(message: Message, id: string | undefined): Uint8Array {
  return Buffer.from(`event: ${message.op}\ndata: ${JSON.stringify(message)}\n${idLine(id)}\n`);
}

function idLine(id: string | undefined): string {
  return id === undefined ? '' : `id: ${id}\n`;
}
