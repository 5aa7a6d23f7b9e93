import type { Clock } from '../../core/ports/clock.ts';
import { ListenerConnection } from '../../listener/client/connection.ts';
import { readCa } from '../../listener/client/listener-source.ts';
import type { ListenerClientConfig } from '../../listener/config.ts';
import { PROTOCOL_VERSION } from '../../listener/protocol.ts';
import { readToken } from '../../listener/tokens.ts';
import { ConfigError } from '../config/errors.ts';
import { loadConfig } from '../config/load.ts';
import type { Check } from './diagnosis.ts';
import type { Observations } from './observe.ts';

const NAME = 'listener';

/** The listener of a server's config; undefined where there is none, or the file says nothing that can be read of it. */
export async function listenerOf(file: string): Promise<ListenerClientConfig | undefined> {
  try {
    return (await loadConfig({ file, forcePublic: true })).listener;
  } catch (error) {
    // Whatever else is wrong with the config is not the node's matter: `config check` says it.
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/**
 * Whether the listener that a server follows is there, takes the token, and follows the node that the invoices are made at. It is
 * greeted and not followed, so that a server that runs keeps its place.
 */
export async function checkListener(
  config: ListenerClientConfig,
  { info, identity }: Observations,
  clock: Clock,
  signal: AbortSignal,
): Promise<Check> {
  const advice = 'see docs/listener.md; `tickerplant config check -c LISTENER.yaml` looks at its own file';
  try {
    const [token, ca] = [await readToken(config.token, 'listener.token'), await readCa(config.caFile)];
    const connection = await ListenerConnection.open({ url: config.url, token, ca, clock, signal });
    const { node, version } = connection.hello;
    connection[Symbol.dispose]();
    if (version !== PROTOCOL_VERSION)
      return { name: NAME, status: 'fail', detail: `speaks version ${version}, we ${PROTOCOL_VERSION}`, advice };
    const own = 'value' in info ? info.value : identity !== undefined && 'value' in identity ? identity.value : undefined;
    if (own !== undefined && (own.nodeId !== node.nodeId || own.network !== node.network)) {
      return { name: NAME, status: 'fail', detail: `follows another node: ${node.nodeId} (${node.network})`, advice };
    }
    return {
      name: NAME,
      status: 'ok',
      detail: `${config.url} follows ${own === undefined ? node.nodeId : 'this node'} and takes our token`,
    };
  } catch (error) {
    return { name: NAME, status: 'fail', detail: `${config.url}: ${(error as Error).message}`, advice };
  }
}
