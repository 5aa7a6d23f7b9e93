// What is for sale: a folder, a surprise from it, a computed answer, and the rows of a table.

import { computed, folder, rows, sat } from 'lightning-tickerplant';

const weights = [
  { cat: 'sitting', kilograms: 4.2, mood: 'expectant' },
  { cat: 'sleeping', kilograms: 5.1, mood: 'none' },
  { cat: 'in-a-box', kilograms: 3.9, mood: 'content' },
];

export const items = [
  folder(new URL('./cats', import.meta.url).pathname, { price: sat(10), surprise: true }),
  computed({
    id: 'age',
    title: 'How old your cat is in human years',
    description: '?years=7',
    price: sat(3),
    check({ years }) {
      if (!/^\d{1,2}$/.test(years ?? '')) throw new Error('years: how old the cat is, 0 to 99');
    },
    compute({ years }) {
      const age = Number(years);
      return { json: { years: age, human: age < 1 ? 10 : age < 2 ? 15 : 16 + 4 * age } };
    },
  }),
  rows({ id: 'weights', title: 'What one of the cats weighs', price: sat(2), key: 'cat', rows: weights }),
];
