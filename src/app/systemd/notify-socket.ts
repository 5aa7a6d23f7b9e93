import { execFile } from 'node:child_process';

/** Longer than it waits itself for systemd to have read the message. */
const TIMEOUT_MS = 10_000;

/** Tells the service manager variables such as `READY=1` (sd_notify(3)). @throws Error where it could not be told. */
export type Notify = (...variables: readonly string[]) => Promise<void>;

/**
 * Notifications over `$NOTIFY_SOCKET`; undefined where nobody wants any. Node has no Unix datagram sockets, so systemd's own
 * `systemd-notify` sends them, which also waits until systemd has read them (else it can't tell whose they were) and knows abstract
 * sockets (`@…`). It is a child of ours: the unit needs `NotifyAccess=all`.
 */
export function notifyOf(environment: Readonly<Record<string, string | undefined>>): Notify | undefined {
  const socket = environment['NOTIFY_SOCKET'];
  if (socket === undefined || socket === '') return undefined;
  let last: Promise<void> = Promise.resolve();
  return (...variables) => {
    const sent = last.then(() => send(variables, { ...environment, NOTIFY_SOCKET: socket }));
    last = sent.catch(() => undefined);
    return sent;
  };
}

function send(variables: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('systemd-notify', [...variables], { env, timeout: TIMEOUT_MS }, (error, _stdout, stderr) => {
      if (error === null) resolve();
      else if (error.code === 'ENOENT')
        reject(new Error('the command systemd-notify is not there; it belongs to systemd', { cause: error }));
      else reject(new Error(`systemd-notify failed: ${stderr.trim() || error.message}`, { cause: error }));
    });
  });
}
