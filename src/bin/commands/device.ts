import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { DeviceTerms } from '../../core/devices/terms.ts';
import type { Msat } from '../../core/lightning/amount.ts';
import { configOption, jsonOption } from '../options.ts';
import { withResources } from '../resources.ts';

interface DeviceOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly ledger?: string;
}

interface AddOptions extends DeviceOptions {
  readonly items: string;
  readonly min?: string;
  readonly max?: string;
  readonly quotesPerHour: string;
  readonly expires?: string;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/;
const COUNT = /^\d{1,9}$/;

/** `tickerplant device add|list|revoke`. */
export function registerDevice(program: Command): void {
  const device = program.command('device').description('devices that sell through this node: docs/devices.md');
  const ledgerOption = ['--ledger <file>', 'the ledger; left out, the one of the config'] as const;
  device
    .command('add')
    .description('make a device and its token, which is shown once; while the server runs too')
    .argument('<name>', 'what people call it: its customers see it in their wallets')
    .requiredOption('--items <names>', "what it may ask invoices for, with commas between; '*' for everything that is sold")
    .option('--min <msat>', 'the least that it may ask for at a time')
    .option('--max <msat>', 'the most that it may ask for at a time')
    .option('--quotes-per-hour <count>', "invoices of any sixty minutes; '*' for no limit", '60')
    .option('--expires <when>', 'when the token ends: a duration, 90d, or a date, 2027-01-31')
    .option(...ledgerOption)
    .addOption(configOption())
    .addOption(jsonOption())
    .action(add);
  device
    .command('list')
    .description('all devices and their counters')
    .option(...ledgerOption)
    .addOption(configOption())
    .addOption(jsonOption())
    .action(list);
  device
    .command('revoke')
    .description("end a device's token for good, and take its unpaid invoices back; while the server runs too")
    .argument('<device>', 'its id or name')
    .option(...ledgerOption)
    .addOption(configOption())
    .addOption(jsonOption())
    .action(revoke);
}

async function add(name: string, options: AddOptions, command: Command): Promise<void> {
  const { addDevice } = await import('../../app/maintenance/devices.ts');
  if (!NAME.test(name)) command.error('error: a name is letters, digits, blanks, _, - and ., at most 64');
  const terms = await termsOf(options, command);
  const ledger = await ledgerOf(options, terms, command);
  const added = await withResources(() => addDevice(ledger, name, terms));
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ ledger, ...added })}\n`);
    return;
  }
  const { device, token } = added;
  process.stdout.write(`device  ${device}\nname    ${name}\ntoken   ${token}\n`);
  process.stderr.write('The token is shown this once: it is a password, and goes into the device.\n');
}

async function list(options: DeviceOptions): Promise<void> {
  const { listDevices } = await import('../../app/maintenance/devices.ts');
  const ledger = await ledgerPath(options);
  const { devices } = await withResources(() => listDevices(ledger));
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ ledger, devices })}\n`);
    return;
  }
  if (devices.length === 0) process.stderr.write(`no devices in ${ledger}; tickerplant device add <name> --items … makes one\n`);
  for (const { device, name, revokedAt, invoices, settled, receivedMsat, acknowledged } of devices) {
    const open = settled - acknowledged;
    const state = revokedAt === null ? '' : `, revoked ${revokedAt}`;
    const waiting = open === 0 ? '' : `, ${open} not acknowledged`;
    process.stdout.write(`${device}  ${name}: ${invoices} invoices, ${settled} settled, ${receivedMsat} msat${waiting}${state}\n`);
  }
}

async function revoke(idOrName: string, options: DeviceOptions): Promise<void> {
  const { revokeDevice } = await import('../../app/maintenance/devices.ts');
  const ledger = await ledgerPath(options);
  const done = await withResources(() => revokeDevice(ledger, idOrName));
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ ledger, ...done })}\n`);
    return;
  }
  const when = done.fresh ? 'revoked' : `revoked before, at ${new Date(done.revokedAt).toISOString()}`;
  const withdrawn = done.withdrawn.length === 0 ? '' : `; ${done.withdrawn.length} unpaid invoices withdrawn`;
  process.stdout.write(`${done.name} (${done.device}): ${when}${withdrawn}${done.online ? ', by the running server' : ''}\n`);
}

async function termsOf({ items, min, max, quotesPerHour, expires }: AddOptions, command: Command): Promise<DeviceTerms> {
  const [{ ITEM_NAME }, { parseMsat }] = await Promise.all([
    import('../../core/devices/terms.ts'),
    import('../../core/lightning/amount.ts'),
  ]);
  const names = items.split(',').map((item) => item.trim());
  const bad = items === '*' ? undefined : names.find((item) => !ITEM_NAME.test(item));
  if (bad !== undefined) command.error(`error: --items: ${JSON.stringify(bad)} is no name of an item`);
  const amountOf = (option: string, text: string | undefined): Msat | undefined => {
    if (text === undefined) return undefined;
    try {
      return parseMsat(text);
    } catch {
      return command.error(`error: ${option}: an amount is whole millisatoshi, 5000`);
    }
  };
  const [minMsat, maxMsat] = [amountOf('--min', min), amountOf('--max', max)];
  if (minMsat !== undefined && maxMsat !== undefined && minMsat > maxMsat) command.error('error: --min is more than --max');
  if (quotesPerHour !== '*' && !COUNT.test(quotesPerHour)) command.error("error: --quotes-per-hour: a whole number, or '*'");
  return {
    items: items === '*' ? undefined : new Set(names),
    minMsat,
    maxMsat,
    quotesPerHour: quotesPerHour === '*' ? undefined : Number(quotesPerHour),
    until: expires === undefined ? undefined : await timeOf(expires, command),
  };
}

/** A whole second, so that the token says just that. */
async function timeOf(text: string, command: Command): Promise<number> {
  const { parseDuration } = await import('../../app/config/duration.ts');
  const duration = parseDuration(text);
  const at = duration === undefined ? Date.parse(/^\d{4}-\d{2}-\d{2}([T ].*)?$/.test(text) ? text : '') : Date.now() + duration;
  if (Number.isNaN(at)) command.error('error: --expires: a duration, 90d, or a date, 2027-01-31');
  if (at <= Date.now()) command.error('error: --expires: that is over already');
  return Math.floor(at / 1000) * 1000;
}

/** With a config, the items are held against it: a name with a typo would be a device that can sell nothing. */
async function ledgerOf(options: DeviceOptions, { items }: DeviceTerms, command: Command): Promise<string> {
  if (options.ledger !== undefined) return resolve(options.ledger);
  const [{ loadConfig }, { suggestion }] = await Promise.all([import('../../app/config/load.ts'), import('../../app/config/suggest.ts')]);
  const { ledger, devices } = await loadConfig({ file: options.config });
  const sold = [...(devices?.items.keys() ?? [])];
  const unknown = [...(items ?? [])].find((item) => !sold.includes(item));
  if (sold.length === 0) command.error('error: the config has no devices: { items: … }; say there what they sell');
  if (unknown !== undefined) command.error(`error: --items: the config sells no ${unknown}; ${suggestion(unknown, sold)}`);
  return resolve(ledger.path);
}

async function ledgerPath({ ledger, config }: DeviceOptions): Promise<string> {
  if (ledger !== undefined) return resolve(ledger);
  const { storesOf } = await import('../../app/maintenance/stores.ts');
  return (await storesOf(config)).ledger;
}
