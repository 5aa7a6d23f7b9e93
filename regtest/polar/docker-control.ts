import { LightningError } from '../../src/core/lightning/errors.ts';
import { runCommand } from '../native/run-command.ts';

/** Stops and starts a node of Polar's by the name of its container. */
export interface PolarControl {
  stop(container: string): Promise<void>;
  start(container: string): Promise<void>;
}

/** By docker, which is how Polar runs them. */
export function dockerControl(docker = 'docker'): PolarControl {
  const run = async (action: 'stop' | 'start', container: string): Promise<void> => {
    try {
      await runCommand(docker, [action, container]);
    } catch (error) {
      const message = (error as Error).message;
      const isAway = (error as NodeJS.ErrnoException).code === 'ENOENT' || /docker daemon|docker API|docker\.sock/i.test(message);
      if (!isAway) throw error;
      throw new LightningError(
        'UNSUPPORTED',
        `can't ${action} ${container}: Polar's nodes are stopped and started by docker, which is not to be had here`,
        {
          operation: `node.${action}`,
          cause: error,
        },
      );
    }
  };
  return { stop: (container) => run('stop', container), start: (container) => run('start', container) };
}
