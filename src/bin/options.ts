import { Option } from 'commander';

/** `-c, --config FILE`. */
export function configOption(description = 'config file (default: tickerplant.config.yaml, .json, .ts … in this folder)'): Option {
  return new Option('-c, --config <file>', description);
}

/** `--set a.b=c`, as often as wanted. */
export function setOption(): Option {
  return new Option('--set <path=value>', 'set something of the config, such as transports.websocket.port=5011; may be repeated')
    .argParser((setting: string, earlier: readonly string[] = []) => [...earlier, setting])
    .default([], 'none');
}

/** `--json`. */
export function jsonOption(description = 'one JSON object on standard output, for programs'): Option {
  return new Option('--json', description);
}
