import { RowTracker } from '../../../src/client/row-tracker.ts';

const original = RowTracker.prototype.rows;

RowTracker.prototype.rows = function (message) {
  const judged = original.call(this, message);
  return judged.kind === 'seen' ? { kind: 'take', seq: message.seq, rows: message.rows, missing: [] } : judged;
};
