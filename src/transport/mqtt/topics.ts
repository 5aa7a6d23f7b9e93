/** What a device sends. */
export const REQUESTS = ['hello', 'invoice', 'ack'] as const;
/** What a device is sent. */
export const ANSWERS = ['welcome', 'invoiced', 'settled', 'acked', 'error'] as const;

/** A request's topic, read. */
export interface RequestTopic {
  readonly device: string;
  readonly request: (typeof REQUESTS)[number];
}

/** Before every topic, unless configured otherwise. */
export const DEFAULT_PREFIX = 'devices';

/** Where a device is sent something: `devices/<id>/settled`. */
export function topicOf(prefix: string, device: string, name: (typeof ANSWERS)[number] | (typeof REQUESTS)[number]): string {
  return `${prefix}/${device}/${name}`;
}

/** Reads a topic that a device has published to; undefined where it is none. */
export function parseRequestTopic(prefix: string, topic: string): RequestTopic | undefined {
  if (!topic.startsWith(`${prefix}/`)) return undefined;
  const [device, name, ...more] = topic.slice(prefix.length + 1).split('/');
  const request = REQUESTS.find((each) => each === name);
  return device === undefined || !/^[0-9a-f]{32}$/.test(device) || request === undefined || more.length > 0
    ? undefined
    : { device, request };
}

/** What a subscription of a device's stands for, of its own topics; empty where it is not for them alone. */
export function answersOf(prefix: string, device: string, filter: string): readonly (typeof ANSWERS)[number][] {
  const own = `${prefix}/${device}/`;
  if (!filter.startsWith(own)) return [];
  const rest = filter.slice(own.length);
  return rest === '#' || rest === '+' ? ANSWERS : ANSWERS.filter((name) => name === rest);
}
