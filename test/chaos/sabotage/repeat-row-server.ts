import { Delivery } from '../../../src/core/tickerplant/delivery.ts';

const original = Delivery.prototype.rows;
let handed = 0;

Delivery.prototype.rows = function (rows): void {
  original.call(this, rows);
  handed += 1;
  if (handed % 20 === 0) original.call(this, rows);
};
