import { Session } from '../../../src/core/tickerplant/session.ts';

const original = Session.prototype.rows;
let handed = 0;

Session.prototype.rows = function (rows): void {
  original.call(this, rows);
  handed += 1;
  if (handed % 20 === 0) original.call(this, rows);
};
