import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { TickerplantError, type TickerplantErrorCode } from '../../../src/core/tickerplant/errors.ts';
import { SERVER_OPS } from '../../../src/transport/shared/messages.ts';
import { WIRE_ERRORS } from '../../../src/transport/websocket/errors.ts';
import { REQUEST_OPS } from '../../../src/transport/websocket/requests.ts';

const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');

test.each([...REQUEST_OPS, ...SERVER_OPS])('the page tells of %s', (op) => {
  expect(page).toContain(`{"op":"${op}"`);
});

test.each(Object.keys(WIRE_ERRORS) as TickerplantErrorCode[])('the page gives the right advice on %s', (code) => {
  const line = page
    .split('\n')
    .find((each) => each.startsWith('|') && each.split('|')[1]?.includes(`\`${code}\``) && each.split('|').length === 5);
  expect(line?.split('|')[2]?.trim()).toBe(new TickerplantError(code, '').retry);
});
