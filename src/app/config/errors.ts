/** A way into a config: keys and list positions. */
export type ConfigPath = readonly (string | number)[];

/** One thing that is wrong with a config. Holds no secret. */
export interface ConfigIssue {
  /** Where in the config, `tables.trade.pricing.msat`; empty for the whole. */
  readonly path: string;
  /** Where in the file, `12:5`, or where else it came from, `--set`; undefined where it can't be told. */
  readonly at: string | undefined;
  /** What is wrong and what to do about it. */
  readonly message: string;
}

/** A config that can't be meant: names the file, each path in it, and the fix; never a secret's value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code: 'NOT_FOUND' | 'UNREADABLE' | 'INVALID' = 'INVALID';
  readonly source: string;
  readonly issues: readonly ConfigIssue[];

  constructor(source: string, issues: readonly ConfigIssue[], code: ConfigError['code'] = 'INVALID') {
    super(issues.map((issue) => line(source, issue)).join('\n'));
    this.source = source;
    this.issues = issues;
    this.code = code;
  }
}

function line(source: string, issue: ConfigIssue): string {
  const place = issue.at === undefined ? source : issue.at.startsWith('--') ? issue.at : `${source}:${issue.at}`;
  return issue.path === '' ? `${place}: ${issue.message}` : `${place}: ${issue.path}: ${issue.message}`;
}
