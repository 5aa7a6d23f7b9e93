import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LightningError } from '../../core/lightning/errors.ts';
import { expandHome } from '../shared/paths.ts';

/**
 * The settings of an `eclair.conf` that say a plain value, by their full dotted names. HOCON is more than that
 * (includes, substitutions, lists): what we need of it is `eclair.api.port` and `eclair.api.password`, written flat or
 * in blocks.
 */
export function parseEclairConf(text: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  const path: string[] = [];
  for (const line of text.split('\n')) {
    let rest = withoutComment(line).trim().replace(/,$/, '');
    while (rest !== '') {
      if (rest.startsWith('}')) {
        path.pop();
        rest = rest.slice(1).trim();
        continue;
      }
      const block = /^([\w.\-"]*)\s*[:=]?\s*\{(.*)$/.exec(rest);
      if (block !== null) {
        path.push(block[1]?.replaceAll('"', '') ?? '');
        rest = block[2]?.trim() ?? '';
        continue;
      }
      const setting = /^([\w.\-"]+)\s*[:=]\s*("(?:[^"\\]|\\.)*"|[^},]*)(.*)$/.exec(rest);
      if (setting === null) break;
      const name = [...path, setting[1]?.replaceAll('"', '') ?? ''].join('.');
      const value = setting[2]?.trim() ?? '';
      settings.set(name, unquoted(value));
      // A list may open objects, whose ends stand on lines of their own.
      if (!value.startsWith('"')) for (const _ of value.matchAll(/\{/g)) path.push('');
      rest = setting[3]?.trim().replace(/^,\s*/, '') ?? '';
    }
  }
  return settings;
}

/** The API's port and password as the node's own file says; what is not there is undefined. */
export interface ApiSettings {
  readonly port: string | undefined;
  readonly password: string | undefined;
}

/** Reads `eclair.conf` in a folder. @throws LightningError `UNAUTHENTICATED` when it is there and can't be read. */
export async function readApiSettings(eclairDir: string, operation: string): Promise<ApiSettings> {
  const path = join(expandHome(eclairDir), 'eclair.conf');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return '';
    throw new LightningError('UNAUTHENTICATED', `${path} can't be read (${error.code})`, { operation });
  });
  const settings = parseEclairConf(text);
  return { port: settings.get('eclair.api.port'), password: settings.get('eclair.api.password') };
}

function withoutComment(line: string): string {
  let quoted = false;
  for (let index = 0; index < line.length; index++) {
    if (line[index] === '\\' && quoted) index++;
    else if (line[index] === '"') quoted = !quoted;
    else if (!quoted && (line[index] === '#' || line.startsWith('//', index))) return line.slice(0, index);
  }
  return line;
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return JSON.parse(value) as string;
  } catch {
    return value.slice(1, -1);
  }
}
