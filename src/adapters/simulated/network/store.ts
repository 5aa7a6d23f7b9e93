/** A record as it is kept: table, id within it, and the text of the record, undefined where it is gone. */
export interface StoredRecord {
  readonly table: string;
  readonly id: string;
  readonly text: string | undefined;
}

/** Where a network keeps its records. */
export interface Store {
  /** All records, each table's in the order in which they first came. */
  load(): Iterable<StoredRecord>;
  /** Writes all of them or none before it returns; what was written survives the killing of the process. */
  commit(records: readonly StoredRecord[]): void;
  close(): void;
}

/** Keeps the records as long as the object lives: a network can be started again from it. */
export class MemoryStore implements Store {
  readonly #records = new Map<string, StoredRecord>();

  load(): Iterable<StoredRecord> {
    return [...this.#records.values()];
  }

  commit(records: readonly StoredRecord[]): void {
    for (const record of records) this.#records.set(`${record.table} ${record.id}`, record);
  }

  close(): void {}
}
