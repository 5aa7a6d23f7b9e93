/** Commands that run until they are stopped. */
const LASTING: ReadonlySet<string | undefined> = new Set(['start', 'listener', 'store']);
/** V8's own upper limit was this for years; smaller ones cost fan-out. */
const SEMI_SPACE_MB = 16;
const FLAGS = [`--min-semi-space-size=${SEMI_SPACE_MB}`, `--max-semi-space-size=${SEMI_SPACE_MB}`];

/**
 * Gives a server a young generation of one size. V8 would let it grow with the machine's memory, up to 128 MB in steps over hours, which
 * looks like a leak and is more than small machines have to spare. The size counts only when a process starts, so this one starts anew,
 * as itself: the same process id, files and environment (`execve(2)`). Returns where there is nothing to do: for commands that end by
 * themselves, where somebody chose a size (`NODE_OPTIONS`), and where that can't be done (Windows, Node before 22.15).
 */
export function fixYoungGeneration(): void {
  const command = process.argv.slice(2).find((word) => !word.startsWith('-'));
  const chosen = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].some((flag) => flag.includes('semi-space-size'));
  if (!LASTING.has(command) || chosen || process.platform === 'win32' || process.channel !== undefined) return;
  process.execve?.(process.execPath, [process.execPath, ...FLAGS, ...process.execArgv, ...process.argv.slice(1)]);
}
