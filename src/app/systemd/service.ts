import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { type Notify, notifyOf } from './notify-socket.ts';

/** What {@link systemdService} leans on. */
export interface SystemdServiceOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Unless given, by `systemd-notify` to `$NOTIFY_SOCKET`. */
  readonly notify?: Notify | undefined;
}

/** What a server tells the service manager that started it. */
export interface SystemdService {
  /**
   * It is up: `READY=1`, and from now on `WATCHDOG=1` twice as often as is asked for. A watchdog's message comes from this process's
   * turn, and only after `isHealthy` has answered: a server that hangs is started again.
   */
  ready(status: () => string, isHealthy: () => Promise<unknown>): Promise<void>;
  /** It is going down: `STOPPING=1`, and no more of the watchdog's. */
  stopping(): Promise<void>;
}

/** Milliseconds between two messages of the watchdog's; undefined where none are wanted of this process (sd_watchdog_enabled(3)). */
export function watchdogEvery(environment: Readonly<Record<string, string | undefined>>, pid: number): number | undefined {
  const { WATCHDOG_USEC: usec, WATCHDOG_PID: of } = environment;
  if (usec === undefined || !/^[1-9]\d{0,15}$/.test(usec)) return undefined;
  if (of !== undefined && of !== String(pid)) return undefined;
  return Math.max(1, Math.floor(Number(usec) / 2000));
}

/** The service manager's end of a server; where nobody started it so, everything here does nothing. */
export function systemdService(options: SystemdServiceOptions): SystemdService {
  const { environment, pid, clock, logger } = options;
  const notify = options.notify ?? notifyOf(environment);
  if (notify === undefined) return { ready: async () => {}, stopping: async () => {} };
  const every = watchdogEvery(environment, pid);
  let timer: Disposable | undefined;
  let isStopping = false;
  const say = async (...variables: readonly string[]) => {
    try {
      await notify(...variables);
    } catch (error) {
      logger.error({ err: error, variables }, 'systemd could not be told (docs/systemd.md)');
    }
  };
  const beat = (status: () => string, isHealthy: () => Promise<unknown>) => {
    if (every === undefined || isStopping) return;
    timer = clock.setTimer(every, () => {
      beat(status, isHealthy);
      isHealthy().then(
        () => (isStopping ? undefined : say('WATCHDOG=1', `STATUS=${oneLine(status())}`)),
        (error: unknown) => logger.error({ err: error }, 'not healthy: the watchdog is not told'),
      );
    });
  };
  return {
    async ready(status, isHealthy) {
      beat(status, isHealthy);
      await say('READY=1', `STATUS=${oneLine(status())}`);
    },
    async stopping() {
      isStopping = true;
      timer?.[Symbol.dispose]();
      await say('STOPPING=1', 'STATUS=stopping: buyers take what is on its way to them');
    },
  };
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 200);
}
